/** Answers questions from a creator's documents: with a model where one is reachable, else by quoting; never beyond what was retrieved. */
import type { Answer, AnswerRequest, Answers } from '../answers.ts';
import type { Log } from '../log.ts';
import { checkCitations, maxAnswerChars, onlyKnownLinks } from './citations.ts';
import { findEvidence } from './evidence.ts';
import { extractiveAnswer } from './extractive.ts';
import { questionsOf } from './follow-up.ts';
import type { ChatModel } from './ollama.ts';
import { chatMessages, defaultWindow } from './prompt-window.ts';
import { notFoundWord, promptVersion } from './prompts.ts';
import type { Retrieved, Retriever } from './retrieve.ts';

export interface AnswerDeps {
  retriever: Retriever;
  /** Null when none is configured. */
  model: ChatModel | null;
  log: Log;
}

const passagesForAnswer = 5;

/** The answers port over retrieval and, where there is one, a model. */
export function createAnswers({ retriever, model, log }: AnswerDeps): Answers {
  return {
    async answer(request, signal, onDelta) {
      const questions = questionsOf(request.question, request.history);
      const retrieved = await retriever.retrieve(request.creatorId, questions, request.collections, passagesForAnswer, signal);
      if (retrieved.passages.length === 0) return notFound('extractive', model === null);
      const asked = questions.join(' ');
      if (model === null || !model.available) return quoted(asked, questions, retrieved, onDelta);
      try {
        return await written(model, request, retrieved, signal, onDelta);
      } catch (error) {
        signal.throwIfAborted();
        log.warn('answer.degraded', {
          creator_id: request.creatorId,
          model: model.name,
          code: error instanceof Error ? error.name : 'unknown',
        });
        return quoted(asked, questions, retrieved, () => {
          // what has been streamed stands until the final message replaces it
        });
      }
    },
  };
}

function notFound(model: string, degraded: boolean): Answer {
  return { text: '', citations: [], grounded: false, degraded, model, promptVersion };
}

/** The last question alone is tried first: an earlier one is context, not what was asked. */
function quoted(asked: string, questions: readonly string[], retrieved: Retrieved, onDelta: (text: string) => void): Answer {
  const alone = extractiveAnswer(questions[0] ?? '', retrieved);
  const answer = alone.grounded ? alone : extractiveAnswer(asked, retrieved);
  for (const line of answer.text.split(/(?<=\n)/)) if (line !== '') onDelta(line);
  return answer;
}

async function written(
  model: ChatModel,
  request: AnswerRequest,
  retrieved: Retrieved,
  signal: AbortSignal,
  onDelta: (text: string) => void,
): Promise<Answer> {
  const limits = { window: defaultWindow.total, answer: defaultWindow.answer };
  const stream = createPlainStream(retrieved, onDelta);
  for await (const piece of model.chat(chatMessages(request, retrieved), limits, signal)) {
    if (!stream.push(piece)) break;
  }
  const raw = stream.end();
  if (raw.trim() === '' || raw.includes(notFoundWord)) return notFound(model.name, false);
  const checked = checkCitations(onlyKnownLinks(raw, retrieved.passages), retrieved.passages);
  if (checked.citations.length === 0) return uncited(model, request.question, retrieved);
  return { ...checked, grounded: true, degraded: false, model: model.name, promptVersion };
}

/** A text that cites nothing is not believed; what the passages say is quoted instead. */
function uncited(model: ChatModel, question: string, retrieved: Retrieved): Answer {
  if (findEvidence(question, retrieved.passages, retrieved.rarity).length === 0) return notFound(model.name, false);
  return extractiveAnswer(question, retrieved);
}

/** Passes on whole words, guarded as the final text is, and nothing while the text may still turn out to be `NOT_FOUND`. */
function createPlainStream({ passages }: Retrieved, onDelta: (text: string) => void) {
  let raw = '';
  let sent = '';
  function pass(upTo: number): void {
    if (notFoundWord.startsWith(raw.trim().slice(0, notFoundWord.length))) return;
    const safe = onlyKnownLinks(raw.slice(0, upTo), passages);
    if (!safe.startsWith(sent) || safe.length === sent.length) return;
    onDelta(safe.slice(sent.length));
    sent = safe;
  }
  return {
    /** False when the answer has grown too long: read no further. */
    push(piece: string): boolean {
      raw += piece;
      pass(raw.lastIndexOf(' ') + 1);
      return raw.length < maxAnswerChars;
    },
    end(): string {
      raw = raw.slice(0, maxAnswerChars);
      pass(raw.length);
      return raw;
    },
  };
}
