/** Tells a question that stands alone from one that leans on the question before it. */
import type { AnswerRequest } from '../answers.ts';
import { wordsOf } from './lexemes.ts';

const leaning = new Set(
  `it its that this those these they them he she one ones also too instead and but otherwise
  eso esto ese esa esos esas ello ellos ellas lo la los las tambien y pero
  ca cela ceci ils elles le la les aussi et mais
  das dies es sie ihn ihm auch und aber
  isso isto ele ela eles elas tambem e mas
  questo quello esso loro anche ma`.split(/\s+/),
);

/**
 * The question, and the contact's one before it when the question is short or begins with a word that points back. Adding
 * history always makes retrieval worse; leaving it out leaves such questions without a subject.
 */
export function questionsOf(question: string, history: AnswerRequest['history']): string[] {
  const words = wordsOf(question);
  const previous = history.findLast((message) => message.role === 'contact' && message.text !== question);
  const leans = words.length <= 3 || (words.length <= 8 && words.some((word) => leaning.has(word)));
  return previous !== undefined && leans ? [question, previous.text] : [question];
}
