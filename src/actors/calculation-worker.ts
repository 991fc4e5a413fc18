/** The worker thread that forecasts and replays, so that the event loop of the server does not stand still for it. */
import { parentPort } from 'node:worker_threads';
import { compile } from '../programs/compile.ts';
import type { Definition } from '../programs/definition.ts';
import { type Forecast, type ForecastQuestion, forecast } from './forecast.ts';
import { type Recording, type ReplayReport, replay } from './replay.ts';

/** What the worker is asked. */
export type CalculationTask =
  | { kind: 'forecast'; definition: Definition; question: ForecastQuestion }
  | { kind: 'replay'; definition: Definition; versions: readonly (readonly [number, Definition])[]; recordings: readonly Recording[] };

/** What it tells: how far it is, then the result or why there is none. */
export type CalculationNews =
  | { kind: 'progress'; done: number }
  | { kind: 'done'; result: Forecast | ReplayReport }
  | { kind: 'failed'; reason: string };

const port = parentPort;
const tell = (news: CalculationNews) => port?.postMessage(news);

port?.once('message', (task: CalculationTask) => {
  try {
    tell({ kind: 'done', result: calculate(task) });
  } catch (error) {
    tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
});

function calculate(task: CalculationTask): Forecast | ReplayReport {
  const program = compile(task.definition);
  if (task.kind === 'forecast') return forecast(program, task.question, onProgress);
  const versions = new Map(task.versions.map(([version, definition]) => [version, compile(definition)]));
  return replay(versions, program, task.recordings, onProgress);
}

function onProgress(done: number): void {
  if (done % 20 === 0) tell({ kind: 'progress', done });
}
