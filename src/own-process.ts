/** Runs one task in a process of its own that is killed when it takes too long or too much memory: for what reads hostile files. */
import { type ChildProcess, fork } from 'node:child_process';
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

/** What a bomb inflates to meanwhile, some 25 MiB, is beyond the cap. */
const watchEveryMs = 25;

/** How a process is asked. */
interface Asking {
  limits: ProcessLimits;
  clock: Clock;
  signal?: AbortSignal;
}

/**
 * The one answer of `program`, a file that answers each message with one; it is killed then. A process, not a thread: a thread's cap leaves
 * out the buffers that hostile files inflate into, and code that is not JavaScript can take the whole server down.
 *
 * @param task anything the structured clone algorithm takes
 * @throws ProcessEnded · the signal's reason
 */
export async function askOwnProcess<Answer>(program: string, task: object, asking: Asking): Promise<Answer> {
  asking.signal?.throwIfAborted();
  const child = start(program, asking.limits);
  try {
    return await ask<Answer>(child, task, asking);
  } finally {
    child.kill('SIGKILL');
  }
}

/** A process that is asked more than once. */
export interface KeptProcess {
  /** As `askOwnProcess`; one question at a time. What one owner's file may have done to the process, another's never meets. */
  ask<Answer>(owner: string, task: object, signal: AbortSignal): Promise<Answer>;
}

/** A process is left after so many answers, after so long without a question, and when it holds this share of its memory. */
const mostAnswers = 500;
const idleMs = 10_000;
const tooFull = 0.5;

/**
 * Keeps the process of `program` for further questions of the same owner: starting one takes longer than reading a letter. On Node it may
 * read files and nothing else: it writes none, starts no process and loads no native code.
 */
export function keepOwnProcess(program: string, { limits, clock }: Omit<Asking, 'signal'>): KeptProcess {
  let kept: { child: ChildProcess; owner: string; answers: number } | null = null;
  let cancelLeave = () => {};

  function leave(): void {
    cancelLeave();
    kept?.child.kill('SIGKILL');
    kept = null;
  }

  return {
    async ask<Answer>(owner: string, task: object, signal: AbortSignal) {
      signal.throwIfAborted();
      cancelLeave();
      if (kept !== null && (kept.owner !== owner || kept.answers >= mostAnswers || !kept.child.connected)) leave();
      const used = kept ?? { child: start(program, limits, confinement), owner, answers: 0 };
      kept = used;
      try {
        const answer = await ask<Answer>(used.child, task, { limits, clock, signal });
        used.answers += 1;
        const kilobytes = await residentKilobytes(used.child.pid).catch(ignoreMissing);
        if ((kilobytes ?? 0) > limits.residentMegabytes * 1024 * tooFull) leave();
        else cancelLeave = clock.after(idleMs, leave);
        return answer;
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

/** See https://nodejs.org/api/permissions.html; what is not allowed is denied. */
const confinement = ['--permission', '--allow-fs-read=*', '--disallow-code-generation-from-strings'];

function start(program: string, { heapMegabytes }: ProcessLimits, flags: readonly string[] = []): ChildProcess {
  return fork(program, [], {
    execArgv: [
      `--max-old-space-size=${heapMegabytes}`,
      ...(process.versions.deno ? [] : ['--disable-warning=ExperimentalWarning', ...flags]),
    ],
    // Nothing of the server's settings: the file may be hostile.
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
}

/** One answer of the process, which ends when it gives none in time. While nothing is asked of it, it keeps nobody from ending. */
function ask<Answer>(child: ChildProcess, task: object, { limits, clock, signal }: Asking): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let done = false;

    function end(settle: () => void): void {
      if (done) return;
      done = true;
      for (const stop of stops) stop();
      child.removeAllListeners();
      // A process that ends after its answer has no news for anybody.
      child.on('error', ignoreMissing);
      child.unref();
      child.channel?.unref();
      settle();
    }
    function fail(problem: ProcessProblem, cause?: unknown): void {
      end(() => {
        child.kill('SIGKILL');
        reject(new ProcessEnded(problem, { cause }));
      });
    }

    const abort = () =>
      end(() => {
        child.kill('SIGKILL');
        reject(signal?.reason);
      });
    signal?.addEventListener('abort', abort, { once: true });
    const stops = [
      () => signal?.removeEventListener('abort', abort),
      clock.after(limits.timeoutMs, () => fail('too_slow')),
      watchMemory(child.pid, limits.residentMegabytes, clock, () => fail('too_large')),
    ];
    child.ref();
    child.channel?.ref();
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
