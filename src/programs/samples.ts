/** Examples of what a contact may answer or press, for an exploration: all there are where they can be counted. */
import type { Definition } from './definition.ts';
import type { Json } from './scope.ts';
import type { Action } from './vocabulary.ts';

/** A question that waits, with the id of the state node that asked. */
export interface OpenQuestion {
  action: { params: { question: string; content: string; input: Readonly<Record<string, unknown>> } };
  state: string;
}

/** Buttons that may be pressed; `question` is what they answer, null for BUTTON. */
export interface Offer {
  content: string;
  question: string | null;
  buttons: readonly { id: string; title: string }[];
}

/** The buttons that an action offers; null where it offers none. */
export function readOffer(definition: Definition, action: Action): Offer | null {
  const { content, question = null } = action.params as { content: string; question?: string };
  const wording = definition.content[content]?.[definition.meta.languages[0] as string] as
    | { buttons?: Offer['buttons']; list?: { sections: readonly { rows: Offer['buttons'] }[] } }
    | undefined;
  const buttons = wording?.buttons ?? wording?.list?.sections.flatMap(({ rows }) => rows) ?? [];
  return buttons.length > 0 ? { content, question, buttons: buttons.map(({ id, title }) => ({ id, title })) } : null;
}

/** An answer: its value, its words, and whether it is one of many. */
export interface Sample {
  value: Json;
  words: string;
  isExample: boolean;
}

const example = (words: string): Sample[] => [{ value: null, words, isExample: true }];
const each = (values: readonly (readonly [Json, string])[]): Sample[] =>
  values.map(([value, words]) => ({ value, words, isExample: false }));

const numbers = (from: number, to: number): Sample[] =>
  each(Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => [from + index, String(from + index)] as const));

/** Every answer of an input, or one example where there is no end of them. */
export function samplesOf(input: Readonly<Record<string, unknown>>): readonly Sample[] {
  switch (input.type) {
    case 'yesNo':
    case 'consent':
      return each([
        [true, 'yes'],
        [false, 'no'],
      ]);
    case 'choice':
      return each((input.options as Offer['buttons']).map(({ id, title }) => [id, title]));
    case 'mood':
      return numbers(1, 5);
    case 'scale':
      return Number(input.max) - Number(input.min) <= 20 ? numbers(Number(input.min), Number(input.max)) : example('(a number)');
    case 'time':
      return example('7:00');
    case 'number':
      return example('(a number)');
    default:
      return example(`(an answer: ${String(input.type)})`);
  }
}
