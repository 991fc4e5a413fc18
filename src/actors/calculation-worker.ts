/** The worker thread that checks, simulates, forecasts and replays, so that the event loop of the server does not stand still for it. */
import { parentPort } from 'node:worker_threads';
import { check } from '../programs/check.ts';
import type { Around } from '../programs/check-surroundings.ts';
import { compile } from '../programs/compile.ts';
import type { Definition } from '../programs/definition.ts';
import type { Finding } from '../programs/finding.ts';
import { type Forecast, type ForecastQuestion, forecast } from './forecast.ts';
import { rehearse, type Script } from './rehearse.ts';
import { type Recording, type ReplayReport, replay } from './replay.ts';
import { review } from './review.ts';
import { type Simulated, simulatedOf } from './simulated.ts';

/** What each kind of task is asked, and what it gives. `others` are live programs that the first may start. */
export interface Calculable {
  /** Looks at what a definition says. */
  check: { ask: { json: unknown }; give: Checked };
  /** Looks at what it does, too. */
  review: { ask: { json: unknown; around: Around }; give: Checked };
  simulate: { ask: { definition: Definition; others: readonly Definition[]; script: Script; turns: number }; give: Simulated };
  forecast: { ask: { definition: Definition; others: readonly Definition[]; question: ForecastQuestion }; give: Forecast };
  replay: {
    ask: {
      definition: Definition;
      others: readonly Definition[];
      versions: readonly (readonly [number, Definition])[];
      recordings: readonly Recording[];
    };
    give: ReplayReport;
  };
}

/** A definition, where it is one, and what there is to say about it. */
export interface Checked {
  definition?: Definition;
  findings: readonly Finding[];
}

/** A kind of task. */
export type Kind = keyof Calculable;

/** What the worker is asked. */
export type CalculationTask<K extends Kind = Kind> = { [Each in K]: { kind: Each } & Calculable[Each]['ask'] }[K];

/** What it tells: how far it is, then the result or why there is none. */
export type CalculationNews =
  | { kind: 'progress'; done: number }
  | { kind: 'done'; result: Calculable[Kind]['give'] }
  | { kind: 'failed'; reason: string };

const port = parentPort;
const tell = (news: CalculationNews) => port?.postMessage(news);

const calculate: { [K in Kind]: (task: Calculable[K]['ask']) => Calculable[K]['give'] } = {
  check: ({ json }) => check(json),
  review: ({ json, around }) => review(json, around),
  simulate({ definition, others, script, turns }) {
    return simulatedOf(rehearse(compile(definition), script, { turns, others: others.map(compile) }));
  },
  forecast: ({ definition, others, question }) => forecast(compile(definition), question, onProgress, others.map(compile)),
  replay({ definition, others, versions, recordings }) {
    const followed = new Map(versions.map(([version, one]) => [version, compile(one)]));
    return replay(followed, compile(definition), recordings, onProgress, others.map(compile));
  },
};

port?.on('message', ({ kind, ...ask }: CalculationTask) => {
  try {
    tell({ kind: 'done', result: (calculate[kind] as (task: unknown) => Calculable[Kind]['give'])(ask) });
  } catch (error) {
    tell({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
  }
});

function onProgress(done: number): void {
  if (done % 20 === 0) tell({ kind: 'progress', done });
}
