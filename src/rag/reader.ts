/** Reads documents in a process of its own that is killed when it takes too long or too much memory. */
import { fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.ts';
import { type ReadProblem, UnreadableDocument } from './document-text.ts';
import type { ReadAs, ReadDocument, ReadLimits } from './reading.ts';

/** What the reader's process is told. */
export interface ReadTask extends ReadAs {
  path: string;
  limits: ReadLimits;
}

/** What it answers. */
export type ReadOutcome = { document: ReadDocument } | { problem: ReadProblem; message: string };

/** Where documents are read. */
export interface Reader {
  /**
   * Reads the file; one at a time, later calls wait.
   *
   * @throws UnreadableDocument with the reason · the signal's reason
   */
  read(path: string, as: ReadAs, signal: AbortSignal): Promise<ReadDocument>;
}

/** What one document may cost. */
export interface ReaderLimits extends ReadLimits {
  timeoutMs: number;
  heapMegabytes: number;
  /** Memory of the whole process, watched where the system tells it (Linux). */
  residentMegabytes: number;
}

/** Enough for a book of 1,500 pages. */
export const defaultReaderLimits: ReaderLimits = {
  chars: 4_000_000,
  pages: 3_000,
  entries: 10_000,
  inflatedBytes: 100 * 1024 * 1024,
  timeoutMs: 60_000,
  heapMegabytes: 512,
  residentMegabytes: 1_024,
};

const program = fileURLToPath(new URL('./reader-process.ts', import.meta.url));
const watchEveryMs = 100;

/** A reader. A process, not a thread: a thread's cap leaves out the buffers that hostile files inflate into. */
export function createReader(clock: Clock, limits: ReaderLimits = defaultReaderLimits): Reader {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    read(path, as, signal) {
      const result = tail.then(() => readInProcess({ path, ...as, limits }, limits, clock, signal));
      tail = result.catch(() => {
        // the caller hears of it; the next document is read all the same
      });
      return result;
    },
  };
}

function readInProcess(task: ReadTask, limits: ReaderLimits, clock: Clock, signal: AbortSignal): Promise<ReadDocument> {
  signal.throwIfAborted();
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
    function fail(problem: ReadProblem, message: string, cause?: unknown): void {
      end(() => reject(new UnreadableDocument(problem, message, { cause })));
    }

    const abort = () => end(() => reject(signal.reason));
    signal.addEventListener('abort', abort, { once: true });
    const stops = [
      () => signal.removeEventListener('abort', abort),
      clock.after(limits.timeoutMs, () => fail('too_slow', `Split the document: reading it took more than ${limits.timeoutMs / 1000} s`)),
      watchMemory(child.pid, limits.residentMegabytes, clock, () =>
        fail('too_large', 'Split the document: reading it takes too much memory'),
      ),
    ];
    child.once('message', (outcome: ReadOutcome) => {
      if ('document' in outcome) end(() => resolve(outcome.document));
      else fail(outcome.problem, outcome.message);
    });
    child.once('error', (cause) => fail('broken', 'Upload the document again: the reader could not start', cause));
    child.once('exit', () => fail('too_large', 'Split the document: reading it takes too much memory'));
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
