/** Names an answer by everything that would change it. */
import { createHash } from 'node:crypto';
import type { AnswerRequest } from '../answers.ts';
import type { AnswerSettings } from '../store/answers.ts';
import { promptVersionOf } from './prompts.ts';

/**
 * The key of an answer in the shared cache: creator, question, what it leans on, language, instructions, collections, minimum score, model, prompt and
 * the version of what can be found. `model` names a make, null where answers are quoted. A question that stands alone is the same whatever was said before it.
 */
export function answerKey(request: AnswerRequest, questions: readonly string[], settings: AnswerSettings, model: string | null): string {
  const leansOn = questions.length > 1 ? request.history : [];
  const parts = [
    request.question.trim(),
    leansOn.map(({ role, text }) => [role, text]),
    request.language,
    request.instructions,
    request.collections === null ? null : [...request.collections].sort(),
    request.minScore ?? null,
    model ?? 'extractive',
    settings.rerank,
    promptVersionOf(settings.prompt),
    settings.knowledge,
    settings.vectors,
  ];
  return `answer:creator_${request.creatorId}:${createHash('sha256').update(JSON.stringify(parts)).digest('base64url')}`;
}
