/** Every group of routes under its path: what the server answers, and which parts stand behind it. */
import type { Audit } from './accounts/audit.ts';
import type { Standing } from './accounts/standing.ts';
import type { EffectPump } from './actors/effects.ts';
import { historyOf } from './actors/history.ts';
import type { Mailboxes } from './actors/input.ts';
import type { Programs } from './actors/live-programs.ts';
import type { Pump } from './actors/pump.ts';
import { createTellPrograms } from './actors/tell-programs.ts';
import { connectionOfPath } from './channels/accounts.ts';
import type { Outside } from './channels/outside.ts';
import type { Receiver } from './channels/receive.ts';
import { publicConfig } from './channels/widget-settings.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import type { Database } from './database.ts';
import type { Mount } from './http/app.ts';
import type { Once } from './http/idempotency.ts';
import type { CountLimit } from './http/limits.ts';
import { accountPagesRoutes } from './http/routes/account-pages.ts';
import { type AddressChangeRoutesDeps, addressChangeRoutes } from './http/routes/address-change.ts';
import { aiRoutes } from './http/routes/ai.ts';
import { aiEvaluationsRoutes } from './http/routes/ai-evaluations.ts';
import { aiModelsRoutes } from './http/routes/ai-models.ts';
import { aiPromptsRoutes } from './http/routes/ai-prompts.ts';
import { analyticsRoutes } from './http/routes/analytics.ts';
import { type AuthRoutesDeps, authRoutes } from './http/routes/auth.ts';
import { broadcastsRoutes } from './http/routes/broadcasts.ts';
import { callbacksRoutes } from './http/routes/callbacks.ts';
import { chatPageRoutes } from './http/routes/chat-page.ts';
import { collectionsRoutes } from './http/routes/collections.ts';
import { connectionsRoutes } from './http/routes/connections.ts';
import { contactsRoutes } from './http/routes/contacts.ts';
import { contactsTransferRoutes } from './http/routes/contacts-transfer.ts';
import { conversationsRoutes } from './http/routes/conversations.ts';
import { docsRoutes } from './http/routes/docs.ts';
import { documentsRoutes } from './http/routes/documents.ts';
import { healthRoutes } from './http/routes/health.ts';
import { liveRoutes } from './http/routes/live.ts';
import { mediaRoutes } from './http/routes/media.ts';
import { type MembersRoutesDeps, membersRoutes } from './http/routes/members.ts';
import { operatorRoutes } from './http/routes/operator.ts';
import { pagesRoutes } from './http/routes/pages.ts';
import { privacyRoutes } from './http/routes/privacy.ts';
import { programSecretsRoutes } from './http/routes/program-secrets.ts';
import { programsRoutes } from './http/routes/programs.ts';
import { progressRoutes } from './http/routes/progress.ts';
import type { PushRoutesDeps } from './http/routes/push.ts';
import { webhooksRoutes } from './http/routes/webhooks.ts';
import { webhooksInRoutes } from './http/routes/webhooks-in.ts';
import { wellKnownRoutes } from './http/routes/well-known.ts';
import { type ContactHints, settingsOf, widgetRoutes } from './http/routes/widget.ts';
import type { Sockets } from './http/socket.ts';
import { type ContactId, type ConversationId, type CreatorId, systemIds as ids, type SessionId } from './ids.ts';
import type { Log } from './log.ts';
import type { MediaLinks } from './media/links.ts';
import type { Media } from './media/media.ts';
import type { openPrivacy } from './privacy/open.ts';
import { createPublicFetch, type PublicFetchOptions } from './public-fetch.ts';
import { createFetchPage, type FetchPage } from './rag/fetch-page.ts';
import type { Knowledge } from './rag/knowledge.ts';
import type { Seal } from './seal.ts';
import type { ProgramSecrets } from './secrets/program-secrets.ts';
import { demoEmail } from './seed.ts';
import type { Cache } from './shared/cache.ts';
import type { FanOut } from './shared/fan-out.ts';
import { patchContact } from './store/contacts.ts';
import { conversationHead, getConversation, messagesAfter, openConversation } from './store/conversations.ts';
import { findMemberByEmail } from './store/members.ts';
import { moveReadMark } from './store/read-marks.ts';
import type { Callbacks } from './webhooks/callbacks.ts';

/** What stands behind the routes. */
export interface Parts extends AuthRoutesDeps, AddressChangeRoutesDeps, MembersRoutesDeps, OperatorRoutesDeps {
  config: Config;
  /** Where browsers reach the server, the first one foremost. */
  origins: readonly [string, ...string[]];
  database: Database;
  clock: Clock;
  log: Log;
  cache: Cache;
  fanOut: FanOut;
  seal: Seal;
  sockets: Sockets;
  standing: Standing;
  knowledge: Knowledge;
  media: Media;
  links: MediaLinks;
  outside: Outside;
  push: PushRoutesDeps['push'];
  receiver: Receiver;
  mailboxes: Mailboxes;
  programs: Programs;
  programSecrets: ProgramSecrets;
  callbacks: Callbacks;
  broadcasts: Pick<Pump, 'wake'>;
  effects: Pick<EffectPump, 'wake'>;
  audit: Audit;
  count: CountLimit;
  once: Once;
  outbound: PublicFetchOptions;
  wakeWebhooks: () => void;
  privacy: ReturnType<typeof openPrivacy>;
}

type OperatorRoutesDeps = Parameters<typeof operatorRoutes>[0];

/** Pages that creators name, through the guard for addresses of strangers. */
function pageFetch({ outbound, clock, knowledge }: Parts): FetchPage {
  return createFetchPage(createPublicFetch(outbound), clock, knowledge.documents.maxBytes);
}

/** Every group of routes under its path. */
export function routes(parts: Parts): Mount[] {
  const { database, clock, log, cache, fanOut, member, mailboxes, tokens, knowledge, media, links } = parts;
  const tell = createTellPrograms({ db: database, mailboxes });
  return [
    {
      path: '/',
      routes: pagesRoutes({ demoCreatorId: async () => (await findMemberByEmail(database.routing, demoEmail))?.creatorId ?? null }),
    },
    { path: '/', routes: healthRoutes(health(parts)) },
    { path: '/', routes: wellKnownRoutes(tokens) },
    { path: '/', routes: chatPageRoutes({ configOf: async (creatorId) => publicConfig(await settingsOf(database, creatorId)) }) },
    { path: '/', routes: docsRoutes() },
    { path: '/', routes: accountPagesRoutes() },
    { path: '/api/v1/auth', routes: authRoutes(parts) },
    { path: '/api/v1/auth', routes: membersRoutes(parts) },
    { path: '/api/v1/auth/email', routes: addressChangeRoutes(parts) },
    { path: '/api/v1/auth/privacy', routes: privacyRoutes({ ...parts, ...parts.privacy }) },
    { path: '/api/v1/operator', routes: operatorRoutes(parts) },
    { path: '/api/v1/creators/programs', routes: programsRoutes({ database, fanOut, clock, ids, member, mailboxes, log }) },
    {
      path: '/api/v1/creators/documents',
      routes: documentsRoutes({ documents: knowledge.documents, fetchPage: pageFetch(parts), member, clock, log }),
    },
    { path: '/api/v1/creators/collections', routes: collectionsRoutes({ documents: knowledge.documents, member }) },
    { path: '/api/v1/creators/contacts', routes: contactsTransferRoutes({ ...parts, ids, tell }) },
    { path: '/api/v1/creators/contacts', routes: contactsRoutes({ ...parts, tell }) },
    { path: '/api/v1/creators/contacts', routes: progressRoutes({ database, programs: parts.programs, clock, member }) },
    { path: '/api/v1/creators/analytics', routes: analyticsRoutes(parts) },
    { path: '/api/v1/creators/live', routes: liveRoutes(live(parts)) },
    { path: '/api/v1/creators/secrets', routes: programSecretsRoutes(parts) },
    { path: '/api/v1/callbacks', routes: callbacksRoutes(parts) },
    { path: '/api/v1/creators/webhooks', routes: webhooksRoutes({ ...parts, wake: parts.wakeWebhooks }) },
    {
      path: '/api/v1/creators/broadcasts',
      routes: broadcastsRoutes({ database, programs: parts.programs, clock, member, wake: (ms) => parts.broadcasts.wake(ms) }),
    },
    { path: '/api/v1/creators/conversations', routes: conversationsRoutes({ database, mailboxes, ids, member, media }) },
    {
      path: '/api/v1/ai',
      routes: aiRoutes({
        ...{ database, knowledge, member, clock, log },
        historyOf: async (creatorId, id) => {
          const key = { creatorId, conversationId: id as ConversationId };
          await getConversation(database, key);
          return historyOf(database, key);
        },
      }),
    },
    { path: '/api/v1/channels', routes: outsideRoutes(parts) },
    { path: '/api/v1/channels', routes: webhooksInRoutes({ receiver: parts.receiver, clock, verifyToken: verifyTokenOf(parts) }) },
    { path: '/api/v1/ai', routes: aiModelsRoutes({ models: knowledge.models, member, clock, log }) },
    { path: '/api/v1/ai', routes: aiPromptsRoutes({ database, member, clock }) },
    { path: '/api/v1/ai', routes: aiEvaluationsRoutes({ knowledge, member, clock, log }) },
    { path: '/api/v1', routes: mediaRoutes({ media, links, member }) },
    {
      path: '/api/v1',
      routes: widgetRoutes({
        ...{ db: database, cache, fanOut, sockets: parts.sockets, mailboxes, media, links, tokens, member, clock, ids, log },
        record: {
          head: (key) => conversationHead(database, key),
          moveReadMark: (key, seq) => database.tenant(key.creatorId, (sql) => moveReadMark(sql, key, seq, clock.now())),
          messagesAfter: (key, after, most) => messagesAfter(database, key, after, most),
        },
        openConversation: (creatorId, sessionId, hints) => beginOnWidget({ database, clock }, creatorId, sessionId, hints),
        count: parts.count,
        once: parts.once,
        push: parts.push,
        linking: parts.outside,
        ownOrigins: parts.origins,
        framesPerSecond: parts.config.widgetFramesPerSecond,
        randomBytes: () => crypto.getRandomValues(new Uint8Array(32)),
      }),
    },
  ];
}

function live(parts: Parts): Parameters<typeof liveRoutes>[0] {
  return {
    ...parts,
    ids,
    stands: async ({ creatorId, memberId, sid }) => (await parts.standing.of(creatorId, memberId, sid)) !== null,
    randomBytes: () => crypto.getRandomValues(new Uint8Array(32)),
  };
}

function outsideRoutes({ database, outside, tokens, clock, count, member, mailboxes, effects }: Parts) {
  const { connections, channels, links } = outside;
  const accounts = Object.values(channels).map(({ account }) => account);
  return connectionsRoutes({
    database,
    connections,
    accounts,
    links,
    tokens,
    clock,
    mailboxes,
    count,
    member,
    planned: () => effects.wake(),
  });
}

/** The word that Meta must repeat when it asks whether an address is ours. */
function verifyTokenOf({ database: db, seal }: Parts) {
  return async (id: string) => (await connectionOfPath({ db, seal }, 'whatsapp', id))?.secrets.verify_token ?? null;
}

/** A conversation of its own for each widget session, with what the page knows of the person. */
async function beginOnWidget(
  { database, clock }: Pick<Parts, 'database' | 'clock'>,
  creatorId: CreatorId,
  sessionId: SessionId,
  hints: ContactHints,
) {
  const { conversationId, contactId } = await openConversation(database, {
    ...{ creatorId, sessionId, conversationId: ids.uuid<ConversationId>(), contactId: ids.uuid<ContactId>() },
    channel: 'widget',
    externalId: sessionId,
    at: clock.now(),
  });
  if (Object.keys(hints).length > 0) await patchContact(database, creatorId, contactId, hints, clock.now());
  return { sessionId, conversationId };
}

function health({ database, cache }: Parts): Parameters<typeof healthRoutes>[0] {
  return {
    parts: {
      database: { needed: true, check: () => database.routing('select 1') },
      shared: { needed: true, check: () => cache.get('health:check') },
    },
    groups: { auth: ['database', 'shared'], creators: ['database'], ai: ['database'], channels: ['database', 'shared'] },
  };
}
