/** An answer by a model within a creator's share and in time, passages ordered by it first where that is wanted. */
import type { Answer, AnswerRequest, OnDelta } from '../answers.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { AnswerFault, AnswerSettings } from '../store/answers.ts';
import { createLateness, type Lateness } from './lateness.ts';
import type { ModelShare, Place } from './model-share.ts';
import type { ChatModel } from './ollama.ts';
import { rerank } from './rerank.ts';
import type { Retrieved } from './retrieve.ts';
import { writtenAnswer } from './written.ts';

/** What one answer is made with. */
export interface Asked {
  request: AnswerRequest;
  /** The question, and the one before where it leans on it. */
  questions: readonly string[];
  settings: AnswerSettings;
  /** Null where none writes. */
  model: ChatModel | null;
  signal: AbortSignal;
  onDelta: OnDelta;
}

export interface ModelAnswerDeps {
  share: ModelShare;
  clock: Clock;
  log: Log;
}

/** What came of asking a model: null when it gave no answer, and what went wrong. */
export interface ModelAnswer {
  answer: Omit<Answer, 'promptVersion'> | null;
  faults: AnswerFault[];
}

/** How many passages an answer is made from. */
export const passagesForAnswer = 5;
/** How many are ordered for that. */
export const passagesToRerank = 10;

const withinMs = 120_000;
const rerankMs = 5_000;

/** The model's answer, unless there is no model, it fails, or the creator's share of it is used up. @throws the signal's reason */
export async function modelAnswer(deps: ModelAnswerDeps, asked: Asked, retrieved: Retrieved): Promise<ModelAnswer> {
  const { model, request } = asked;
  if (model === null) return { answer: null, faults: [] };
  if (!model.available) return { answer: null, faults: ['model'] };
  const place = await deps.share.take(request.creatorId);
  if (place === null) {
    deps.log.warn('answer.share.used', { creator_id: request.creatorId, model: model.name });
    return { answer: null, faults: ['share'] };
  }
  if (!model.pass()) {
    await place.done();
    return { answer: null, faults: ['model'] };
  }
  const late = createLateness(deps.clock, request.withinMs ?? withinMs, asked.signal);
  try {
    return await written(deps, asked, model, retrieved, place, late);
  } finally {
    late.clear();
    await place.done();
  }
}

async function written(
  deps: ModelAnswerDeps,
  asked: Asked,
  model: ChatModel,
  retrieved: Retrieved,
  { spend }: Place,
  late: Lateness,
): Promise<ModelAnswer> {
  const { request, settings, signal } = asked;
  const faults: AnswerFault[] = [];
  try {
    const ordered = settings.rerank ? await reranked(deps, request.question, model, retrieved, spend, late.signal) : retrieved;
    if (ordered === null) faults.push('rerank');
    const best = ordered ?? { ...retrieved, passages: retrieved.passages.slice(0, passagesForAnswer) };
    const answer = await writtenAnswer({ model, request, retrieved: best, prompt: settings.prompt, late, spend }, asked.onDelta);
    return { answer, faults: late.late ? [...faults, 'time'] : faults };
  } catch (error) {
    signal.throwIfAborted();
    const code = error instanceof Error ? error.name : 'unknown';
    deps.log.warn('answer.degraded', { creator_id: request.creatorId, model: model.name, code });
    return { answer: null, faults: [...faults, late.late ? 'time' : 'model'] };
  }
}

/** The best passages in the model's order; null when it gives none in time. */
async function reranked(
  deps: ModelAnswerDeps,
  question: string,
  model: ChatModel,
  retrieved: Retrieved,
  spend: Place['spend'],
  signal: AbortSignal,
): Promise<Retrieved | null> {
  const brief = createLateness(deps.clock, rerankMs, signal);
  try {
    const passages = await rerank(model, question, retrieved.passages, spend, brief.signal);
    return { ...retrieved, passages: passages.slice(0, passagesForAnswer) };
  } catch {
    // the order by words and vectors stands
    signal.throwIfAborted();
    return null;
  } finally {
    brief.clear();
  }
}
