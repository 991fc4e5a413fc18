/** A throw-away Redis server on loopback that keeps nothing, for suites that stop it and start it empty. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { freePort } from '../../src/runtime/free-port.ts';

const readyTimeoutMs = 10_000;

/** A running server. */
export interface RedisServer {
  url: string;
  stop(): Promise<void>;
  /** Starts it again after `stop`, on the same port, with nothing in it. */
  start(): Promise<void>;
}

/** Starts `redis-server` on a free port. */
export async function startRedis(): Promise<RedisServer> {
  const port = await freePort('127.0.0.1', 0);
  let server: ChildProcess;

  async function start(): Promise<void> {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()];
    server = spawn('redis-server', args, { stdio: 'ignore' });
    await untilReady(port);
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
      server.kill('SIGKILL');
      await ended;
    },
    start,
  };
}

async function untilReady(port: number): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  while (!(await answers(port))) {
    if (Date.now() > deadline) throw new Error('Redis did not get ready');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
