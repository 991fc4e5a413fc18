/** The widget channel served over loopback: the real app, database and sockets over conversations kept in memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { createLinks } from '../../src/channels/link.ts';
import type { WidgetPrincipal } from '../../src/context.ts';
import { AppError } from '../../src/errors.ts';
import { createFiles } from '../../src/files.ts';
import { createApp } from '../../src/http/app.ts';
import type { Member } from '../../src/http/auth.ts';
import { createOnce } from '../../src/http/idempotency.ts';
import { createCountLimit } from '../../src/http/limits.ts';
import { mediaRoutes } from '../../src/http/routes/media.ts';
import { widgetRoutes } from '../../src/http/routes/widget.ts';
import { createSockets } from '../../src/http/socket.ts';
import { type ContactId, type ConversationId, type CreatorId, type SessionId, systemIds } from '../../src/ids.ts';
import { createMediaLinks } from '../../src/media/links.ts';
import { createMedia } from '../../src/media/media.ts';
import { createPictures } from '../../src/media/pictures.ts';
import { connInfo, serve, upgradeWebSocket } from '../../src/runtime/node.ts';
import { createSeal } from '../../src/seal.ts';
import { widgetsTopic } from '../../src/shared/fan-out.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { openConversation } from '../../src/store/conversations.ts';
import { saveWidgetSettings } from '../../src/store/widget-settings.ts';
import { manualClock } from './clock.ts';
import { testCreator, testDatabase } from './database.ts';
import { fakeMailboxes } from './fake-mailboxes.ts';
import { quietLog } from './quiet-log.ts';

export const ownOrigin = 'https://coach.example';
export const site = 'https://site.example';

/** One server for a test file, with two creators; only the first allows `site`. Ends after the last test. */
export async function testWidgetServer() {
  const clock = manualClock(Date.UTC(2026, 10, 21));
  const database = await testDatabase();
  const creatorId = await testCreator(database);
  const otherCreatorId = await testCreator(database);
  await database.tenant(creatorId, (sql) => saveWidgetSettings(sql, creatorId, { allowed_origins: [site] }));
  const mailboxes = fakeMailboxes();
  const folder = await mkdtemp(join(tmpdir(), 'companero-media-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const links = createMediaLinks(new Uint8Array(32).fill(7), clock);
  const sockets = createSockets({ upgradeWebSocket, random: () => 0.5 });
  await mailboxes.fanOut.subscribe(widgetsTopic, sockets.hearWidgets);
  const hints: unknown[] = [];
  const member: Member = () => async (c, next) => {
    const memberId = systemIds.uuid<never>();
    c.set('principal', { kind: 'member', creatorId, memberId, sid: '', role: 'owner' });
    await next();
  };
  const media = createMedia({ db: database, files: createFiles(folder, systemIds), pictures: createPictures(clock) });
  const cache = createMemoryCache(clock);
  const randomBytes = () => crypto.getRandomValues(new Uint8Array(32));
  const routes = widgetRoutes({
    db: database,
    cache,
    count: createCountLimit(cache, createMemoryCache(clock), (subject) => subject),
    once: createOnce({ database, seal: await createSeal(new Uint8Array(32).fill(7)), clock, log: quietLog }),
    sockets,
    mailboxes,
    record: mailboxes.record,
    media,
    links,
    fanOut: mailboxes.fanOut,
    tokens: plainTokens,
    member,
    async openConversation(creator, _session, contact) {
      hints.push(contact);
      const opened = { sessionId: systemIds.uuid<SessionId>(), conversationId: systemIds.uuid<ConversationId>() };
      const row = { ...opened, creatorId: creator, contactId: systemIds.uuid<ContactId>() };
      await openConversation(database, { ...row, channel: 'widget', externalId: row.sessionId, at: clock.now() });
      mailboxes.open({ creatorId: creator, conversationId: opened.conversationId });
      return opened;
    },
    linking: { connections: { list: async () => [] }, links: createLinks({ db: database, cache, clock, randomBytes }) },
    push: { publicKey: 'the-public-key', allowed: ['https://push.example'] },
    ownOrigins: [ownOrigin],
    framesPerSecond: 3,
    randomBytes,
    clock,
    ids: systemIds,
    log: quietLog,
  });
  const app = createApp({ log: quietLog, clock, ids: systemIds, connInfo, trustedProxyHops: 0 }, [
    { path: '/api/v1', routes: mediaRoutes({ media, links, member }) },
    { path: '/api/v1', routes },
  ]);
  const serving = await serve({ app, sockets, host: '127.0.0.1', port: 0, log: quietLog });
  afterAll(() => serving.close());
  const base = (creator: CreatorId) => `http://127.0.0.1:${serving.port}/api/v1/channels/widget/${creator}`;

  /** Begins a session; gives the token and the key of its conversation. */
  async function begin(creator = creatorId): Promise<WidgetPrincipal & { token: string }> {
    const response = await fetch(`${base(creator)}/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    const { session_token: token } = (await response.json()) as { session_token: string };
    return { ...(await plainTokens.verifyWidget(token)), token };
  }

  /** Asks for a ticket as a client that is no browser, or as a page of `origin`. */
  async function ticket(session: { creatorId: CreatorId; token: string }, origin?: string): Promise<string> {
    const headers = { authorization: `Bearer ${session.token}`, ...(origin !== undefined && { origin }) };
    const response = await fetch(`${base(session.creatorId)}/tickets`, { method: 'POST', headers });
    return ((await response.json()) as { ticket: string }).ticket;
  }

  const socketUrl = (creator: CreatorId = creatorId) => `${base(creator).replace('http', 'ws')}/connect`;
  return { clock, database, creatorId, otherCreatorId, folder, mailboxes, sockets, hints, media, serving, base, begin, ticket, socketUrl };
}

/** Tokens anybody can read: signatures are tested with the tokens themselves. */
const plainTokens = {
  issueWidget: async (principal: WidgetPrincipal) => btoa(JSON.stringify(principal)),
  async verifyWidget(token: string): Promise<WidgetPrincipal> {
    try {
      return JSON.parse(atob(token)) as WidgetPrincipal;
    } catch (cause) {
      throw new AppError('UNAUTHENTICATED', 'Sign in again: the token is not valid', { cause });
    }
  },
};
