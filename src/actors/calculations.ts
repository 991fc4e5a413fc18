/** What takes long about programs, beside the server's own work: checks and simulations in one thread, forecasts and replays in another. */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { Calculable, CalculationNews, CalculationTask, Kind } from './calculation-worker.ts';

/** Asks for checks, simulations, forecasts and replays. */
export interface Calculations {
  /**
   * Works a task out. The signal ends the work.
   *
   * @param onProgress hears how many people of a forecast or replay are through
   * @throws AppError OVERLOADED too many wait · UNAVAILABLE it took longer than ten seconds (forecasts and replays: two minutes), or was ended
   */
  run<K extends Kind>(task: CalculationTask<K>, signal?: AbortSignal, onProgress?: (done: number) => void): Promise<Calculable[K]['give']>;
}

/** One thread: what it takes at a time, and for how long. */
interface LaneOptions {
  /** How many may wait for the one at work. */
  mostWaiting: number;
  mostMs: number;
}

/** Somebody waits for a check; who asks for a second forecast meanwhile is told to come back. */
const lanes = { short: { mostWaiting: 16, mostMs: 10_000 }, long: { mostWaiting: 0, mostMs: 120_000 } } as const;
const laneOf: Readonly<Record<Kind, keyof typeof lanes>> = {
  check: 'short',
  review: 'short',
  simulate: 'short',
  forecast: 'long',
  replay: 'long',
};
/** A thread without work is kept for the next one, and ends after this long. */
const idleMs = 60_000;

/** The calculations of this process. */
export function createCalculations(clock: Pick<Clock, 'after'>): Calculations {
  const [short, long] = [createLane(lanes.short, clock), createLane(lanes.long, clock)];
  return {
    run(task, signal = new AbortController().signal, onProgress = () => undefined) {
      return (laneOf[task.kind] === 'short' ? short : long)(task as CalculationTask, signal, onProgress) as never;
    },
  };
}

type Run = (task: CalculationTask, signal: AbortSignal, onProgress: (done: number) => void) => Promise<unknown>;

function createLane({ mostWaiting, mostMs }: LaneOptions, clock: Pick<Clock, 'after'>): Run {
  let thread: Worker | null = null;
  let queue: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let rest: () => void = () => undefined;

  async function work(task: CalculationTask, signal: AbortSignal, onProgress: (done: number) => void): Promise<unknown> {
    if (signal.aborted) throw unfinished(signal.reason);
    rest();
    const worker = thread ?? startThread();
    thread = worker;
    worker.ref();
    try {
      const result = await ask(worker, task, AbortSignal.any([signal, AbortSignal.timeout(mostMs)]), onProgress);
      worker.unref();
      rest = clock.after(idleMs, () => end(worker));
      return result;
    } catch (error) {
      // What it is at cannot be called off otherwise.
      end(worker);
      throw error;
    }
  }

  function end(worker: Worker): void {
    if (thread === worker) thread = null;
    worker.terminate().catch(() => {
      // It has ended by itself.
    });
  }

  return async (task, signal, onProgress) => {
    if (waiting > mostWaiting) {
      throw new AppError('OVERLOADED', 'Try again when the calculation at work is done', { details: { retry_after_ms: mostMs / 12 } });
    }
    waiting += 1;
    const turn = queue.then(() => work(task, signal, onProgress));
    queue = turn.catch(() => {
      // Whoever asked has heard.
    });
    return turn.finally(() => {
      waiting -= 1;
    });
  };
}

function startThread(): Worker {
  const worker = new Worker(new URL('./calculation-worker.ts', import.meta.url));
  // One that fails while it is ended is nobody's any more.
  return worker.on('error', () => undefined);
}

function unfinished(cause: unknown): AppError {
  return new AppError('UNAVAILABLE', 'The calculation was not brought to its end', { cause });
}

async function ask(worker: Worker, task: CalculationTask, signal: AbortSignal, onProgress: (done: number) => void): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const fail = (cause: unknown) => reject(unfinished(cause));
  const onAbort = () => fail(signal.reason);
  const onExit = () => fail(new Error('The thread has ended'));
  const onNews = (news: CalculationNews) => {
    if (news.kind === 'progress') onProgress(news.done);
    else if (news.kind === 'done') resolve(news.result);
    else fail(new Error(news.reason));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  worker.on('error', fail).on('exit', onExit).on('message', onNews);
  worker.postMessage(task);
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    worker.off('error', fail).off('exit', onExit).off('message', onNews);
  }
}
