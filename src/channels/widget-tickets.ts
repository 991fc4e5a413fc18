/** The tickets of widget sockets. */
import * as v from 'valibot';
import type { WidgetPrincipal } from '../context.ts';
import { type ConversationId, type CreatorId, isUuid, type SessionId } from '../ids.ts';
import type { Cache } from '../shared/cache.ts';
import { createTickets } from './tickets.ts';

const uuid = <Id extends string>() => v.custom<Id>((value) => typeof value === 'string' && isUuid(value));
const Held = v.object({ session_id: uuid<SessionId>(), conversation_id: uuid<ConversationId>() });

export interface WidgetTickets {
  /** A ticket for the principal's conversation, bound to the `Origin` it was asked from. */
  issue(principal: WidgetPrincipal, origin: string | undefined): Promise<string>;
  /** Uses a ticket up. Null when it is unknown, used, expired, of another creator or from another origin. */
  take(creatorId: CreatorId, ticket: string, origin: string | undefined): Promise<WidgetPrincipal | null>;
}

/** @param randomBytes 32 unguessable bytes a call */
export function createWidgetTickets(cache: Cache, randomBytes: () => Uint8Array<ArrayBuffer>): WidgetTickets {
  const tickets = createTickets({ cache, kind: 'ticket', randomBytes }, Held);
  return {
    issue: ({ creatorId, sessionId, conversationId }, origin) =>
      tickets.issue(creatorId, { session_id: sessionId, conversation_id: conversationId }, origin),
    async take(creatorId, ticket, origin) {
      const held = await tickets.take(creatorId, ticket, origin);
      return held && { kind: 'widget', creatorId, sessionId: held.session_id, conversationId: held.conversation_id };
    },
  };
}
