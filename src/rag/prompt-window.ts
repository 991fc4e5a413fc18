/** Fits instructions, history and passages into a model's window: whole sentences, the best first. */
import type { AnswerRequest } from '../answers.ts';
import { evidenceIn, type QuestionWords } from './evidence.ts';
import { type CustomPrompt, type NumberedPassage, questionPrompt, systemPrompt } from './prompts.ts';
import type { Passage, Retrieved } from './retrieve.ts';
import { sentencesOf } from './sentences.ts';
import { countTokens } from './tokens.ts';

/** A message as a chat model takes it. */
export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** How a window is divided, in tokens. What is left beside these is the question's. */
export interface Window {
  total: number;
  answer: number;
  history: number;
  passages: number;
}

/** A model of 4,000 tokens, with slack for tokenizers that count more than ours. */
export const defaultWindow: Window = { total: 4000, answer: 500, history: 500, passages: 1800 };

const maxQuestionChars = 2_000;
const maxInstructionChars = 1_500;

/** The messages for a question about the retrieved passages. Passage `n` of the prompt is `retrieved.passages[n - 1]`. */
export function chatMessages(
  request: AnswerRequest,
  retrieved: Retrieved,
  prompt: CustomPrompt | null,
  window: Window = defaultWindow,
): ChatMessage[] {
  const instructions = request.instructions?.slice(0, maxInstructionChars) ?? null;
  return [
    { role: 'system', content: systemPrompt(request.language, instructions, prompt) },
    ...recentHistory(request.history, window.history),
    {
      role: 'user',
      content: questionPrompt(request.question.slice(0, maxQuestionChars), fitPassages(request.question, retrieved, window.passages)),
    },
  ];
}

function recentHistory(history: AnswerRequest['history'], budget: number): ChatMessage[] {
  const kept: ChatMessage[] = [];
  let left = budget;
  for (const { role, text } of history.toReversed()) {
    const content = text.slice(0, maxQuestionChars);
    left -= countTokens(content);
    if (left < 0) break;
    kept.unshift({ role: role === 'contact' ? 'user' : 'assistant', content });
  }
  return kept;
}

/** Shares the budget among the passages, better ones first; what one leaves over goes to the next. */
function fitPassages(question: string, retrieved: Retrieved, budget: number): NumberedPassage[] {
  const { passages } = retrieved;
  let left = budget;
  return passages.map((passage, rank) => {
    const share = Math.max(left / 2, left / (passages.length - rank));
    const text = bestSentences(question, passage, retrieved, share);
    left -= countTokens(text);
    return { number: rank + 1, title: passage.title, text };
  });
}

/** The sentences around the best one, in reading order, as many as fit. */
function bestSentences(question: string, passage: Passage, words: QuestionWords, budget: number): string {
  const spans = sentencesOf(passage.text);
  const best = evidenceIn(question, passage, 0, words).reduce((top, next) => (next.coverage > top.coverage ? next : top), {
    sentence: 0,
    coverage: 0,
  }).sentence;
  let [from, to] = [best, best];
  let left = budget;
  const costs = spans.map(({ start, end }) => countTokens(passage.text.slice(start, end)));
  // Forward first: what follows explains more often than what precedes.
  for (;;) {
    const cost = to < spans.length ? (costs[to] ?? 0) : Number.POSITIVE_INFINITY;
    const costBefore = from > 0 ? (costs[from - 1] ?? 0) : Number.POSITIVE_INFINITY;
    if (cost <= left) [to, left] = [to + 1, left - cost];
    else if (costBefore <= left) [from, left] = [from - 1, left - costBefore];
    else break;
  }
  return passage.text.slice(spans[from]?.start ?? 0, spans[to - 1]?.end ?? 0).trim();
}
