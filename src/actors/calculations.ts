/** Forecasts and replays beside the server's own work: one at a time, in a thread of its own. */
import { Worker } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import type { CalculationNews, CalculationTask } from './calculation-worker.ts';
import type { Forecast } from './forecast.ts';
import type { ReplayReport } from './replay.ts';

/** What a task gives. */
type ResultOf<Task extends CalculationTask> = Task extends { kind: 'forecast' } ? Forecast : ReplayReport;

/** Asks for forecasts and replays. */
export interface Calculations {
  /**
   * Works a task out. The signal ends the work.
   *
   * @param onProgress hears how many people are through
   * @throws AppError OVERLOADED another one is at work here · UNAVAILABLE it took longer than two minutes, or was ended
   */
  run<Task extends CalculationTask>(task: Task, signal: AbortSignal, onProgress: (done: number) => void): Promise<ResultOf<Task>>;
}

const mostMs = 120_000;

/** The forecasts and replays of this process. */
export function createCalculations(): Calculations {
  let busy = false;
  return {
    async run(task, signal, onProgress) {
      if (busy) throw new AppError('OVERLOADED', 'Try again when the calculation at work is done', { details: { retry_after_ms: 10_000 } });
      busy = true;
      const worker = new Worker(new URL('./calculation-worker.ts', import.meta.url));
      try {
        return await ask(worker, task, AbortSignal.any([signal, AbortSignal.timeout(mostMs)]), onProgress);
      } finally {
        busy = false;
        await worker.terminate();
      }
    },
  };
}

function ask<Task extends CalculationTask>(
  worker: Worker,
  task: Task,
  signal: AbortSignal,
  onProgress: (done: number) => void,
): Promise<ResultOf<Task>> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(new AppError('UNAVAILABLE', 'The calculation was not brought to its end', { cause }));
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
    worker.on('error', fail);
    worker.on('exit', () => fail(new Error('The thread has ended')));
    worker.on('message', (news: CalculationNews) => {
      if (news.kind === 'progress') onProgress(news.done);
      else if (news.kind === 'done') resolve(news.result as ResultOf<Task>);
      else fail(new Error(news.reason));
    });
    worker.postMessage(task);
  });
}
