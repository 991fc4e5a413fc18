/** Runs one task in a process of its own that is killed when it takes too long or too much memory: for what reads hostile files. */
import { fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Clock } from './clock.ts';

/** What a task may cost. */
export interface ProcessLimits {
  timeoutMs: number;
  heapMegabytes: number;
  /** Memory of the whole process, watched where the system tells it (Linux). */
  residentMegabytes: number;
}

/** Why there is no answer: the time or the memory was used up, or the process could not start. */
export type ProcessProblem = 'too_slow' | 'too_large' | 'not_started';

/** A process that ended without an answer. */
export class ProcessEnded extends Error {
  readonly problem: ProcessProblem;

  constructor(problem: ProcessProblem, options?: ErrorOptions) {
    super(`Cannot finish the task in its process: "${problem}"`, options);
    this.problem = problem;
  }
}

const watchEveryMs = 100;

/**
 * The one answer of `program`, a file that takes one message, sends one and is then killed. A process, not a thread: a thread's cap leaves
 * out the buffers that hostile files inflate into, and code that is not JavaScript can take the whole server down.
 *
 * @param task anything the structured clone algorithm takes
 * @throws ProcessEnded · the signal's reason
 */
export function askOwnProcess<Answer>(
  program: string,
  task: object,
  { limits, clock, signal }: { limits: ProcessLimits; clock: Clock; signal?: AbortSignal },
): Promise<Answer> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = fork(program, [], {
      execArgv: [
        `--max-old-space-size=${limits.heapMegabytes}`,
        ...(process.versions.deno ? [] : ['--disable-warning=ExperimentalWarning']),
      ],
      // Nothing of the server's settings: the file may be hostile.
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    let done = false;

    function end(settle: () => void): void {
      if (done) return;
      done = true;
      for (const stop of stops) stop();
      child.kill('SIGKILL');
      settle();
    }
    function fail(problem: ProcessProblem, cause?: unknown): void {
      end(() => reject(new ProcessEnded(problem, { cause })));
    }

    const abort = () => end(() => reject(signal?.reason));
    signal?.addEventListener('abort', abort, { once: true });
    const stops = [
      () => signal?.removeEventListener('abort', abort),
      clock.after(limits.timeoutMs, () => fail('too_slow')),
      watchMemory(child.pid, limits.residentMegabytes, clock, () => fail('too_large')),
    ];
    child.once('message', (answer) => end(() => resolve(answer as Answer)));
    child.once('error', (cause) => fail('not_started', cause));
    // A heap that is full ends the process.
    child.once('exit', () => fail('too_large'));
    child.send(task);
  });
}

/** Calls `exceeded` once when the process holds more; returns how to stop watching. */
function watchMemory(pid: number | undefined, megabytes: number, clock: Clock, exceeded: () => void): () => void {
  let cancel = () => {};
  let stopped = pid === undefined;
  function look(): void {
    residentKilobytes(pid).then((kilobytes) => {
      if (stopped) return;
      if (kilobytes > megabytes * 1024) exceeded();
      else cancel = clock.after(watchEveryMs, look);
    }, ignoreMissing);
  }
  cancel = clock.after(watchEveryMs, look);
  return () => {
    stopped = true;
    cancel();
  };
}

async function residentKilobytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
}

/** Not Linux, or the process has just ended: its heap cap and the clock watch alone. */
function ignoreMissing(): void {}
