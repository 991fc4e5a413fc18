/** From rows to a conversation and back to a turn's row. */
import { instantText } from '../clock.ts';
import type { ContactId, ConversationId, CreatorId, Ids, ProgramId, SessionId } from '../ids.ts';
import { type Contact, newContact, type Progress } from '../programs/scope.ts';
import type { ContactRow, LoadedRow, TurnRow } from '../store/turns.ts';
import type { Conversation, NewTimer, Stepping } from './conversation.ts';
import type { Send } from './governor.ts';
import type { Input } from './input.ts';
import { joinSends } from './join-sends.ts';
import { planPush } from './plan-push.ts';
import { decodeSnapshot, encodeSnapshot, SnapshotError } from './snapshot.ts';

/** The conversation of a stored row. @throws SnapshotError when its snapshot cannot be read, or is missing although a program has run */
export function hydrate({ conversation, contact }: LoadedRow): Conversation {
  if (conversation.snapshot === null && conversation.program_id !== null) throw new SnapshotError('Cannot find the stored snapshot');
  return {
    creatorId: conversation.creator_id as CreatorId,
    id: conversation.id as ConversationId,
    sessionId: conversation.session_id as SessionId,
    channel: conversation.channel,
    wantsPush: conversation.wants_push ?? false,
    version: conversation.version,
    seq: conversation.seq,
    contactId: conversation.contact_id as ContactId,
    contactVersion: contact.version,
    contact: readContact(contact),
    sends: contact.sends as readonly Send[],
    program:
      conversation.program_id === null || conversation.program_version === null
        ? null
        : { id: conversation.program_id as ProgramId, version: conversation.program_version },
    snapshot: decodeSnapshot(conversation.snapshot),
    state: conversation.state,
    status: conversation.status,
    outcome: conversation.outcome,
  };
}

/** The row that would hydrate to this conversation. */
export function loadedRow(conversation: Conversation): LoadedRow {
  return {
    conversation: {
      creator_id: conversation.creatorId,
      id: conversation.id,
      session_id: conversation.sessionId,
      contact_id: conversation.contactId,
      channel: conversation.channel,
      wants_push: conversation.wantsPush,
      program_id: conversation.program?.id ?? null,
      program_version: conversation.program?.version ?? null,
      version: conversation.version,
      seq: conversation.seq,
      snapshot: encodeSnapshot(conversation.snapshot),
      state: conversation.state,
      status: conversation.status,
      outcome: conversation.outcome,
    },
    contact: { id: conversation.contactId, version: conversation.contactVersion, ...contactRow(conversation) },
  };
}

/** The contact of a stored row. */
export function readContact(row: Omit<LoadedRow['contact'], 'version' | 'sends'>): Contact {
  const blank = newContact(row.id as ContactId);
  return {
    ...blank,
    name: row.name,
    zone: row.zone,
    language: row.language,
    fields: row.fields as Contact['fields'],
    tags: row.tags,
    consent: row.consent as Contact['consent'],
    // A contact that has earned nothing yet is stored as {}.
    progress: { ...blank.progress, ...(row.progress as Partial<Progress>) },
  };
}

/** An input and what it made of the conversation. */
export interface Taken {
  input: Input;
  stepping: Stepping;
}

/** The conversation as it will be once its turn is committed. */
export function afterCommit(before: Conversation, taken: readonly Taken[]): Conversation {
  const last = taken.at(-1)?.stepping.next ?? before;
  const contactChanged = taken.some(({ stepping }) => stepping.contactChanged);
  return { ...last, version: before.version + 1, contactVersion: before.contactVersion + (contactChanged ? 1 : 0) };
}

/** The one row that commits all inputs of a turn. `now` is conversation time, `wall` wall time, both in milliseconds since 1970. */
export function turnRow(before: Conversation, taken: readonly Taken[], { now, wall }: { now: number; wall: number }, ids: Ids): TurnRow {
  const after = afterCommit(before, taken);
  const steppings = taken.map(({ stepping }) => stepping);
  const { timersSet, timersCleared } = steppings.length === 1 ? (steppings[0] as Stepping) : mergeTimers(steppings);
  const ended = new Map(steppings.flatMap((stepping) => stepping.effectsEnded.map((end) => [end.id, end])));
  const messages = steppings.flatMap((stepping) => stepping.messages);
  const effects = steppings.flatMap((stepping) => stepping.effects).filter((effect) => !ended.delete(effect.id));
  const planned = [...joinSends(effects, messages), ...planPush(before, messages)];
  const awards = steppings.flatMap((stepping) => stepping.awards);
  return {
    creator: before.creatorId,
    conversation: before.id,
    at: instantText(now),
    expected: before.version,
    contact_id: before.contactId,
    contact_expected: before.contactVersion,
    ...(after.contactVersion === before.contactVersion ? {} : { contact: contactRow(after) }),
    seq: after.seq,
    program_id: after.program?.id ?? null,
    program_version: after.program?.version ?? null,
    snapshot: encodeSnapshot(after.snapshot),
    state: after.state,
    control: after.snapshot.control,
    status: after.status,
    outcome: after.outcome,
    inputs: taken.map(({ input: { id, kind, ...payload }, stepping }) => ({
      id,
      kind,
      payload,
      result: stepping.result,
      trace: stepping.trace,
    })),
    ...(messages.length === 0
      ? {}
      : { messages: messages.map((message) => ({ ...message, id: message.id ?? ids.uuid(), at: instantText(message.at) })) }),
    ...(timersCleared.length === 0 ? {} : { timers_cleared: timersCleared }),
    ...(timersSet.length === 0
      ? {}
      : {
          timers_set: timersSet.map(({ id, generation, dueAt }) => ({
            id,
            generation,
            due_at: instantText(dueAt),
            detail: {},
          })),
        }),
    ...(ended.size === 0 ? {} : { effects_ended: [...ended.values()] }),
    // Numbered anew: the inputs of a turn each count from zero, and a lane is run in the order of its positions.
    ...(planned.length === 0
      ? {}
      : {
          effects: planned.map(({ waitMs, ...effect }, ordinal) => ({
            ...effect,
            ordinal,
            ...(waitMs ? { not_before: instantText(wall + waitMs) } : {}),
          })),
        }),
    ...(awards.length === 0 ? {} : { awards }),
  };
}

function contactRow(conversation: Conversation): ContactRow {
  const { name, zone, language, fields, tags, consent, progress } = conversation.contact;
  return { name, zone, language, fields, tags, consent, progress, sends: conversation.sends };
}

function mergeTimers(steppings: readonly Stepping[]): { timersSet: readonly NewTimer[]; timersCleared: readonly string[] } {
  const set = new Map<string, NewTimer>();
  const cleared = new Set<string>();
  for (const stepping of steppings) {
    for (const timerId of stepping.timersCleared) {
      set.delete(timerId);
      cleared.add(timerId);
    }
    for (const timer of stepping.timersSet) {
      set.set(timer.id, timer);
      cleared.delete(timer.id);
    }
  }
  return { timersSet: [...set.values()], timersCleared: [...cleared] };
}
