/** Plans the push of a turn that said something on the widget while the person said nothing. */
import { createHash } from 'node:crypto';
import type { Conversation, NewEffect, NewMessage } from './conversation.ts';

/** One push for all the messages of a turn, or none. Who has just written is looking. */
export function planPush({ id, channel, wantsPush }: Conversation, messages: readonly NewMessage[]): NewEffect[] {
  const last = messages.at(-1);
  if (!wantsPush || channel !== 'widget' || last === undefined || messages.some(({ role }) => role === 'contact')) return [];
  const effectId = createHash('sha256')
    .update(JSON.stringify([id, last.seq, 'push']))
    .digest('hex')
    .slice(0, 40);
  return [{ id: effectId, ordinal: 0, type: 'push', lane: 'push', params: { seq: last.seq } }];
}
