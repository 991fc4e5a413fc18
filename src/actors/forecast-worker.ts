/** The worker thread that forecasts, so that the event loop of the server does not stand still for it. */
import { parentPort } from 'node:worker_threads';
import { compile } from '../programs/compile.ts';
import type { Definition } from '../programs/definition.ts';
import { type Forecast, type ForecastQuestion, forecast } from './forecast.ts';

/** What the worker is asked. */
export interface ForecastTask {
  definition: Definition;
  question: ForecastQuestion;
}

/** What it tells: how far it is, then the forecast or why there is none. */
export type ForecastNews = { kind: 'progress'; done: number } | { kind: 'done'; forecast: Forecast } | { kind: 'failed'; reason: string };

const port = parentPort;
const tell = (news: ForecastNews) => port?.postMessage(news);

port?.once('message', ({ definition, question }: ForecastTask) => {
  try {
    const report = forecast(compile(definition), question, (done) => {
      if (done % 20 === 0) tell({ kind: 'progress', done });
    });
    tell({ kind: 'done', forecast: report });
  } catch (error) {
    tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
});
