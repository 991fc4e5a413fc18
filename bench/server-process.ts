/** A server under measurement as a process of its own: when it was ready, what it has burnt, what it holds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface ServerProcess {
  pid: number;
  /** Milliseconds from the start of the process until it said that it is up. */
  startMs: number;
  /** Whatever it wrote until then. */
  output: string;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and waits until it is gone. */
  stop(): Promise<void>;
}

/** Ticks of /proc a second (sysconf CLK_TCK, 100 on every Linux that Node runs on). */
const ticks = 100;

/** Runs a script with this Node and waits until its output holds `up`. */
export async function startServer(script: string, environment: Readonly<Record<string, string>>, up: string): Promise<ServerProcess> {
  const { PATH, HOME } = process.env;
  const began = performance.now();
  const flags = (process.env.BENCH_NODE_FLAGS ?? '').split(' ').filter((flag) => flag !== '');
  const child = spawn(process.execPath, [...flags, script], {
    env: { PATH, HOME, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  process.once('exit', () => child.kill('SIGKILL'));
  const output = await said(child, up);
  child.stdout.resume();
  return {
    pid: child.pid as number,
    startMs: performance.now() - began,
    output,
    signal: (name) => child.kill(name),
    async stop() {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

function said(child: ChildProcess, words: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.once('exit', (code) => reject(new Error(`The server ended with code ${code}: ${output}`)));
    child.stdout?.on('data', (chunk) => {
      output += chunk;
      if (output.includes(words)) resolve(output);
    });
  });
}

/** CPU time of a process and, when asked, of its children (those that have ended included), in milliseconds. */
export function cpuMs(pid: number, withChildren = false): number {
  const own = statOf(pid);
  if (own === null) return 0;
  if (!withChildren) return own.ms;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)));
  return own.ms + own.childrenMs + children.reduce((sum, stat) => sum + (stat?.parent === pid ? stat.ms : 0), 0);
}

/** See proc(5): the fields after the name, which may hold anything but ends with the last parenthesis. */
function statOf(pid: number): { parent: number; ms: number; childrenMs: number } | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const [parent, user, system, childUser, childSystem] = [1, 11, 12, 13, 14].map((index) => Number(fields[index])) as [
      ...[number, number, number, number, number],
    ];
    return { parent, ms: ((user + system) * 1000) / ticks, childrenMs: ((childUser + childSystem) * 1000) / ticks };
  } catch {
    // it has ended since the folder was read
    return null;
  }
}

/** The process's share of physical memory (PSS), in MiB. */
export function memoryMiB(pid: number): number {
  const kib = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}
