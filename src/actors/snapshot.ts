/** The durable memory of a conversation between turns: plain JSON, written and read whole. */
import * as v from 'valibot';
import type { ProgramId } from '../ids.ts';
import type { AskedInput, MessageClass } from '../message.ts';
import type { Json } from '../programs/scope.ts';
import { innermost } from '../programs/state-names.ts';
import type { Unheard } from './listening.ts';

/** A question that waits for its answer; `state` is the id of the state node that asked. */
export interface OpenQuestion {
  id: string;
  state: string;
  content: string;
  /** The declared input, as in the definition. */
  input: AskedInput;
  saveTo: string | null;
  retries: number;
  tries: number;
  /** The content said when an answer is none. */
  hint?: string | null;
}

/** A timer that is armed. A row of the same id and generation stands in the record. */
export interface ArmedTimer {
  generation: number;
  /** Milliseconds since 1970. */
  dueAt: number;
  /** When it was armed, milliseconds since 1970: what calendar rules are computed from again. */
  anchor: number;
  /** The event a timer of `setTimer` sends, null for a delay of the machine and for held messages. */
  event: string | null;
  /** The named delay of a timer of `setTimer`. */
  delay?: string;
  /** Milliseconds that were left when the program lost control, for a timer that is paused; it has no row then. */
  remainingMs?: number;
  /** When its moment came, milliseconds since 1970, for one that was found late and waits for its place in the spread since. */
  cameAt?: number;
}

/** A message that waits for the governor: written now, sent later unless `state` was left meanwhile. */
export interface HeldMessage {
  class: Exclude<MessageClass, 'inbound'>;
  body: Readonly<Record<string, unknown>> & { text: string };
  state: string;
  content: string;
  /** Late and joined with what else is: said whatever state was left since. */
  fold?: true;
}

/** In the place of an effect: nothing is under way, since the program does not have control, and it is asked for again once it has. */
export const heldStill = '';

/** An answer under way: the effect whose result counts, or `heldStill`, and the words it answers. */
export interface PendingAnswer {
  effect: string;
  text: string;
  instructions: string | null;
  /** The invoke's source; `answer` where none is named. */
  src?: string;
  /** Where its result is kept: places, or place → expression. */
  keep?: { into?: string | readonly string[]; map?: Readonly<Record<string, string>> };
}

/** Buttons that may still be pressed: those of the newest offer. */
export interface Offer {
  seq: number;
  /** The question these buttons answer, null for buttons of a message. */
  question: string | null;
  buttons: readonly { id: string; title: string }[];
}

export interface Snapshot {
  format: 1;
  control: 'bot' | 'human' | 'paused';
  /** The machine's state value, its history (node id → ids of the nodes to re-enter) and the program's variables; null while no program has run. */
  machine: {
    value: Json;
    history: Readonly<Record<string, readonly string[]>>;
    vars: Readonly<Record<string, Json>>;
    /** The active states in the order of their entry, by their numbers in the chart; only where some are parallel. */
    order?: readonly number[];
  } | null;
  question: OpenQuestion | null;
  offer: Offer | null;
  /** Timer id → what is armed. */
  timers: Readonly<Record<string, ArmedTimer>>;
  /** Timer id (`held:…`) → the message it releases. */
  held: Readonly<Record<string, HeldMessage>>;
  /** Invoke id → the answer it waits for. */
  answers: Readonly<Record<string, PendingAnswer>>;
  /** Texts that wait until the answer under way has ended (policy `queue`). */
  waiting: readonly string[];
  /** Timer ids that fell due while the program did not have control. */
  deferred: readonly string[];
  lastInboundAt: number | null;
  /** When inputs were put in quarantine lately, milliseconds since 1970. */
  failures: readonly number[];
  /** The programs that have run in this conversation, by id; how often does not matter. */
  ran: readonly string[];
  /** The calendar of this run: when it began, and the local moments last given and armed, by point. */
  calendar?: { began: number; last: Readonly<Record<string, string>>; armed: Readonly<Record<string, string>> };
  /** The program that follows when this run has ended, by its name. */
  following?: string | null;
  /** What has become of the promises of this run. */
  promises?: PromiseMemory | undefined;
  /** Where the run was before it went over to this version of its program, while it is where it has landed. */
  left?: LeftVersion | null;
  /** Runs that wait for the one in front, the outermost first. */
  callers?: readonly WaitingRun[];
  /** What was said and is not heard yet, in its order: the first is a voice note that is being put into words. */
  listening?: readonly Unheard[] | undefined;
}

/** Promises by their ids: what must have come by when (milliseconds since 1970), moments that last, and what was broken. */
export interface PromiseMemory {
  due: Readonly<Record<string, number>>;
  lasting: readonly string[];
  broken: readonly string[];
}

/** A run as it was under another version. */
export interface LeftVersion extends Pick<Snapshot, 'machine' | 'question' | 'offer' | 'timers' | 'held'> {
  version: number;
  /** The state in which it has landed. */
  landed: string | null;
}

/** A run that waits at an invoke for the sub-program it has started: its parts as they are, its timers going on. */
export interface WaitingRun
  extends Pick<
    Snapshot,
    'machine' | 'question' | 'offer' | 'timers' | 'held' | 'answers' | 'waiting' | 'calendar' | 'following' | 'left' | 'promises'
  > {
  program: { id: ProgramId; version: number };
  invokeId: string;
  state: string | null;
}

/** A machine as it is while this one has control. */
export function withControl(machine: NonNullable<Snapshot['machine']>, control: Snapshot['control']): NonNullable<Snapshot['machine']> {
  return { ...machine, value: { ...(machine.value as Record<string, Json>), control } };
}

/** The whole paths of the program's innermost active states, those of parallel regions one by one. */
export function activePaths(machine: Snapshot['machine']): string[] {
  return innermost((machine?.value as Readonly<Record<string, Json>> | undefined)?.program);
}

/** The memory of a conversation in which nothing has happened yet. */
export const emptySnapshot: Snapshot = {
  format: 1,
  control: 'bot',
  machine: null,
  question: null,
  offer: null,
  timers: {},
  held: {},
  answers: {},
  waiting: [],
  deferred: [],
  lastInboundAt: null,
  failures: [],
  ran: [],
};

const shape = v.object({
  format: v.literal(1),
  control: v.picklist(['bot', 'human', 'paused']),
  machine: v.nullable(
    v.object({ value: v.unknown(), history: v.record(v.string(), v.array(v.string())), vars: v.record(v.string(), v.unknown()) }),
  ),
  question: v.nullable(v.looseObject({ id: v.string(), state: v.string(), content: v.string(), tries: v.number(), retries: v.number() })),
  offer: v.nullable(v.looseObject({ seq: v.number(), buttons: v.array(v.object({ id: v.string(), title: v.string() })) })),
  timers: v.record(v.string(), v.looseObject({ generation: v.number(), dueAt: v.number(), anchor: v.number() })),
  held: v.record(v.string(), v.looseObject({ class: v.string(), state: v.string() })),
  answers: v.record(v.string(), v.looseObject({ effect: v.string(), text: v.string() })),
  waiting: v.array(v.string()),
  deferred: v.array(v.string()),
  lastInboundAt: v.nullable(v.number()),
  failures: v.array(v.number()),
  ran: v.array(v.string()),
});

/** A stored snapshot that cannot be read: damaged, or written by a newer release. Its row is kept as it is. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

/**
 * Reads a stored snapshot; null is the empty one.
 *
 * @throws SnapshotError when it is not a snapshot of a format this release knows
 */
export function decodeSnapshot(stored: string | null): Snapshot {
  if (stored === null) return emptySnapshot;
  let json: unknown;
  try {
    json = JSON.parse(stored);
  } catch (cause) {
    throw new SnapshotError('Cannot parse the stored snapshot', { cause });
  }
  const result = v.safeParse(shape, json);
  if (!result.success) throw new SnapshotError(`Cannot read the stored snapshot: ${v.getDotPath(result.issues[0]) ?? 'root'}`);
  return json as Snapshot;
}

/** Reads a stored snapshot; null for one that cannot be read, which must not hide what is beside it. */
export function readableSnapshot(stored: string | null): Snapshot | null {
  try {
    return decodeSnapshot(stored);
  } catch (error) {
    if (error instanceof SnapshotError) return null;
    throw error;
  }
}

/** The stored form of a snapshot. */
export function encodeSnapshot(snapshot: Snapshot): string {
  return JSON.stringify(snapshot);
}
