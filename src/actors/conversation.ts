/** A conversation as hydrated for a turn, and what a turn makes of it: rows to write and news to tell. */
import type { ContactId, ConversationId, CreatorId, ProgramId, SessionId } from '../ids.ts';
import type { MessageBody, MessageClass, MessageRole } from '../message.ts';
import type { Program } from '../programs/program.ts';
import type { Recorded } from '../programs/progress.ts';
import type { Contact, Json, Scope } from '../programs/scope.ts';
import type { Send } from './governor.ts';
import type { InputResult } from './input.ts';
import type { Move } from './migrate.ts';
import type { Snapshot } from './snapshot.ts';

/** A conversation with its contact, as of `version` and `contactVersion`. Never changed in place. */
export interface Conversation {
  creatorId: CreatorId;
  id: ConversationId;
  sessionId: SessionId;
  channel: string;
  /** Whether a browser asked to be told of messages while the page is closed. */
  wantsPush: boolean;
  version: number;
  seq: number;
  contactId: ContactId;
  contactVersion: number;
  contact: Contact;
  /** Recent proactive sends to the contact. */
  sends: readonly Send[];
  program: { id: ProgramId; version: number } | null;
  snapshot: Snapshot;
  /** The program's state in words, null before the first run. */
  state: string | null;
  /** `open`: no program has run; `active`: one runs; `ended`: the last one has ended; `set-aside`: kept, but not stepped any more. */
  status: 'open' | 'active' | 'ended' | 'set-aside';
  outcome: string | null;
}

/**
 * What a program sees of a conversation.
 *
 * @param now milliseconds since 1970
 * @param chance what is drawn by: the same text draws the same
 */
export function scopeAt(
  { contact, channel, snapshot }: Pick<Conversation, 'contact' | 'channel' | 'snapshot'>,
  now: number,
  chance?: string,
): Scope {
  const { machine, lastInboundAt, question } = snapshot;
  const drawn = chance === undefined ? {} : { chance };
  return { now, contact, vars: machine?.vars ?? {}, conversation: { channel, lastInboundAt, tries: question?.tries ?? 0, ...drawn } };
}

/** A program that is live for new runs. */
export interface LiveProgram {
  id: ProgramId;
  version: number;
  program: Program;
}

/** What a step may use from outside: the time, the programs, and the names of what it makes. All of it is input. */
export interface Surroundings {
  /** Conversation time, milliseconds since 1970. */
  now: number;
  /** The version the commit will write: the generation of what is armed now. */
  generation: number;
  /** The program the conversation is pinned to, null where none has run. */
  current: Program | null;
  live: readonly LiveProgram[];
  /** The programs of runs that wait for a sub-program, by `programKey`; one that is gone is missing. */
  waiting?: ReadonlyMap<string, Program>;
  /** Whether promises are held against what happens; a simulation is watched from outside. */
  watch?: true;
  /** The version the run is to go over to, if it is. */
  move?: Move | null;
  /** Wall time, milliseconds since 1970, until which a voice note that comes now may be put into words; absent where nobody does that. */
  listensUntil?: number | undefined;
}

/** A message to be written; its UUID is given at commit for those the contact did not name. */
export interface NewMessage {
  seq: number;
  id: string | null;
  role: MessageRole;
  class: MessageClass;
  body: MessageBody;
  /** Milliseconds since 1970. */
  at: number;
}

/** A timer to be armed; one of the same id is replaced. */
export interface NewTimer {
  id: string;
  generation: number;
  dueAt: number;
}

/** An effect to be run after the commit, `waitMs` of wall time later where it says so; those of one lane run one after the other. */
export type NewEffect = { id: string; ordinal: number; waitMs?: number } & (
  | { type: 'answer'; lane: 'answer'; params: AnswerParams }
  | { type: 'send'; lane: 'send'; params: SendParams }
  | { type: 'push'; lane: 'push'; params: PushParams }
  | { type: 'event'; lane: 'event'; params: EventParams }
  | { type: 'model'; lane: 'model'; params: ModelParams }
  | { type: 'http'; lane: 'http'; params: HttpParams }
  | { type: 'recount'; lane: 'recount'; params: Readonly<Record<string, never>> }
  | { type: 'transcribe'; lane: 'transcribe'; params: TranscribeParams }
);

/** What a `transcribe` effect puts into words: the recordings of one message. */
export interface TranscribeParams {
  /** The number of the message. */
  seq: number;
  /** The ids of its recordings. */
  recordings: readonly string[];
  language: string | null;
  /** Wall time, milliseconds since 1970, after which the message is heard without words. */
  until: number;
}

/** What an `event` effect tells the creator's webhooks. */
export interface EventParams {
  /** What webhooks hear it as: `notification`, `question`, `handoff`, or the name the program gave. */
  event: string;
  data: Readonly<Record<string, Json>>;
}

/** What a `model` effect asks of a language model. */
export interface ModelParams {
  task: 'classify' | 'extract' | 'summarize';
  language: string | null;
  text?: string;
  labels?: readonly string[];
  minScore?: number;
  /** Place → declared type, of an extraction. */
  fields: Readonly<Record<string, string>>;
}

/** What an `http` effect calls. */
export interface HttpParams {
  url: string;
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: Json;
  /** The name of the secret that goes with it. */
  secret?: string;
  /** The event that the service may tell when it is done. */
  callback?: string;
}

/** Which message a `send` effect sends; from `first` on where several leave as one. */
export interface SendParams {
  seq: number;
  first?: number;
}

/** Up to which message a `push` effect tells the person's browsers. */
export interface PushParams {
  seq: number;
}

/** What an `answer` effect is to answer; the rest is read from the record when it runs. */
export interface AnswerParams {
  text: string;
  instructions: string | null;
  /** Only documents of these collections; null means all. */
  collections: readonly string[] | null;
  /** How much of the question they must hold, from 0 to 1; absent asks for no more than the installation does. */
  minScore?: number;
  language: string | null;
}

/** Points or a badge; the id makes sure it is paid once. */
export interface NewAward {
  id: string;
  kind: 'points' | 'badge';
  points: number;
  name: string;
}

/** Why a conversation is where it is: kept with the input for `GET /conversations/{id}/turns`. No text of messages. */
export interface Trace {
  from: string | null;
  to: string | null;
  /** What the input was taken as: an event name, `stale`, `deferred`, … */
  as: string;
  /** The governor's decisions, in order. */
  decisions: readonly { content: string; class: string; do: string; reason: string; until?: string }[];
  /** What the input changed of the contact's consent: the record proves it by what was asked and answered. */
  consents?: readonly { purpose: string; granted: boolean }[];
  metrics?: readonly { name: string; value: number }[];
  /** What counts towards the contact's progress, in order: what it is counted from again when rules change. */
  progress?: readonly Recorded[];
  /** A person was called: why, and for which of them, where that was said. */
  handoff?: { reason: string | null; queue: string | null };
  /** The run went over to another version of its program, where it stayed in its state, entered another, or came back to where it had been. */
  moved?: { from: number; to: number; how: 'restored' | 'stays' | 'enters' };
  /** Promises of the program that this input has broken. */
  broken?: readonly { promise: string; problem: string }[];
  /** Why the program could not take the input; nothing else was changed. */
  error?: string;
}

/** Everything one input makes of a conversation. */
export interface Stepping {
  next: Conversation;
  result: InputResult;
  trace: Trace;
  messages: readonly NewMessage[];
  timersSet: readonly NewTimer[];
  timersCleared: readonly string[];
  effects: readonly NewEffect[];
  effectsEnded: readonly { id: string; status: 'done' | 'failed' | 'cancelled' | 'uncertain'; result: unknown }[];
  awards: readonly NewAward[];
  contactChanged: boolean;
  /** Milliseconds for which typing is to be shown; 0 for not. */
  typingMs: number;
}
