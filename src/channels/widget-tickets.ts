/** One-use tickets that open a widget socket, so that no token stands in an address. */
import * as v from 'valibot';
import type { WidgetPrincipal } from '../context.ts';
import { type ConversationId, type CreatorId, isUuid, type SessionId } from '../ids.ts';
import type { Cache } from '../shared/cache.ts';

/** How long a ticket may be used, in milliseconds. */
export const ticketMs = 60_000;

const shape = /^[A-Za-z0-9_-]{43}$/;
const uuid = <Id extends string>() => v.custom<Id>((value) => typeof value === 'string' && isUuid(value));
const Held = v.object({
  session_id: uuid<SessionId>(),
  conversation_id: uuid<ConversationId>(),
  origin: v.nullable(v.string()),
});

export interface WidgetTickets {
  /** A ticket for the principal's conversation, bound to the `Origin` it was asked from. */
  issue(principal: WidgetPrincipal, origin: string | undefined): Promise<string>;
  /** Uses a ticket up. Null when it is unknown, used, expired, of another creator or from another origin. */
  take(creatorId: CreatorId, ticket: string, origin: string | undefined): Promise<WidgetPrincipal | null>;
}

/** @param randomBytes 32 unguessable bytes a call */
export function createWidgetTickets(cache: Cache, randomBytes: () => Uint8Array<ArrayBuffer>): WidgetTickets {
  return {
    async issue(principal, origin) {
      const ticket = base64url(randomBytes());
      const held = { session_id: principal.sessionId, conversation_id: principal.conversationId, origin: origin ?? null };
      await cache.set(await keyOf(principal.creatorId, ticket), JSON.stringify(held), ticketMs);
      return ticket;
    },
    async take(creatorId, ticket, origin) {
      if (!shape.test(ticket)) return null;
      const kept = await cache.take(await keyOf(creatorId, ticket));
      if (kept === null) return null;
      const held = v.parse(Held, JSON.parse(kept));
      if (held.origin !== (origin ?? null)) return null;
      return { kind: 'widget', creatorId, sessionId: held.session_id, conversationId: held.conversation_id };
    },
  };
}

/** The cache knows only the digest: who reads it cannot connect. */
async function keyOf(creatorId: CreatorId, ticket: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(ticket));
  return `ticket:creator_${creatorId}:${base64url(new Uint8Array(digest))}`;
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
