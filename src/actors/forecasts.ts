/** Forecasts beside the server's own work: one at a time, in a thread of its own. */
import { Worker } from 'node:worker_threads';
import { AppError } from '../errors.ts';
import type { Definition } from '../programs/definition.ts';
import type { Forecast, ForecastQuestion } from './forecast.ts';
import type { ForecastNews, ForecastTask } from './forecast-worker.ts';

/** Asks for forecasts. */
export interface Forecasts {
  /**
   * Forecasts a definition without errors. The signal ends the work.
   *
   * @param onProgress hears how many people are through
   * @throws AppError OVERLOADED another forecast is at work here · UNAVAILABLE it took longer than two minutes, or was ended
   */
  run(definition: Definition, question: ForecastQuestion, signal: AbortSignal, onProgress: (done: number) => void): Promise<Forecast>;
}

const mostMs = 120_000;

/** The forecasts of this process. */
export function createForecasts(): Forecasts {
  let busy = false;
  return {
    async run(definition, question, signal, onProgress) {
      if (busy) throw new AppError('OVERLOADED', 'Try again when the forecast at work is done', { details: { retry_after_ms: 10_000 } });
      busy = true;
      const worker = new Worker(new URL('./forecast-worker.ts', import.meta.url));
      try {
        return await ask(worker, { definition, question }, AbortSignal.any([signal, AbortSignal.timeout(mostMs)]), onProgress);
      } finally {
        busy = false;
        await worker.terminate();
      }
    },
  };
}

function ask(worker: Worker, task: ForecastTask, signal: AbortSignal, onProgress: (done: number) => void): Promise<Forecast> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(new AppError('UNAVAILABLE', 'The forecast was not brought to its end', { cause }));
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
    worker.on('error', fail);
    worker.on('exit', () => fail(new Error('The thread has ended')));
    worker.on('message', (news: ForecastNews) => {
      if (news.kind === 'progress') onProgress(news.done);
      else if (news.kind === 'done') resolve(news.forecast);
      else fail(new Error(news.reason));
    });
    worker.postMessage(task);
  });
}
