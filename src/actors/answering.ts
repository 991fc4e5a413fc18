/** Answers in flight: what a question to the documents starts, and what another message does meanwhile. */
import type { Definition } from '../programs/definition.ts';
import { type Draft, nextOrdinal, scopeOf, stableKey } from './draft.ts';
import type { EffectResult } from './input.ts';
import { post } from './posting.ts';
import { heldStill, type PendingAnswer } from './snapshot.ts';
import { dropAbove } from './waiting-runs.ts';
import { wordsOf } from './words.ts';

/** Merged messages keep this many of their last characters: what one message may hold. */
const longestQuestion = 4_000;
/** Who writes a second message writes a third: merged ones are asked once nothing has been added for so long, not each time. */
const mergeQuietMs = 1_000;

/**
 * Plans an answer for an invoke; while the program does not have control it only keeps its place. An answer already under way for it is superseded:
 * its late result will count for nothing.
 *
 * @param waitMs wall time before it is asked
 */
export function planAnswer(draft: Draft, invokeId: string, text: string, instructions: string | null, waitMs = 0): void {
  cancelAnswer(draft, invokeId);
  if (draft.snapshot.control !== 'bot') {
    holdStill(draft, invokeId, { text, instructions });
    return;
  }
  const ordinal = nextOrdinal(draft);
  const id = stableKey(draft, ordinal, 'answer');
  const { collections = null, minScore } = knowledgeOf(draft) ?? {};
  draft.effects.push({
    id,
    type: 'answer',
    lane: 'answer',
    ordinal,
    ...(waitMs > 0 ? { waitMs } : {}),
    params: {
      text,
      instructions: ordersOf(draft, instructions),
      collections,
      ...(minScore === undefined ? {} : { minScore }),
      language: draft.contact.language,
    },
  });
  draft.snapshot.answers = { ...draft.snapshot.answers, [invokeId]: { effect: id, text, instructions } };
}

function knowledgeOf(draft: Draft): Definition['knowledge'] {
  return draft.program?.definition.knowledge;
}

/** What the model is told besides the question: who it is, how it speaks, what it may speak of, and what this one invoke asks for. */
function ordersOf(draft: Draft, instructions: string | null): string | null {
  const knowledge = knowledgeOf(draft);
  const orders = [
    knowledge?.persona,
    knowledge?.tone && `Tone: ${knowledge.tone}`,
    knowledge?.topics && `Answer only about: ${knowledge.topics.join(', ')}. Decline everything else`,
    instructions,
  ].filter((order) => order);
  return orders.length === 0 ? null : orders.join('\n');
}

/** Cancels the answer of an invoke, if one is under way. */
export function cancelAnswer(draft: Draft, invokeId: string): void {
  const { [invokeId]: pending, ...others } = draft.snapshot.answers;
  if (!pending) return;
  if (pending.src === 'program') dropAbove(draft);
  else if (pending.effect !== heldStill) draft.effectsEnded.push({ id: pending.effect, status: 'cancelled', result: null });
  draft.snapshot.answers = others;
}

/** Calls off whatever the documents were asked for: a program's state goes on by its time limit. */
export function cancelAnswers(draft: Draft): void {
  for (const [invokeId] of answersOf(draft)) cancelAnswer(draft, invokeId);
}

/** The program loses control: nothing is written on its behalf, and what was asked of the documents keeps its place. */
export function suspendAnswers(draft: Draft): void {
  for (const [invokeId, pending] of answersOf(draft)) {
    cancelAnswer(draft, invokeId);
    holdStill(draft, invokeId, pending);
  }
}

function holdStill(draft: Draft, invokeId: string, asked: Omit<PendingAnswer, 'effect'>): void {
  draft.snapshot.answers = { ...draft.snapshot.answers, [invokeId]: { ...asked, effect: heldStill } };
}

/** The program has control again: what kept its place is asked for anew. */
export function resumeAnswers(draft: Draft): void {
  for (const [invokeId, { effect, text, instructions }] of answersOf(draft)) {
    if (effect === heldStill) planAnswer(draft, invokeId, text, instructions);
  }
}

function answersOf(draft: Draft): [invokeId: string, pending: PendingAnswer][] {
  return Object.entries(draft.snapshot.answers).filter(([, { src = 'answer' }]) => src === 'answer');
}

/** The answer under way, if any: the first, where a program's and the reply region's run side by side. */
export function answerInFlight(draft: Draft): { invokeId: string; pending: PendingAnswer } | null {
  const [first] = answersOf(draft);
  return first ? { invokeId: first[0], pending: first[1] } : null;
}

/** What a message does that no state took while an answer is under way, by the program's policy. */
export function meanwhile(draft: Draft, flight: { invokeId: string; pending: PendingAnswer }, text: string): void {
  const policy = draft.program?.definition.policies?.whileReplying ?? 'merge';
  draft.as = `while-replying.${policy}`;
  const { invokeId, pending } = flight;
  switch (policy) {
    case 'merge':
      planAnswer(draft, invokeId, `${pending.text}\n${text}`.slice(-longestQuestion), pending.instructions, mergeQuietMs);
      return;
    case 'latest':
      planAnswer(draft, invokeId, text, pending.instructions);
      return;
    case 'queue':
      draft.snapshot.waiting = [...draft.snapshot.waiting, text].slice(-20);
      return;
    case 'drop':
      return;
  }
}

/** The invoke that waits for this effect; null when it was superseded or its state was left. */
export function invokeOf(draft: Draft, effectId: string): string | null {
  return Object.entries(draft.snapshot.answers).find(([, pending]) => pending.effect === effectId)?.[0] ?? null;
}

/** Says what an answer effect brought: the answer with its sources, the program's words for nothing found, or an apology. */
export function sayAnswer(draft: Draft, effectId: string, outcome: 'done' | 'failed' | 'uncertain', result: EffectResult): void {
  const { answer } = result;
  if (outcome !== 'done' || !answer) {
    post(draft, 'reply', { text: wordsOf(draft).failed, reply: effectId }, { content: 'answer', question: null });
  } else if (!answer.grounded) {
    sayNothingFound(draft, effectId);
  } else {
    const { text, degraded } = answer;
    const citations = knowledgeOf(draft)?.citations === 'none' ? [] : answer.citations;
    post(draft, 'reply', { text, citations, reply: effectId, ...(degraded ? { degraded } : {}) }, { content: 'answer', question: null });
  }
}

function sayNothingFound(draft: Draft, effectId: string): void {
  const content = knowledgeOf(draft)?.noAnswer;
  const text = content && draft.program ? draft.program.render(content, scopeOf(draft), { type: 'NO_ANSWER' }).text : null;
  post(draft, 'reply', { text: text ?? wordsOf(draft).nothingFound, reply: effectId }, { content: content ?? 'no-answer', question: null });
}
