/** The real server as a process on a free port, started by the README's command, to be stopped politely or killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A server that is up. */
export interface ServerProcess {
  /** Such as `http://127.0.0.1:41234`. */
  origin: string;
  /** Everything written to standard output so far. */
  output(): string;
  /** SIGTERM, and again while it leaves when `twice`. Resolves when it has left; fails unless it left in good order. */
  stop(twice?: 'twice'): Promise<void>;
  /** SIGKILL, as a power cut would be for the process. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: it neither answers nor ends, as a machine that hangs. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

/** How a process ended that did not come up. */
export interface Ended {
  code: number | null;
  stderr: string;
}

type Environment = Readonly<Record<string, string>>;

const up = 'Compañero is up.';
const deno = process.env.ACCEPTANCE_RUNTIME === 'deno';
const command: [string, ...string[]] = deno ? ['deno', 'task', '--quiet', 'start'] : ['npm', 'start', '--silent'];

/** A data folder that goes with the test. */
export async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-acceptance-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts the server and waits until it says that it is up. Whatever is left of it ends with the test. */
export async function startServer(environment: Environment): Promise<ServerProcess> {
  const { child, output, errors, ended } = run({ PORT: String(await freePort()), ...environment });
  const outcome = await Promise.race([ended, said(child, output, up, '\n\n')]);
  if (outcome !== undefined) throw new Error(`The server ended with ${outcome.code}: ${errors()}${output()}`);
  const origin = /http:\/\/\S+?(?=\/\s)/.exec(output())?.[0]?.replace('localhost', '127.0.0.1') ?? '';
  return {
    origin,
    output,
    async stop(twice) {
      signal(child, 'SIGTERM');
      if (twice !== undefined) {
        await said(child, output, '"server.leaving"', '\n');
        signal(child, 'SIGTERM');
      }
      await ended;
      if (!output().includes('"server.left"')) throw new Error(`The server left in disorder: ${errors()}${output()}`);
    },
    async kill() {
      signal(child, 'SIGKILL');
      await ended;
    },
    pause: () => signal(child, 'SIGSTOP'),
    resume: () => signal(child, 'SIGCONT'),
  };
}

/** Starts a server that is expected to end by itself. */
export async function startInVain(environment: Environment): Promise<Ended> {
  return run(environment).ended;
}

/** Starts a server and kills it after `ms`, wherever it is then. */
export async function killWhileStarting(environment: Environment, ms: number): Promise<void> {
  const { child, ended } = run({ PORT: '0', ...environment });
  await new Promise((resolve) => setTimeout(resolve, ms));
  signal(child, 'SIGKILL');
  await ended;
}

function run(environment: Environment) {
  const { PATH, HOME, HOT_CONVERSATIONS = '5000' } = process.env;
  // A process group of its own, so that a signal reaches the server and not only npm.
  const child = spawn(command[0], command.slice(1), {
    env: { PATH, HOME, HOT_CONVERSATIONS, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, stderr: err })));
  onTestFinished(async () => {
    signal(child, 'SIGKILL');
    await ended;
  });
  return { child, output: () => out, errors: () => err, ended };
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function said(child: ReturnType<typeof run>['child'], output: () => string, words: string, end: string): Promise<undefined> {
  return new Promise((resolve) => {
    // Two chunks may share the words: what has come so far is searched.
    child.stdout.on('data', () => output().includes(words) && output().endsWith(end) && resolve(undefined));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
