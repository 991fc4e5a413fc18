/** /api/v1/creators/live: what happens in the workspace, told to members over a socket as it happens. */
import { Hono } from 'hono';
import * as v from 'valibot';
import { createLiveSocket, type LiveSocketDeps, liveSubprotocol } from '../../channels/live.ts';
import { createTickets, offeredTicket } from '../../channels/tickets.ts';
import { AppError } from '../../errors.ts';
import { type CreatorId, isUuid, type MemberId } from '../../ids.ts';
import type { Cache } from '../../shared/cache.ts';
import type { Member } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import type { CountLimit } from '../limits.ts';
import { describe } from '../openapi.ts';
import type { Sockets } from '../socket.ts';

const tag = 'live';
const Held = v.object({ member_id: v.custom<MemberId>((value) => typeof value === 'string' && isUuid(value)), sid: v.string() });

/** What these routes need. */
export interface LiveRoutesDeps extends LiveSocketDeps {
  cache: Cache;
  sockets: Sockets;
  count: CountLimit;
  member: Member;
  /** 32 unguessable bytes a call. */
  randomBytes: () => Uint8Array<ArrayBuffer>;
}

/** Mounted under /api/v1/creators/live. */
export function liveRoutes(deps: LiveRoutesDeps): Hono<AppEnv> {
  const { cache, sockets, count, member, randomBytes } = deps;
  const tickets = createTickets({ cache, kind: 'live-ticket', randomBytes }, Held);
  const routes = new Hono<AppEnv>();

  routes.post(
    '/tickets',
    describe({
      tag,
      summary: 'Get a ticket for one socket: one use, 60 seconds',
      description: 'For members who have signed in; an API key hears by webhooks.',
      answers: { 201: v.object({ ticket: v.string() }) },
      errors: ['RATE_LIMITED'],
    }),
    member('conversations.read'),
    async (c) => {
      const { creatorId, memberId, sid, keyId } = c.var.principal;
      if (keyId !== undefined) throw new AppError('FORBIDDEN', 'Sign in to open this, or let a webhook tell');
      await count('live.ticket', sid, creatorId);
      const ticket = await tickets.issue(creatorId, { member_id: memberId, sid }, c.req.header('Origin'));
      return c.json({ ticket: `${creatorId}.${ticket}` }, 201);
    },
  );

  routes.get(
    '/connect',
    describe({
      tag,
      summary: 'Open a socket that tells what happens in conversations and to documents',
      description:
        `Subprotocols \`${liveSubprotocol}, ticket.<ticket>\`. Send \`{"type":"hello"}\`, then \`{"type":"ping"}\` every 25 s. After \`welcome\` come frames ` +
        '`conversation` {conversation_id, seq, status, state, control, waiting?, messages: [{seq, role, at, text}]} and ' +
        '`document` {document_id, status}, and `missed` when some may have been lost: read the lists again. It closes with 4401 when the sign-in ends, with 1013 when nobody reads.',
      public: true,
      answers: { 101: null },
      errors: ['UNAUTHENTICATED', 'OVERLOADED'],
    }),
    async (c, next) => {
      sockets.admit(c.req.header('Upgrade'));
      const [creatorId = '', ticket = ''] = offeredTicket(c.req.header('Sec-WebSocket-Protocol'), liveSubprotocol)?.split('.') ?? [];
      const held = isUuid(creatorId) ? await tickets.take(creatorId as CreatorId, ticket, c.req.header('Origin')) : null;
      if (held === null) throw new AppError('UNAUTHENTICATED', 'Ask for a new ticket: this one is missing, used or expired');
      const owner = { creatorId: creatorId as CreatorId, memberId: held.member_id, sid: held.sid };
      return (await sockets.serve(owner, (connection) => createLiveSocket(deps, owner, connection))(c, next)) as Response;
    },
  );

  return routes;
}
