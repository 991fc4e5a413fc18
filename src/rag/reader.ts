/** Reads documents in a process of their own that is killed when it takes too long or too much memory. */
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.ts';
import { type KeptProcess, keepOwnProcess, ProcessEnded, type ProcessLimits, type ProcessProblem } from '../own-process.ts';
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
   * @param owner whose file it is: a process reads those of one owner
   * @throws UnreadableDocument with the reason · the signal's reason
   */
  read(owner: string, path: string, as: ReadAs, signal: AbortSignal): Promise<ReadDocument>;
}

/** What one document may cost. */
export interface ReaderLimits extends ReadLimits, ProcessLimits {}

/** Enough for a book of 1,500 pages. What a process holds goes on growing until it is seen and ended, so the cap leaves room below 600 MiB. */
export const defaultReaderLimits: ReaderLimits = {
  chars: 4_000_000,
  pages: 3_000,
  entries: 10_000,
  inflatedBytes: 32 * 1024 * 1024,
  timeoutMs: 60_000,
  heapMegabytes: 512,
  residentMegabytes: 570,
};

const program = fileURLToPath(new URL('./reader-process.ts', import.meta.url));

/** A reader. */
export function createReader(clock: Clock, limits: ReaderLimits = defaultReaderLimits): Reader {
  const kept = keepOwnProcess(program, { limits, clock });
  let tail: Promise<unknown> = Promise.resolve();
  return {
    read(owner, path, as, signal) {
      const result = tail.then(() => readInProcess(kept, owner, { path, ...as, limits }, signal));
      tail = result.catch(() => {
        // the caller hears of it; the next document is read all the same
      });
      return result;
    },
  };
}

async function readInProcess(
  kept: KeptProcess,
  owner: string,
  task: ReadTask & { limits: ReaderLimits },
  signal: AbortSignal,
): Promise<ReadDocument> {
  const outcome = await kept.ask<ReadOutcome>(owner, task, signal).catch((error: unknown) => {
    if (!(error instanceof ProcessEnded)) throw error;
    const [problem, message] = endings(task.limits)[error.problem];
    throw new UnreadableDocument(problem, message, { cause: error });
  });
  if ('document' in outcome) return outcome.document;
  throw new UnreadableDocument(outcome.problem, outcome.message);
}

function endings(limits: ReaderLimits): Record<ProcessProblem, [ReadProblem, string]> {
  return {
    too_slow: ['too_slow', `Split the document: reading it took more than ${limits.timeoutMs / 1000} s`],
    too_large: ['too_large', 'Split the document: reading it takes too much memory'],
    not_started: ['broken', 'Upload the document again: the reader could not start'],
  };
}
