/** Joins the messages that one turn sends to an outside channel. */
import { bubblesOf } from '../bubbles.ts';
import type { NewEffect, NewMessage } from './conversation.ts';

/** The planned effects with fewer sends, where many messages leave at once. */
export function joinSends(planned: readonly NewEffect[], messages: readonly NewMessage[]): readonly NewEffect[] {
  const seqs = new Set(planned.flatMap((effect) => (effect.type === 'send' ? [effect.params.seq] : [])));
  const bubbles = new Map(bubblesOf(messages.filter(({ seq }) => seqs.has(seq))).map(({ first, seq }) => [seq, first]));
  return planned.flatMap((effect): NewEffect[] => {
    if (effect.type !== 'send') return [effect];
    const { seq } = effect.params;
    const first = bubbles.get(seq);
    if (first === undefined) return [];
    return [first === seq ? effect : { ...effect, params: { seq, first } }];
  });
}
