/** Answers questions from a creator's documents: with a model where one is reachable, else by quoting; never beyond what was retrieved. */
import type { Answer, AnswerRequest, Answers, OnDelta } from '../answers.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { type AnswerFault, type AnswerRecord, answerSettings, insertAnswer } from '../store/answers.ts';
import type { AnswerCache, Computed } from './answer-cache.ts';
import { answerKey } from './answer-key.ts';
import { coverageOf } from './evidence.ts';
import { extractiveAnswer } from './extractive.ts';
import { questionsOf } from './follow-up.ts';
import { type Asked, modelAnswer, passagesForAnswer, passagesToRerank } from './model-answer.ts';
import type { ModelShare } from './model-share.ts';
import type { ChatModel } from './ollama.ts';
import { promptVersionOf } from './prompts.ts';
import type { Retrieved, Retriever } from './retrieve.ts';

export interface AnswerDeps {
  db: Database;
  retriever: Retriever;
  /** The writer of this name, or of the installation's for null; null when no server of models is configured. */
  writer(name: string | null): ChatModel | null;
  share: ModelShare;
  cache: AnswerCache<Made>;
  clock: Clock;
  ids: Ids;
  log: Log;
}

/** An answer with what it was made from. */
export interface Made {
  answer: Answer;
  passages: AnswerRecord['passages'];
  faults: AnswerFault[];
}

/** An answer is kept for an hour, one that was found without the vectors that belong to it until these may be back. */
const keepMs = 3_600_000;
const keepWithoutVectorsMs = 60_000;

/** The answers port over retrieval and, where there is one, a model. */
export function createAnswers(deps: AnswerDeps): Answers {
  const { db, clock, log } = deps;
  return {
    async answer(request, signal, onDelta) {
      const begun = clock.wall();
      const settings = await db.tenant(request.creatorId, (sql) => answerSettings(sql, request.creatorId));
      const model = deps.writer(settings.model);
      const questions = questionsOf(request.question, request.history);
      const key = answerKey(request, questions, settings, (await model?.identify()) ?? null);
      const { answer: made, cached } = await deps.cache.once(key, signal, () =>
        compute(deps, { request, questions, settings, model, signal, onDelta }),
      );
      signal.throwIfAborted();
      const { answer } = made;
      if (cached && answer.text !== '') onDelta(answer.text);
      await record(deps, request, made, { cached, durationMs: clock.wall() - begun }).catch((cause: unknown) =>
        log.error('answer.record.failed', cause, { creator_id: request.creatorId }),
      );
      return answer;
    },
  };
}

/** Kept are answers that would come out the same: not those of a failure, and not those that depend on what was said before. */
async function compute(deps: AnswerDeps, asked: Asked): Promise<Computed<Made>> {
  const { request, questions, model, settings, signal } = asked;
  const many = settings.rerank && model !== null ? passagesToRerank : passagesForAnswer;
  const retrieved = await deps.retriever.retrieve(request.creatorId, questions, request.collections, many, signal);
  const promptVersion = promptVersionOf(settings.prompt);
  const passages = retrieved.passages.map(({ document_id, position, score }) => ({ document_id, chunk_index: position, score }));
  const faults: AnswerFault[] = retrieved.withoutVectors ? ['vectors'] : [];
  const keptMs = retrieved.withoutVectors ? keepWithoutVectorsMs : keepMs;
  if (retrieved.passages.length === 0 || isTooWeak(request, questions, retrieved)) {
    return { answer: { answer: { ...nothing, degraded: model === null, promptVersion }, passages, faults }, keepMs: keptMs };
  }
  const hearing = createHearing(asked.onDelta);
  const written = await modelAnswer(deps, { ...asked, onDelta: hearing.onDelta }, retrieved);
  faults.push(...written.faults);
  if (written.answer !== null) {
    const made = { answer: { ...written.answer, promptVersion }, passages, faults };
    return { answer: made, keepMs: written.answer.degraded ? 0 : keptMs };
  }
  hearing.withdraw();
  const answer = { ...quoted(questions, retrieved), promptVersion };
  for (const line of answer.text.split(/(?<=\n)/)) if (line !== '') asked.onDelta(line);
  return { answer: { answer, passages, faults }, keepMs: model === null ? keptMs : 0 };
}

/** What has been heard of a model may have to be withdrawn. */
function createHearing(onDelta: OnDelta) {
  let heard = false;
  return {
    onDelta(text: string): void {
      heard = true;
      onDelta(text);
    },
    withdraw(): void {
      if (heard) onDelta('', true);
    },
  };
}

/** Whether the creator asks for more than the documents hold of the question. */
function isTooWeak({ minScore }: AnswerRequest, questions: readonly string[], retrieved: Retrieved): boolean {
  if (minScore === undefined || minScore === null) return false;
  return coverageOf(questions[0] ?? '', retrieved) < minScore && coverageOf(questions.join(' '), retrieved) < minScore;
}

const nothing = { text: '', citations: [], grounded: false, model: 'extractive' };

/** The last question alone is tried first: an earlier one is context, not what was asked. */
function quoted(questions: readonly string[], retrieved: Retrieved): Omit<Answer, 'promptVersion'> {
  const alone = extractiveAnswer(questions[0] ?? '', retrieved);
  return alone.grounded ? alone : extractiveAnswer(questions.join(' '), retrieved);
}

async function record(
  { db, ids, clock }: AnswerDeps,
  request: AnswerRequest,
  { answer, passages, faults }: Made,
  how: { cached: boolean; durationMs: number },
): Promise<void> {
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
      passages,
      faults,
      duration_ms: Math.max(0, Math.round(how.durationMs)),
      created_at: new Date(clock.wall()),
    }),
  );
}
