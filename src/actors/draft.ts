/** The draft of one input's consequences: what is said, armed, planned and earned, collected before it is committed. */
import { createHash } from 'node:crypto';
import type { Attachment } from '../message.ts';
import type { Policies } from '../programs/definition.ts';
import type { DelayFacts, Program } from '../programs/program.ts';
import type { Fact, Recorded } from '../programs/progress.ts';
import type { Contact, Json, Scope } from '../programs/scope.ts';
import {
  type Conversation,
  type NewAward,
  type NewEffect,
  type NewMessage,
  type NewTimer,
  type Stepping,
  type Surroundings,
  scopeAt,
  type Trace,
} from './conversation.ts';
import type { Input } from './input.ts';
import type { ArmedTimer, Snapshot, WaitingRun } from './snapshot.ts';

/** Mutable while one input is worked on, and only there. */
export interface Draft {
  readonly input: Input;
  readonly surroundings: Surroundings;
  readonly before: Conversation;
  program: Program | null;
  programRef: Conversation['program'];
  snapshot: { -readonly [Key in keyof Snapshot]: Snapshot[Key] };
  contact: Contact;
  sends: Conversation['sends'];
  seq: number;
  state: string | null;
  status: Conversation['status'];
  outcome: string | null;
  /** The contact's words this input is about: what an answer without a message of its own answers. */
  words: string;
  /** The files the contact's words came with. */
  attachments: readonly Attachment[];
  /** Whether this input came from the contact, so that what is said answers them. */
  answersContact: boolean;
  /** A late timer that is to go on in silence: nothing proactive is said. */
  silent: boolean;
  /** The delay that fell due and led to this input: what it says is of its class and follows its late rule. */
  cause: (DelayFacts & { dueAt: number }) | null;
  /** The program asked for a person: control changes hands once the macrostep has been said to its end. */
  handoff: boolean;
  /** Why a person was called, and for whom of them it is. */
  handedOver: Trace['handoff'] | null;
  /** How long the contact is to see that an answer is being written; 0 for not. */
  typingMs: number;
  /** The program asked for another in its place: its name. */
  succession: string | null;
  /** How many runs this input has started. */
  starts: number;
  /** Sub-programs to be started once the macrostep has been said to its end. */
  calls: { invokeId: string; token: string; program: string; input: Readonly<Record<string, Json>> }[];
  /** Every program that a run of this conversation follows, by `programKey`. */
  readonly programs: Map<string, Program>;
  /** While a run that waits is in front: what runs for it, the innermost last. */
  above: readonly WaitingRun[];
  /** What counts towards progress. */
  recorded: (Omit<Recorded, 'facts'> & { facts: Fact[] })[];
  /** Promises that were broken. */
  broken: { promise: string; problem: string }[];
  /** The conversation has gone over to another version of its program. */
  moved: NonNullable<Trace['moved']> | null;
  metrics: { name: string; value: number }[];
  as: string;
  resultSeq: number | null;
  decisions: Trace['decisions'][number][];
  messages: NewMessage[];
  timersSet: Map<string, NewTimer>;
  timersCleared: Set<string>;
  effects: NewEffect[];
  effectsEnded: { id: string; status: 'done' | 'failed' | 'cancelled' | 'uncertain'; result: unknown }[];
  awards: NewAward[];
}

/** The empty draft of an input. */
export function openDraft(before: Conversation, input: Input, surroundings: Surroundings): Draft {
  const { waiting, current } = surroundings;
  const ofFront: [string, Program][] = current && before.program ? [[programKey(before.program), current]] : [];
  return {
    input,
    surroundings,
    before,
    program: surroundings.current,
    programRef: before.program,
    snapshot: { ...before.snapshot },
    contact: before.contact,
    sends: before.sends,
    seq: before.seq,
    state: before.state,
    status: before.status,
    outcome: before.outcome,
    answersContact: input.kind === 'message' || input.kind === 'button' || input.kind === 'start',
    words: '',
    attachments: input.kind === 'message' ? (input.attachments ?? []) : [],
    silent: false,
    cause: null,
    handoff: false,
    handedOver: null,
    succession: null,
    starts: 0,
    calls: [],
    programs: new Map([...(waiting ?? []), ...ofFront]),
    above: [],
    recorded: [],
    broken: [],
    moved: null,
    typingMs: 0,
    metrics: [],
    as: input.kind,
    resultSeq: null,
    decisions: [],
    messages: [],
    timersSet: new Map(),
    timersCleared: new Set(),
    effects: [],
    effectsEnded: [],
    awards: [],
  };
}

/** The finished draft. */
export function closeDraft(draft: Draft): Stepping {
  const { before, contact, sends } = draft;
  // Whoever has moved on has nowhere to go back to.
  if (draft.snapshot.left && draft.snapshot.left.landed !== draft.state) draft.snapshot.left = null;
  const consents = consentsChanged(before.contact, contact);
  return {
    next: {
      ...before,
      seq: draft.seq,
      contact,
      sends,
      program: draft.programRef,
      snapshot: draft.snapshot,
      state: draft.state,
      status: draft.status,
      outcome: draft.outcome,
    },
    result: { seq: draft.resultSeq },
    trace: {
      from: before.state,
      to: draft.state,
      as: draft.as,
      decisions: draft.decisions,
      ...(draft.moved ? { moved: draft.moved } : {}),
      ...(draft.handedOver ? { handoff: draft.handedOver } : {}),
      ...(draft.broken.length > 0 ? { broken: draft.broken } : {}),
      ...(consents.length > 0 ? { consents } : {}),
      ...(draft.metrics.length > 0 ? { metrics: draft.metrics } : {}),
      ...(draft.recorded.length > 0 ? { progress: draft.recorded } : {}),
    },
    typingMs: draft.typingMs,
    messages: draft.messages,
    timersSet: [...draft.timersSet.values()],
    timersCleared: [...draft.timersCleared],
    effects: draft.effects,
    effectsEnded: draft.effectsEnded,
    awards: draft.awards,
    contactChanged: contact !== before.contact || sends !== before.sends,
  };
}

function consentsChanged({ consent: before }: Contact, { consent: after }: Contact): NonNullable<Trace['consents']> {
  if (before === after) return [];
  const changed = Object.entries(after).filter(([purpose, granted]) => before[purpose] !== granted);
  return changed.map(([purpose, granted]) => ({ purpose, granted }));
}

/** What the program sees now. */
export function scopeOf({ before, contact, snapshot, surroundings, input }: Draft): Scope {
  return scopeAt({ contact, channel: before.channel, snapshot }, surroundings.now, `${before.id}:${input.id}`);
}

/** The policies in force: the program's, or none. */
export function policiesOf(draft: Draft): Policies {
  return draft.program?.definition.policies ?? {};
}

/** The place of the next effect or award within this input. */
export function nextOrdinal(draft: Draft): number {
  return draft.effects.length + draft.awards.length;
}

/** A key that is the same however often this input is tried: hash(conversation, input id, ordinal, type). */
export function stableKey(draft: Draft, ordinal: number, type: string): string {
  return createHash('sha256')
    .update(JSON.stringify([draft.before.id, draft.input.id, ordinal, type]))
    .digest('hex')
    .slice(0, 40);
}

/** The name of a program's version among those that runs follow. */
export function programKey({ id, version }: NonNullable<Conversation['program']>): string {
  return `${id}:${version}`;
}

/** The row of a timer: those of a sub-program are kept apart by how deep it runs. */
export function rowOf(depth: number, timerId: string): string {
  return depth === 0 ? timerId : `${depth}/${timerId}`;
}

/** The depth and the timer that a row stands for. */
export function timerOf(row: string): { depth: number; timerId: string } {
  const [, depth, timerId] = /^(\d)\/(.*)$/s.exec(row) ?? [];
  return timerId === undefined ? { depth: 0, timerId: row } : { depth: Number(depth), timerId };
}

/** The row of a timer of the run in front. */
export function rowInFront({ snapshot }: Draft, timerId: string): string {
  return rowOf(snapshot.callers?.length ?? 0, timerId);
}

/** Arms a timer under this turn's generation, replacing one of the same id. */
export function armTimer(draft: Draft, timerId: string, timer: Omit<ArmedTimer, 'generation'>): void {
  const { generation } = draft.surroundings;
  draft.snapshot.timers = { ...draft.snapshot.timers, [timerId]: { ...timer, generation } };
  const row = rowInFront(draft, timerId);
  draft.timersSet.set(row, { id: row, generation, dueAt: timer.dueAt });
  draft.timersCleared.delete(row);
}

/** Disarms a timer, if it is armed. */
export function clearTimer(draft: Draft, timerId: string): void {
  if (!(timerId in draft.snapshot.timers)) return;
  const { [timerId]: _cleared, ...timers } = draft.snapshot.timers;
  const { [timerId]: _dropped, ...held } = draft.snapshot.held;
  draft.snapshot.timers = timers;
  draft.snapshot.held = held;
  const row = rowInFront(draft, timerId);
  draft.snapshot.deferred = draft.snapshot.deferred.filter((id) => id !== row);
  draft.timersSet.delete(row);
  draft.timersCleared.add(row);
}

/** The facts of the delay behind a timer: one of a state, or one that the program armed by name. */
export function delayOf({ program, snapshot }: Draft, timerId: string): DelayFacts | undefined {
  const name = snapshot.timers[timerId]?.delay;
  return name === undefined ? program?.delayOf(timerId) : program?.delayNamed(name);
}
