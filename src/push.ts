/** The port to push notifications: what the runtime asks when a message waits for somebody whose page may be closed. */
import type { ConversationId, CreatorId } from './ids.ts';

/** News of a message on the widget. */
export interface PushRequest {
  creatorId: CreatorId;
  conversationId: ConversationId;
  /** The last message the person is to be told of. */
  seq: number;
  /** Tries so far, this one included. */
  attempts: number;
}

/**
 * What became of it.
 * - `sent`: every browser of the person has been told, or is gone
 * - `read`: there was nothing to tell any more
 * - `retry`: later, because they look at it right now or a push service is busy
 * - `failed`: given up
 */
export type PushOutcome = { outcome: 'sent' | 'read' | 'failed' } | { outcome: 'retry'; afterMs: number };

export interface Push {
  /** Tries once. Rejects only with the signal's reason or when the record cannot be read. */
  tell(request: PushRequest, signal: AbortSignal): Promise<PushOutcome>;
}
