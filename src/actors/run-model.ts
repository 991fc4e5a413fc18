/** Runs a `model` effect: a language model proposes, this code decides whether the proposal is one the program declared. */
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { TextModels } from '../models-text.ts';
import { readAnswer } from '../programs/inputs.ts';
import type { Json } from '../programs/scope.ts';
import type { ModelParams } from './conversation.ts';
import type { Conclusion, EffectRun, RunEffect } from './effects.ts';
import { historyOf } from './history.ts';

const failed = (reason: string): Conclusion => ({ outcome: 'failed', result: { reason } });
const done = (output: Readonly<Record<string, Json>>): Conclusion => ({ outcome: 'done', result: { output } });

/** The runner of `model`. Without a model, and for what is not declared, the effect fails and the program's `onError` follows. */
export function modelRunner({ db, models }: { db: Database; models: TextModels }): RunEffect {
  const tasks = {
    async classify({ key, params }, signal) {
      const { text = '', labels = [], minScore = 0, language } = params as ModelParams;
      const proposed = await models.classify({ creatorId: key.creatorId, text, labels, language }, signal);
      if (!proposed || !labels.includes(proposed.label)) return failed('no declared label');
      const { label, score } = proposed;
      return score >= minScore && score <= 1 ? done({ text: label, score }) : failed('not sure enough');
    },
    async extract({ key, params }, signal) {
      const { text = '', fields, language } = params as ModelParams;
      const proposed = await models.extract({ creatorId: key.creatorId, text, fields, language }, signal);
      const data = proposed && checkedValues(proposed, fields);
      return data ? done({ data }) : failed('no value of the declared type');
    },
    async summarize({ key, params }, signal) {
      const said = await historyOf(db, key);
      const text = said.map(({ role, text: words }) => `${role}: ${words}`).join('\n');
      const summary = await models.summarize({ creatorId: key.creatorId, text, language: (params as ModelParams).language }, signal);
      return summary === '' ? failed('nothing was written') : done({ text: summary.slice(0, 4_000) });
    },
  } satisfies Record<ModelParams['task'], (run: EffectRun, signal: AbortSignal) => Promise<Conclusion>>;
  return async (run, signal) => {
    try {
      return await tasks[(run.params as ModelParams).task](run, signal);
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNAVAILABLE' && !signal.aborted) return failed('no model');
      throw error;
    }
  };
}

/** The proposed values that are of their declared types; null where one is not, or none is there. */
function checkedValues(proposed: Readonly<Record<string, unknown>>, fields: Readonly<Record<string, string>>): Record<string, Json> | null {
  const values: Record<string, Json> = {};
  for (const [path, type] of Object.entries(fields)) {
    const value = Object.hasOwn(proposed, path) ? proposed[path] : null;
    if (value === null || value === undefined) continue;
    const checked = checkedValue(value, type);
    if (checked === null) return null;
    values[path] = checked;
  }
  return Object.keys(values).length > 0 ? values : null;
}

/** Types whose text has a form of its own, read as a person's answer is. */
const readable: ReadonlySet<string> = new Set(['date', 'time', 'datetime', 'phone', 'email']);

function checkedValue(value: unknown, type: string): Json {
  if (type === 'number') return typeof value === 'number' ? value : null;
  if (type === 'boolean') return typeof value === 'boolean' ? value : null;
  if (type === 'list') return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : null;
  if (typeof value !== 'string' || value.length > 4_000) return null;
  if (!readable.has(type)) return value;
  const answer = readAnswer({ type: type as 'date' }, value, 'en');
  return answer.ok ? answer.value : null;
}
