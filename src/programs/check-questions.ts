/** Checks that a question can be answered at all: limits that leave no room, options nobody can tell apart. */
import { type Finding, problem } from './finding.ts';
import { fold } from './spoken-words.ts';
import { actionsOf, type Place } from './walk.ts';

/** Every question of a program. */
export function checkQuestionInputs(places: readonly Place[]): readonly Finding[] {
  return places.flatMap((place) =>
    actionsOf(place).flatMap(({ action, pointer }) =>
      action.type === 'ask' ? checkInput(action.params.question, action.params.input as Limits, `${pointer}/params/input`) : [],
    ),
  );
}

/** What the limits of an input have in common. */
interface Limits {
  type: string;
  min?: number;
  max?: number;
  minLength?: number;
  maxLength?: number;
  integer?: boolean;
  options?: readonly { id: string; title: string }[];
}

function checkInput(question: string, input: Limits, pointer: string): readonly Finding[] {
  const impossible = (words: string) => [problem('answer-cannot-match', pointer, `No answer to "${question}" can be right: ${words}`)];
  const { min, max, minLength = 0, maxLength = 4096, integer, options = [] } = input;
  if (min !== undefined && max !== undefined && min > max) return impossible(`"min" ${min} is above "max" ${max}`);
  if (integer && min !== undefined && max !== undefined && Math.ceil(min) > max)
    return impossible('there is no whole number between "min" and "max"');
  if (minLength > maxLength) return impossible(`"minLength" ${minLength} is above "maxLength" ${maxLength}`);
  if (input.type === 'choices' && min !== undefined && min > options.length)
    return impossible(`"min" ${min} is more than there are options`);
  return options.flatMap(({ id, title }, index) => {
    const before = options.slice(0, index);
    if (before.some((other) => other.id === id))
      return [problem('duplicate-id', `${pointer}/options/${index}/id`, `Two options have the id "${id}"`)];
    const isSame = before.some((other) => fold(other.title) !== '' && fold(other.title) === fold(title));
    return isSame
      ? [
          problem(
            'answer-cannot-match',
            `${pointer}/options/${index}/title`,
            `Nobody can choose this option: another one is called "${title}" too`,
          ),
        ]
      : [];
  });
}
