/** Answers questions from a creator's documents: with a model where one is reachable, else by quoting; never beyond what was retrieved. */
import type { Answer, AnswerRequest, Answers, OnDelta } from '../answers.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { DocumentId, Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { type AnswerSettings, answerSettings, insertAnswer } from '../store/answers.ts';
import type { AnswerCache, Computed } from './answer-cache.ts';
import { answerKey } from './answer-key.ts';
import { coverageOf } from './evidence.ts';
import { extractiveAnswer } from './extractive.ts';
import { questionsOf } from './follow-up.ts';
import type { ModelShare } from './model-share.ts';
import type { ChatModel } from './ollama.ts';
import { promptVersionOf } from './prompts.ts';
import { rerank } from './rerank.ts';
import type { Retrieved, Retriever } from './retrieve.ts';
import { writtenAnswer } from './written.ts';

export interface AnswerDeps {
  db: Database;
  retriever: Retriever;
  /** The writer of this name, or of the installation's for null; null when no server of models is configured. */
  writer(name: string | null): ChatModel | null;
  share: ModelShare;
  cache: AnswerCache;
  clock: Clock;
  ids: Ids;
  log: Log;
}

const passagesForAnswer = 5;
const passagesToRerank = 10;
const withinMs = 120_000;
const rerankMs = 5_000;
/** An answer is kept for an hour, one that was found without the vectors that belong to it until these may be back. */
const keepMs = 3_600_000;
const keepWithoutVectorsMs = 60_000;

/** What one answer is made with. */
interface Asked {
  request: AnswerRequest;
  /** The question, and the one before where it leans on it. */
  questions: readonly string[];
  settings: AnswerSettings;
  model: ChatModel | null;
  signal: AbortSignal;
  onDelta: OnDelta;
}

/** The answers port over retrieval and, where there is one, a model. */
export function createAnswers(deps: AnswerDeps): Answers {
  const { db, clock, log } = deps;
  return {
    async answer(request, signal, onDelta) {
      const begun = clock.wall();
      const settings = await db.tenant(request.creatorId, (sql) => answerSettings(sql, request.creatorId));
      const model = deps.writer(settings.model);
      const questions = questionsOf(request.question, request.history);
      let retrieved: Retrieved | null = null;
      const key = answerKey(request, questions, settings, (await model?.identify()) ?? null);
      const { answer, cached } = await deps.cache.once(key, signal, () =>
        compute(deps, { request, questions, settings, model, signal, onDelta }, (found) => {
          retrieved = found;
        }),
      );
      signal.throwIfAborted();
      if (cached && answer.text !== '') onDelta(answer.text);
      await record(deps, request, answer, { cached, retrieved, durationMs: clock.wall() - begun }).catch((cause: unknown) =>
        log.error('answer.record.failed', cause, { creator_id: request.creatorId }),
      );
      return answer;
    },
  };
}

/** Kept are answers that would come out the same: not those of a failure, and not those that depend on what was said before. */
async function compute(deps: AnswerDeps, asked: Asked, onRetrieved: (retrieved: Retrieved) => void): Promise<Computed> {
  const { request, questions, model, settings, signal } = asked;
  const many = settings.rerank && model !== null ? passagesToRerank : passagesForAnswer;
  const retrieved = await deps.retriever.retrieve(request.creatorId, questions, request.collections, many, signal);
  onRetrieved(retrieved);
  const keptMs = retrieved.withoutVectors ? keepWithoutVectorsMs : keepMs;
  const promptVersion = promptVersionOf(settings.prompt);
  if (retrieved.passages.length === 0 || isTooWeak(request, questions, retrieved)) {
    return { answer: { ...nothing, degraded: model === null, model: 'extractive', promptVersion }, keepMs: keptMs };
  }
  let heard = false;
  const onDelta: OnDelta = (text) => {
    heard = true;
    asked.onDelta(text);
  };
  const written = model?.available ? await write(deps, { ...asked, onDelta }, model, retrieved) : null;
  if (written !== null) return { answer: { ...written, promptVersion }, keepMs: written.degraded ? 0 : keptMs };
  if (heard) asked.onDelta('', true);
  const answer = { ...quoted(questions, retrieved), promptVersion };
  for (const line of answer.text.split(/(?<=\n)/)) if (line !== '') asked.onDelta(line);
  return { answer, keepMs: model === null ? keptMs : 0 };
}

/** Whether the creator asks for more than the documents hold of the question. */
function isTooWeak({ minScore }: AnswerRequest, questions: readonly string[], retrieved: Retrieved): boolean {
  if (minScore === undefined || minScore === null) return false;
  return coverageOf(questions[0] ?? '', retrieved) < minScore && coverageOf(questions.join(' '), retrieved) < minScore;
}

type Unversioned = Omit<Answer, 'promptVersion'>;

const nothing = { text: '', citations: [], grounded: false };

/** The last question alone is tried first: an earlier one is context, not what was asked. */
function quoted(questions: readonly string[], retrieved: Retrieved): Unversioned {
  const alone = extractiveAnswer(questions[0] ?? '', retrieved);
  return alone.grounded ? alone : extractiveAnswer(questions.join(' '), retrieved);
}

/** The model's answer; null when it fails, or the creator's share of it is used up. */
async function write(deps: AnswerDeps, asked: Asked, model: ChatModel, retrieved: Retrieved): Promise<Unversioned | null> {
  const { request, signal, settings } = asked;
  const fields = { creator_id: request.creatorId, model: model.name };
  const place = await deps.share.take(request.creatorId);
  if (place === null) {
    deps.log.warn('answer.share.used', fields);
    return null;
  }
  const late = createLateness(deps.clock, request.withinMs ?? withinMs, signal);
  try {
    const best = settings.rerank ? await reranked(deps, asked, model, retrieved, place.spend, late.signal) : retrieved;
    return await writtenAnswer({ model, request, retrieved: best, prompt: settings.prompt, late, spend: place.spend }, asked.onDelta);
  } catch (error) {
    signal.throwIfAborted();
    deps.log.warn('answer.degraded', { ...fields, code: error instanceof Error ? error.name : 'unknown' });
    return null;
  } finally {
    late.clear();
    await place.done();
  }
}

async function reranked(
  deps: AnswerDeps,
  { request }: Asked,
  model: ChatModel,
  retrieved: Retrieved,
  spend: (tokens: number) => void,
  signal: AbortSignal,
): Promise<Retrieved> {
  const brief = createLateness(deps.clock, rerankMs, signal);
  try {
    const passages = await rerank(model, request.question, retrieved.passages, spend, brief.signal);
    return { ...retrieved, passages: passages.slice(0, passagesForAnswer) };
  } catch {
    // the order by words and vectors stands
    signal.throwIfAborted();
    return { ...retrieved, passages: retrieved.passages.slice(0, passagesForAnswer) };
  } finally {
    brief.clear();
  }
}

/** Fires with the given signal or after `ms`, and tells which. */
export interface Lateness {
  signal: AbortSignal;
  /** Whether time has run out, and not the caller gone. */
  readonly late: boolean;
  clear(): void;
}

function createLateness(clock: Clock, ms: number, signal: AbortSignal): Lateness {
  const late = new AbortController();
  const clear = clock.after(ms, () => late.abort(new Error(`No answer within ${ms} ms`)));
  return {
    signal: AbortSignal.any([signal, late.signal]),
    clear,
    get late() {
      return late.signal.aborted && !signal.aborted;
    },
  };
}

async function record(
  { db, ids, clock }: AnswerDeps,
  request: AnswerRequest,
  answer: Answer,
  how: { cached: boolean; retrieved: Retrieved | null; durationMs: number },
): Promise<void> {
  const cited = answer.citations.map(({ document_id, chunk_index }) => ({ document_id: document_id as DocumentId, chunk_index, score: 0 }));
  const found = how.retrieved?.passages.map(({ document_id, position, score }) => ({ document_id, chunk_index: position, score }));
  await db.tenant(request.creatorId, (sql) =>
    insertAnswer(sql, request.creatorId, {
      id: ids.uuid(),
      conversation_id: request.conversationId ?? null,
      question: request.question.slice(0, 4_000),
      answer: answer.text,
      grounded: answer.grounded,
      degraded: answer.degraded,
      cached: how.cached,
      model: answer.model,
      prompt_version: answer.promptVersion,
      passages: found ?? cited,
      duration_ms: Math.max(0, Math.round(how.durationMs)),
      created_at: new Date(clock.wall()),
    }),
  );
}
