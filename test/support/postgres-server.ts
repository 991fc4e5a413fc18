/** A throw-away PostgreSQL server on loopback, from the binaries in PG_BIN, for suites and benchmarks that need the real one. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const binaries = process.env.PG_BIN ?? '/usr/lib/postgresql/15/bin';
const readyTimeoutMs = 20_000;

/** A running server. `url` signs in as its superuser. */
export interface PostgresServer {
  url: string;
  /** The process whose children serve the connections. */
  readonly pid: number;
  /** Breaks every connection, as a restart for maintenance does, and starts again on the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('Cannot find a free port');
  return address.port;
}

/** PostgreSQL refuses to run as root: then it runs as the system user `postgres`. */
function account(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

async function untilReady(server: ChildProcess, port: number): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended at once with code ${server.exitCode}`);
    try {
      execFileSync(join(binaries, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)]);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw new Error('PostgreSQL did not get ready', { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Fills sixty files of the write-ahead log, which the checkpoint then renames for later (PostgreSQL 15, 30.5). */
function layInLog(port: number): void {
  const fill = `do $$ begin for file in 1..60 loop
      perform pg_logical_emit_message(false, 'bench', ''); perform pg_switch_wal();
    end loop; end $$`;
  execFileSync(join(binaries, 'psql'), ['-q', '-h', '127.0.0.1', '-p', String(port), '-U', 'postgres', '-c', fill, '-c', 'checkpoint']);
}

/**
 * Makes a new cluster in a temporary folder and starts it; `stop` ends it and removes the folder.
 *
 * @param options.durable whether a commit waits for the disk, which a test has no need for. It is then as one that has been in service for a
 * while: files of its log are there to be written again. A new one makes each of 16 MB when it is needed, and every commit waits meanwhile
 */
export async function startPostgres({ durable = false } = {}): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'companero-postgres-'));
  const user = account();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  execFileSync(join(binaries, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
    ...user,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const port = await freePort();
  const settings = [
    `fsync=${durable ? 'on' : 'off'}`,
    'max_connections=200',
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    ...(durable ? ['min_wal_size=1GB'] : []),
  ];
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  let server: ChildProcess;

  async function start(): Promise<void> {
    server = spawn(join(binaries, 'postgres'), args, { ...user, cwd: folder, stdio: 'ignore' });
    await untilReady(server, port);
  }

  async function end(): Promise<void> {
    if (server.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
    server.kill('SIGINT');
    await ended;
  }

  const stop = async () => {
    await end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await start();
    if (durable) layInLog(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    get pid() {
      return server.pid as number;
    },
    async restart() {
      await end();
      await start();
    },
    stop,
  };
}
