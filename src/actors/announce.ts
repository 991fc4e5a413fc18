/** Tells what a committed turn has changed: to the sockets of the conversation and of members, on whichever node they are. */
import type { Clock } from '../clock.ts';
import type { ConversationNews, InboxNews, Message } from '../message.ts';
import { conversationTopic, type FanOut, inboxTopic } from '../shared/fan-out.ts';
import type { TurnRow } from '../store/turns.ts';
import type { Conversation } from './conversation.ts';
import type { Taken } from './hydrate.ts';
import type { ConversationKey } from './input.ts';

/** Publishes the news of one committed turn. What is lost on the way is read from the record. */
export function announce(
  { fanOut, clock }: { fanOut: FanOut; clock: Clock },
  before: Conversation,
  after: Conversation,
  taken: readonly Taken[],
  row: TurnRow,
): void {
  const topic = conversationTopic(before.creatorId, before.id);
  const tell = (news: ConversationNews) => fanOut.publish(topic, news);
  for (const reply of calledOff(before, row)) {
    tell({ type: 'delta', reply, text: '', after: 0, anew: true });
    tell({ type: 'typing', on: false });
  }
  for (const message of row.messages ?? []) tell({ type: 'message', message: message as Message });
  const inbox = inboxNews(before, after, row);
  if (inbox !== null) fanOut.publish(inboxTopic(before.creatorId), inbox);
  if (after.contact.progress !== before.contact.progress) {
    const { points, streak, milestones } = after.contact.progress;
    tell({ type: 'progress', points, streak: streak.count, milestones: Object.keys(milestones) });
  }
  const typingMs = Math.max(0, ...taken.map(({ stepping }) => stepping.typingMs));
  if (typingMs === 0) return;
  tell({ type: 'typing', on: true });
  clock.after(typingMs, () => tell({ type: 'typing', on: false }));
}

/** Tells that a turn was committed whose news may never have gone out: its node heard of it only now, or died meanwhile. */
export function announceAgain(fanOut: FanOut, { creatorId, conversationId }: ConversationKey): void {
  fanOut.publish(conversationTopic(creatorId, conversationId), { type: 'missed' } satisfies ConversationNews);
  fanOut.publish(inboxTopic(creatorId), { type: 'missed' });
}

/** Answers under way before the turn that it has called off: what was shown of them goes, also where the node that wrote them is no more. */
function calledOff({ snapshot }: Conversation, { effects_ended: ended = [] }: TurnRow): readonly string[] {
  const cancelled = ended.filter(({ status }) => status === 'cancelled').map(({ id }) => id);
  if (cancelled.length === 0) return [];
  const underWay = [snapshot, ...(snapshot.callers ?? [])].flatMap(({ answers }) => Object.values(answers));
  return underWay.filter(({ effect, src = 'answer' }) => src === 'answer' && cancelled.includes(effect)).map(({ effect }) => effect);
}

const previewCharacters = 300;

/** Null for a turn that changed nothing a member would see in a list. */
function inboxNews(before: Conversation, after: Conversation, row: TurnRow): InboxNews | null {
  const messages = (row.messages ?? []) as readonly Message[];
  const { control } = after.snapshot;
  const called = control !== before.snapshot.control;
  if (messages.length === 0 && !called && after.status === before.status && after.state === before.state) return null;
  const last = messages.at(-1);
  const saysWaiting = called || last !== undefined;
  return {
    type: 'conversation',
    conversation_id: before.id,
    seq: after.seq,
    status: after.status,
    state: after.state,
    control,
    ...(saysWaiting ? { waiting: control === 'human' && last?.role !== 'person' } : {}),
    messages: messages.map(({ seq, role, at, body }) => ({ seq, role, at, text: body.text.slice(0, previewCharacters).toWellFormed() })),
  };
}
