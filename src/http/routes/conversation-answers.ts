/** Conversations, messages and turns as clients see them. */
import * as v from 'valibot';
import { readableSnapshot } from '../../actors/snapshot.ts';
import { waitingTimers } from '../../actors/waiting-timers.ts';
import type { Message } from '../../message.ts';
import type { ConversationDetail, ConversationRow, TurnInputRow } from '../../store/conversations.ts';
import type { MessageDelivery } from '../../store/deliveries.ts';
import { ContactItem, contactItem } from './contacts.ts';

const Id = v.pipe(v.string(), v.uuid());
const Time = v.pipe(v.string(), v.isoTimestamp());

const conversationEntries = {
  id: Id,
  session_id: Id,
  contact_id: Id,
  channel: v.string(),
  program_id: v.nullable(Id),
  program_version: v.nullable(v.number()),
  state: v.nullable(v.string()),
  status: v.picklist(['open', 'active', 'ended', 'set-aside']),
  control: v.picklist(['bot', 'human', 'paused']),
  outcome: v.nullable(v.string()),
  seq: v.number(),
  created_at: Time,
  updated_at: Time,
};

/** A conversation in a list. */
export const ConversationItem = v.object({ ...conversationEntries, contact_name: v.string() });

const Variables = v.record(v.string(), v.unknown());

/**
 * A conversation as opened. `variables` is null before the first run; `read_seq` is the last message its contact has read in the widget;
 * `waiting_timers` are those that wait while the program does not have control: with `due_at` they fell due and come as soon as it has,
 * with `remaining_ms` they go on then; `waiting_runs` are those that wait for the sub-program in front, the outermost first.
 */
export const ConversationAnswer = v.object({
  conversation: v.object({
    ...conversationEntries,
    read_seq: v.number(),
    variables: v.nullable(Variables),
    contact: ContactItem,
    timers: v.array(v.object({ id: v.string(), due_at: Time })),
    waiting_timers: v.array(v.object({ id: v.string(), due_at: v.nullable(Time), remaining_ms: v.nullable(v.number()) })),
    waiting_runs: v.array(v.object({ program_id: Id, program_version: v.number(), state: v.nullable(v.string()), variables: Variables })),
  }),
});

/** A message of a conversation. */
export const MessageItem = v.object({
  seq: v.number(),
  id: Id,
  role: v.picklist(['contact', 'coach', 'person']),
  class: v.string(),
  at: Time,
  body: v.looseObject({ text: v.string() }),
  /** What became of it on an outside channel; null for what never left by one. */
  delivery: v.nullable(
    v.object({
      channel: v.string(),
      status: v.picklist(['queued', 'held', 'sending', 'uncertain', 'sent', 'failed', 'delivered', 'read', 'played']),
      reason: v.nullable(v.string()),
      updated_at: Time,
    }),
  ),
});

/** An input and what it did. */
export const TurnItem = v.object({
  input_id: v.string(),
  turn: v.number(),
  kind: v.string(),
  payload: v.unknown(),
  result: v.unknown(),
  trace: v.unknown(),
  at: Time,
});

function conversationParts(row: ConversationRow) {
  return {
    id: row.id,
    session_id: row.sessionId,
    contact_id: row.contactId,
    channel: row.channel,
    program_id: row.programId,
    program_version: row.programVersion,
    state: row.state,
    status: row.status,
    control: row.control,
    outcome: row.outcome,
    seq: row.seq,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

/** A stored conversation as an item of a list. */
export function listItem(row: ConversationRow & { contactName: string }): v.InferOutput<typeof ConversationItem> {
  return { ...conversationParts(row), contact_name: row.contactName };
}

/** A stored conversation as opened. */
export function conversationAnswer(row: ConversationDetail): v.InferOutput<typeof ConversationAnswer> {
  const snapshot = readableSnapshot(row.snapshot);
  return {
    conversation: {
      ...conversationParts(row),
      read_seq: row.readSeq,
      variables: snapshot?.machine?.vars ?? null,
      contact: contactItem(row.contact),
      timers: row.timers.map(({ timerId, dueAt }) => ({ id: timerId, due_at: dueAt.toISOString() })),
      waiting_timers: (snapshot ? waitingTimers(snapshot) : []).map((timer) => ({
        id: timer.id,
        due_at: 'dueAt' in timer ? new Date(timer.dueAt).toISOString() : null,
        remaining_ms: 'remainingMs' in timer ? timer.remainingMs : null,
      })),
      waiting_runs: (snapshot?.callers ?? []).map(({ program, state, machine }) => ({
        program_id: program.id,
        program_version: program.version,
        state,
        variables: machine?.vars ?? {},
      })),
    },
  };
}

/** A stored message as clients see it, with what became of it. */
export function messageItem(message: Message, deliveries: readonly MessageDelivery[]) {
  const known = deliveries.find(({ seq }) => seq === message.seq);
  const delivery = known && {
    channel: known.channel,
    status: known.status,
    reason: known.reason,
    updated_at: known.updatedAt.toISOString(),
  };
  return { ...message, delivery: delivery ?? null };
}

/** A stored input as clients see it. */
export function turnItem({ inputId, at, turn, kind, payload, result, trace }: TurnInputRow): v.InferOutput<typeof TurnItem> {
  return { input_id: inputId, turn, kind, payload, result, trace, at: at.toISOString() };
}
