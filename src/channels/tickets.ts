/** One-use tickets that open a socket, so that no token stands in an address. */
import * as v from 'valibot';
import type { CreatorId } from '../ids.ts';
import type { Cache } from '../shared/cache.ts';

/** How long a ticket may be used, in milliseconds. */
const ticketMs = 60_000;

const shape = /^[A-Za-z0-9_-]{43}$/;

/** Tickets of one kind; each stands for what `Held` describes. */
export interface Tickets<Held> {
  /** A ticket bound to the creator and to the `Origin` it was asked from. */
  issue(creatorId: CreatorId, held: Held, origin: string | undefined): Promise<string>;
  /** Uses a ticket up. Null when it is unknown, used, expired, of another creator or from another origin. */
  take(creatorId: CreatorId, ticket: string, origin: string | undefined): Promise<Held | null>;
}

/**
 * Tickets kept in the shared cache.
 *
 * @param kind begins their keys: tickets of one kind are none of another
 * @param randomBytes 32 unguessable bytes a call
 */
export function createTickets<Held>(
  parts: { cache: Cache; kind: string; randomBytes: () => Uint8Array<ArrayBuffer> },
  held: v.GenericSchema<unknown, Held>,
): Tickets<Held> {
  const { cache, kind, randomBytes } = parts;
  const Kept = v.object({ held, origin: v.nullable(v.string()) });

  /** The cache knows only the digest: who reads it cannot connect. */
  async function keyOf(creatorId: CreatorId, ticket: string): Promise<string> {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(ticket));
    return `${kind}:creator_${creatorId}:${Buffer.from(digest).toString('base64url')}`;
  }

  return {
    async issue(creatorId, holds, origin) {
      const ticket = Buffer.from(randomBytes()).toString('base64url');
      await cache.set(await keyOf(creatorId, ticket), JSON.stringify({ held: holds, origin: origin ?? null }), ticketMs);
      return ticket;
    },
    async take(creatorId, ticket, origin) {
      if (!shape.test(ticket)) return null;
      const kept = await cache.take(await keyOf(creatorId, ticket));
      if (kept === null) return null;
      const read = v.parse(Kept, JSON.parse(kept));
      return read.origin === (origin ?? null) ? read.held : null;
    },
  };
}

/** The ticket among the subprotocols a client offers (`ticket.<ticket>`); null unless `ours` is offered too. */
export function offeredTicket(offered: string | undefined, ours: string): string | null {
  const protocols = (offered ?? '').split(',').map((name) => name.trim());
  const ticket = protocols.find((name) => name.startsWith('ticket.'));
  return protocols.includes(ours) && ticket !== undefined ? ticket.slice('ticket.'.length) : null;
}
