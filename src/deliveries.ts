/** The port to the outside channels: what the runtime asks when a message is to reach a phone. The widget needs none: its sockets read the record. */
import type { ConversationId, CreatorId } from './ids.ts';

export interface DeliveryRequest {
  creatorId: CreatorId;
  conversationId: ConversationId;
  /** The message's number in its conversation; text and address are read from the record. */
  seq: number;
  /** The number of the first of several that leave as one with it; `seq` itself where it leaves alone. */
  first: number;
  /** The same for every try of the same message: where a provider takes an idempotency key, this is it. */
  key: string;
}

/**
 * What became of a try.
 * - `sent`: the provider has it and named it
 * - `wait`: nobody was asked; its turn comes after `afterMs`
 * - `retry`: it has it surely not; try again after `afterMs`
 * - `held`: it may not be sent before the person writes again, and will be then
 * - `failed`: it never will (blocked, invalid, outside the window without a template)
 * - `uncertain`: nobody knows; decided by the provider's later word or the creator's rule
 */
export type DeliveryOutcome =
  | { outcome: 'sent'; providerId: string }
  | { outcome: 'held'; reason: string }
  | { outcome: 'wait'; afterMs: number; reason: string }
  | { outcome: 'retry'; afterMs: number; reason: string }
  | { outcome: 'failed'; reason: string }
  | { outcome: 'uncertain'; reason: string };

export interface Deliveries {
  /** Tries once. Rejects only with the signal's reason or when the record cannot be read. Reasons are coarse words, never message text. */
  send(request: DeliveryRequest, signal: AbortSignal): Promise<DeliveryOutcome>;
  /**
   * Shows the person that an answer is being written, for as long as the channel can, until the signal. Resolves at the latest then; never
   * rejects.
   */
  showTyping(key: Pick<DeliveryRequest, 'creatorId' | 'conversationId'>, until: AbortSignal): Promise<void>;
}
