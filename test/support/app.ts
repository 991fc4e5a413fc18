/** The whole app over a test database, called as a function: no port, no network. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { afterAll } from 'vitest';
import type { Mailboxes } from '../../src/actors/input.ts';
import { createPrograms } from '../../src/actors/live-programs.ts';
import { createTellPrograms } from '../../src/actors/tell-programs.ts';
import type { Clock } from '../../src/clock.ts';
import type { Database } from '../../src/database.ts';
import { AppError } from '../../src/errors.ts';
import { createFiles } from '../../src/files.ts';
import { createApp, type Mount } from '../../src/http/app.ts';
import { type Member, memberGate, operatorGate, widgetGate } from '../../src/http/auth.ts';
import type { AppEnv } from '../../src/http/env.ts';
import { addressChangeRoutes } from '../../src/http/routes/address-change.ts';
import { authRoutes } from '../../src/http/routes/auth.ts';
import { contactsRoutes } from '../../src/http/routes/contacts.ts';
import { contactsTransferRoutes } from '../../src/http/routes/contacts-transfer.ts';
import { conversationsRoutes } from '../../src/http/routes/conversations.ts';
import { docsRoutes } from '../../src/http/routes/docs.ts';
import { healthRoutes } from '../../src/http/routes/health.ts';
import { mediaRoutes } from '../../src/http/routes/media.ts';
import { membersRoutes } from '../../src/http/routes/members.ts';
import { operatorRoutes } from '../../src/http/routes/operator.ts';
import { programsRoutes } from '../../src/http/routes/programs.ts';
import { wellKnownRoutes } from '../../src/http/routes/well-known.ts';
import { createMediaLinks } from '../../src/media/links.ts';
import { createMedia } from '../../src/media/media.ts';
import { createPictures } from '../../src/media/pictures.ts';
import { someCaller, testAccounts } from './accounts.ts';
import { quietLog } from './quiet-log.ts';

/** Mailboxes without conversations, for tests of the edge alone. */
const noConversations: Mailboxes = {
  deliver: ({ conversationId }) => Promise.reject(new AppError('NOT_FOUND', `No conversation "${conversationId}" in this workspace`)),
};

export async function testApp(
  database: Database,
  clock: Clock,
  options: {
    mailboxes?: Mailboxes /** Groups beyond those of accounts, or how to make them from the parts of the app. */;
    mounts?: Mount[] | ((parts: Awaited<ReturnType<typeof testAccounts>> & { member: Member }) => Mount[]);
    trustedProxyHops?: number;
  } & Parameters<typeof testAccounts>[2] = {},
) {
  const parts = await testAccounts(database, clock, options);
  const { ids, fanOut, tokens, accounts, count, signInLimits } = parts;
  const member = memberGate(parts);
  const core = { db: database, fanOut, clock, log: quietLog };
  const programs = createPrograms(core);
  const mailboxes = options.mailboxes ?? noConversations;
  const tell = createTellPrograms({ db: database, mailboxes });
  const folder = await mkdtemp(join(tmpdir(), 'companero-media-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const media = createMedia({ db: database, files: createFiles(folder, ids), pictures: createPictures(clock) });
  const links = createMediaLinks(new Uint8Array(32), clock);
  const widget = new Hono<AppEnv>().get('/probe', widgetGate(tokens), (c) => c.json({ session_id: c.var.principal.sessionId }));
  const mounts: Mount[] = [
    { path: '/', routes: wellKnownRoutes(tokens) },
    {
      path: '/',
      routes: healthRoutes({
        parts: { database: { needed: true, check: () => database.routing('select 1') } },
        groups: { auth: ['database'], creators: ['database'], ai: [], channels: [] },
      }),
    },
    { path: '/', routes: docsRoutes() },
    { path: '/api/v1/auth', routes: authRoutes({ ...parts, signInLimits, member }) },
    { path: '/api/v1/auth/email', routes: addressChangeRoutes({ ...parts, signInLimits, member }) },
    { path: '/api/v1/auth', routes: membersRoutes({ ...parts, database, signInLimits, member }) },
    { path: '/api/v1/operator', routes: operatorRoutes({ operators: parts.operators, operator: operatorGate(parts.operators, count) }) },
    { path: '/api/v1/creators/programs', routes: programsRoutes({ database, fanOut, clock, ids, member, mailboxes, log: quietLog }) },
    {
      path: '/api/v1/creators/contacts',
      routes: contactsTransferRoutes({ ...parts, database, programs, clock, member, log: quietLog, tell }),
    },
    { path: '/api/v1/creators/contacts', routes: contactsRoutes({ database, programs, clock, member, tell }) },
    { path: '/api/v1/creators/conversations', routes: conversationsRoutes({ database, mailboxes, ids, member, media }) },
    { path: '/api/v1', routes: mediaRoutes({ media, links, member }) },
    { path: '/test-widget', routes: widget },
    ...(typeof options.mounts === 'function' ? options.mounts({ ...parts, member }) : (options.mounts ?? [])),
  ];
  const app = createApp(
    {
      log: options.log ?? quietLog,
      clock,
      ids,
      connInfo: () => ({ remote: { address: '192.0.2.1' } }),
      trustedProxyHops: options.trustedProxyHops ?? 0,
    },
    mounts,
  );

  let registered = 0;
  /** Registers a new creator and gives a function that asks in its name. */
  async function newMember() {
    const email = `owner${registered++}@example.org`;
    const account = await accounts.register({ email, password: 'a long unlikely phrase', displayName: 'Ana' }, someCaller);
    if (account === null) throw new Error('A test member needs no mail');
    const { creator, member: owner, tokens: pair } = account;
    const call = (method: string, path: string, json?: unknown, headers: Record<string, string> = {}) =>
      app.request(path, {
        method,
        headers: {
          Authorization: `Bearer ${pair.access_token}`,
          ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
          ...headers,
        },
        ...(json === undefined ? {} : { body: typeof json === 'string' ? json : JSON.stringify(json) }),
      });
    return { creatorId: creator.id, memberId: owner.id, pair, call };
  }

  return { ...parts, app, member, newMember };
}
