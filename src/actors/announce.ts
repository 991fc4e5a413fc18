/** Tells what a committed turn has changed: to the sockets of the conversation, on whichever node they are. */
import type { Clock } from '../clock.ts';
import type { ConversationNews, Message } from '../message.ts';
import { conversationTopic, type FanOut } from '../shared/fan-out.ts';
import type { TurnRow } from '../store/turns.ts';
import type { Conversation } from './conversation.ts';
import type { Taken } from './hydrate.ts';

/** Publishes the news of one committed turn. What is lost on the way is read from the record. */
export function announce(
  { fanOut, clock }: { fanOut: FanOut; clock: Clock },
  before: Conversation,
  after: Conversation,
  taken: readonly Taken[],
  row: TurnRow,
): void {
  const topic = conversationTopic(before.creatorId, before.id);
  const tell = (news: ConversationNews) => fanOut.publish(topic, JSON.stringify(news));
  for (const message of row.messages ?? []) tell({ type: 'message', message: message as Message });
  if (after.contact.progress !== before.contact.progress) {
    const { points, streak, milestones } = after.contact.progress;
    tell({ type: 'progress', points, streak: streak.count, milestones: Object.keys(milestones) });
  }
  const typingMs = Math.max(0, ...taken.map(({ stepping }) => stepping.typingMs));
  if (typingMs === 0) return;
  tell({ type: 'typing', on: true });
  clock.after(typingMs, () => tell({ type: 'typing', on: false }));
}
