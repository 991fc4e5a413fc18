/** One thing that happened to a conversation, and the first answer it got. */

import type { DeliveryOutcome } from '../deliveries.ts';
import type { ConversationId, CreatorId } from '../ids.ts';
import type { Attachment, Citation } from '../message.ts';
import type { Json, Progress } from '../programs/scope.ts';
import type { PushOutcome } from '../push.ts';

/** Names one conversation of one creator. */
export interface ConversationKey {
  creatorId: CreatorId;
  conversationId: ConversationId;
}

/**
 * An input. `id` is unique within its conversation: the same id changes state at most once.
 * - `message`, `button`: `msg:<client or provider id>`; `messageId` names the bubble. A button that was never offered stands under message 0;
 *   `title` is what the person saw on it
 * - `timer`: `timer:<timer id>:<generation>` · `effect`: `effect:<effect id>`
 * - `broadcast`: `broadcast:<broadcast id>`
 * - `event`, `control`, `start`: the caller's idempotency key, namespaced
 *
 * `again` marks the retry of an input that was put in quarantine: its words are on record already.
 */
export type Input = { id: string; again?: true } & (
  | { kind: 'message'; messageId: string; text: string; language?: string; attachments?: readonly Attachment[] }
  | { kind: 'button'; messageId: string; messageSeq: number; button: string; title?: string }
  | { kind: 'timer'; timerId: string; generation: number; dueAt: number }
  | { kind: 'effect'; effectId: string; outcome: 'done' | 'failed' | 'uncertain'; result: EffectResult }
  | { kind: 'event'; name: string; data: Readonly<Record<string, unknown>> }
  | { kind: 'control'; act: ControlAct; text?: string; messageId?: string; attachments?: readonly Attachment[]; reason?: string }
  | { kind: 'start'; programSlug: string }
  | { kind: 'broadcast'; broadcast: string; content: BroadcastContent }
  | { kind: 'migrate' }
);

/** What a broadcast says, by language (BCP 47, the first stands in for those that are missing), and as what. */
export interface BroadcastContent {
  wordings: Readonly<
    Record<string, { text: string; template?: { name: string; language: string; variables?: string[] | undefined } | undefined }>
  >;
  class: 'promo' | 'nudge' | 'transactional';
}

/** What a member may do to a conversation. */
export type ControlAct = 'takeover' | 'release' | 'pause' | 'resume' | 'restart' | 'end' | 'say';

/** The result of an effect, as it re-enters. */
export interface EffectResult {
  /** Of `answer`. */
  answer?: { text: string; citations: readonly Citation[]; grounded: boolean; degraded: boolean };
  /** Of `send`. */
  delivery?: Exclude<DeliveryOutcome, { outcome: 'retry' | 'wait' }>;
  /** Of `push`. */
  push?: Exclude<PushOutcome['outcome'], 'retry'>;
  /** Of `model` and `http`: what the program sees as `event.output`. */
  output?: Readonly<Record<string, Json>>;
  /** Of `recount`: progress counted again, and the hash of the progress it replaces. */
  recount?: { progress: Progress; replaces: string };
  /** Of `transcribe`: what was said. */
  words?: string;
  /** Why it failed, in coarse words without private text. */
  reason?: string;
}

/** The first result of an input, given again to each repetition. `seq` is the number of the inbound message, null for others. */
export interface InputResult {
  seq: number | null;
}

/** The door to every conversation. */
export interface Mailboxes {
  /**
   * Takes one input. Resolves only when its turn is durable (or was, for a repeated id).
   *
   * @throws AppError NOT_FOUND no such conversation of this creator · OVERLOADED the mailbox is full (`details.retry_after_ms`) ·
   * UNAVAILABLE the record cannot be reached
   */
  deliver(key: ConversationKey, input: Input): Promise<InputResult>;
}
