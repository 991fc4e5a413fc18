/** What the policies of replies promise, read from turns alone: no words of a contact are lost, and none are answered twice (R6 of src/actors/SPEC.md). */
import type { Trace } from '../../src/actors/conversation.ts';
import type { PendingAnswer, Snapshot } from '../../src/actors/snapshot.ts';
import type { TurnRow } from '../../src/store/turns.ts';

const answersOf = (snapshot: Snapshot | null): PendingAnswer[] =>
  Object.values(snapshot?.answers ?? {}).filter(({ src = 'answer' }) => src === 'answer');

/** What a message does that no state took, by what it was taken as: before → after. */
const policies: Readonly<Record<string, (text: string, before: Snapshot | null, after: Snapshot) => boolean>> = {
  'unmatched.answer': (text, _before, after) => answersOf(after).some((pending) => pending.text === text),
  'while-replying.merge': (text, before, after) =>
    answersOf(before).some((was) =>
      answersOf(after).some((is) => is.text === `${was.text}\n${text}`.slice(-4_000) && is.effect !== was.effect),
    ),
  'while-replying.latest': (text, before, after) =>
    answersOf(after).some((is) => is.text === text && answersOf(before).every((was) => was.effect !== is.effect)),
  'while-replying.queue': (text, before, after) =>
    after.waiting.at(-1) === text && after.waiting.length === Math.min(20, (before?.waiting.length ?? 0) + 1),
  'while-replying.drop': (_text, before, after) =>
    after.waiting.length === (before?.waiting.length ?? 0) &&
    answersOf(after).every(({ effect }) => answersOf(before).some((was) => was.effect === effect)),
};

/** The policies that a turn of one message breaks. In a turn of several the next one may have changed it again. */
export function brokenPolicies(row: TurnRow, before: Snapshot | null, after: Snapshot): string[] {
  const [input, ...others] = row.inputs;
  const { as } = (input?.trace ?? {}) as Trace;
  const holds = policies[as];
  const { text } = (input?.payload ?? {}) as { text?: string };
  // No program has run: nobody is there to answer.
  if (row.status === 'open') return [];
  if (others.length > 0 || !holds || text === undefined || holds(text, before, after)) return [];
  return [`R6: ${as} with ${text} left ${JSON.stringify([after.answers, after.waiting])}, before ${JSON.stringify(before?.answers)}`];
}

/** Answers that wait for nothing, work that nobody waits for, and words that wait for an answer that is not under way. */
export function brokenAnswers(effects: ReadonlyMap<string, { status: string; text: string; type: string }>, after: Snapshot): string[] {
  const pending = answersOf(after);
  const isUnderWay = ({ effect, text }: PendingAnswer) => effects.get(effect)?.status === 'planned' && effects.get(effect)?.text === text;
  // While the program is paused what it had asked for keeps its place, and nothing is under way for it.
  const idle = pending.filter((one) => !isUnderWay(one) && (after.control === 'bot' || one.effect !== ''));
  const lost = [...effects].filter(
    ([id, { status, type }]) => type === 'answer' && status === 'planned' && pending.every(({ effect }) => effect !== id),
  );
  return [
    ...idle.map(({ effect }) => `R6: an answer waits for ${effect}, which is ${effects.get(effect)?.status}`),
    ...lost.map(([id]) => `R6: ${id} is under way and nobody waits for it`),
    ...(after.control === 'bot' && pending.length === 0 && after.waiting.length > 0 ? [`R6: ${after.waiting} wait for no answer`] : []),
  ];
}
