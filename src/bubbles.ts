/** Which messages leave together: a phone that rings ten times in a row is a nuisance, and WhatsApp slows down who makes it. */
import type { MessageBody } from './message.ts';

/** Most bubbles at once to one person on an outside channel, where messages can be joined. */
const mostBubbles = 3;

/** Messages that leave as one, by the numbers of the first and the last. */
export interface Bubble {
  first: number;
  seq: number;
}

/**
 * The bubbles of messages that leave at once, in order: one each up to three, else the oldest are joined. Only neighbours are joined, and
 * only mere text to what follows it. More than three stay where they cannot be.
 */
export function bubblesOf(messages: readonly { seq: number; body: MessageBody }[]): Bubble[] {
  const bubbles = messages.map(({ seq, body }) => ({ first: seq, seq, isText: isMereText(body) }));
  while (bubbles.length > mostBubbles) {
    const at = bubbles.findIndex(({ seq, isText }, index) => isText && bubbles[index + 1]?.first === seq + 1);
    const [earlier, later] = bubbles.slice(at, at + 2);
    if (at < 0 || !earlier || !later) break;
    bubbles.splice(at, 2, { ...later, first: earlier.first });
  }
  return bubbles.map(({ first, seq }) => ({ first, seq }));
}

/** The message of a bubble: the texts below one another, everything else from the last. @param bodies at least one */
export function joinedBody(bodies: readonly MessageBody[]): MessageBody {
  const text = bodies.map((body) => body.text).join('\n\n');
  return { ...bodies.at(-1), text };
}

/** What may stand beside text without being shown. */
const unseen: ReadonlySet<string> = new Set(['text', 'reply', 'degraded', 'input']);

function isMereText(body: MessageBody): boolean {
  return Object.keys(body).every((key) => unseen.has(key));
}
