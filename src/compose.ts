/** Builds every part from the configuration and connects them: the only place that knows which adapter stands behind a port. */
import { join } from 'node:path';
import type { GetConnInfo } from 'hono/conninfo';
import type { UpgradeWebSocket } from 'hono/ws';
import type { Post } from './accounts/accounts.ts';
import { createSmtpMail, letters } from './accounts/mail.ts';
import { openAccounts } from './accounts/open.ts';
import { createEffectPump } from './actors/effects.ts';
import { historyOf } from './actors/history.ts';
import { createPrograms } from './actors/live-programs.ts';
import { createMailboxes } from './actors/mailboxes.ts';
import { answerRunner } from './actors/run-answer.ts';
import { sendRunner } from './actors/run-send.ts';
import { createTimerPump } from './actors/timers.ts';
import { createTurns } from './actors/turn.ts';
import type { Answers } from './answers.ts';
import { connectionOfPath } from './channels/accounts.ts';
import { createOutside, type Outside } from './channels/outside.ts';
import type { Receiver } from './channels/receive.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { clockAnchor, embeddedMasterKey, makeDataFolder } from './data-folder.ts';
import type { Database } from './database.ts';
import { createFiles } from './files.ts';
import { createApp, type Mount } from './http/app.ts';
import { memberGate, operatorGate } from './http/auth.ts';
import { createCountLimit, createSignInLimits } from './http/limits.ts';
import { aiRoutes } from './http/routes/ai.ts';
import { authRoutes } from './http/routes/auth.ts';
import { connectionsRoutes } from './http/routes/connections.ts';
import { contactsRoutes } from './http/routes/contacts.ts';
import { conversationsRoutes } from './http/routes/conversations.ts';
import { docsRoutes } from './http/routes/docs.ts';
import { documentsRoutes } from './http/routes/documents.ts';
import { healthRoutes } from './http/routes/health.ts';
import { mediaRoutes } from './http/routes/media.ts';
import { membersRoutes } from './http/routes/members.ts';
import { operatorRoutes } from './http/routes/operator.ts';
import { pagesRoutes } from './http/routes/pages.ts';
import { programsRoutes } from './http/routes/programs.ts';
import { webhooksInRoutes } from './http/routes/webhooks-in.ts';
import { wellKnownRoutes } from './http/routes/well-known.ts';
import { type ContactHints, widgetRoutes } from './http/routes/widget.ts';
import { type BufferedSocket, createSockets, type Sockets } from './http/socket.ts';
import { type ContactId, type ConversationId, type CreatorId, systemIds as ids, type SessionId } from './ids.ts';
import { jsonLog, type Log } from './log.ts';
import { createMediaLinks } from './media/links.ts';
import { createMedia } from './media/media.ts';
import { createPublicFetch } from './public-fetch.ts';
import { type Knowledge, openKnowledge } from './rag/knowledge.ts';
import { createSeal, type Seal } from './seal.ts';
import { demoEmail, seedDemo } from './seed.ts';
import type { Cache } from './shared/cache.ts';
import { type FanOut, sessionsTopic } from './shared/fan-out.ts';
import { createMemoryCache, createMemoryFanOut } from './shared/memory.ts';
import { openRedisCache, openRedisFanOut } from './shared/redis.ts';
import { releaseClaims } from './store/claims.ts';
import { patchContact } from './store/contacts.ts';
import { conversationHead, getConversation, messagesAfter, openConversation } from './store/conversations.ts';
import { hasCreators } from './store/creators.ts';
import { findMemberByEmail } from './store/members.ts';
import { migrate } from './store/migrate.ts';
import { openPglite } from './store/pglite.ts';
import { openPostgres } from './store/postgres.ts';
import type { Demo } from './welcome.ts';

/** What the runtime brings, and the port that will be bound. */
export interface Runtime {
  upgradeWebSocket: UpgradeWebSocket<BufferedSocket>;
  connInfo: GetConnInfo;
  port: number;
}

/** The server without its listener. */
export interface Server {
  app: ReturnType<typeof createApp>;
  sockets: Sockets;
  log: Log;
  /** Where browsers reach it. */
  origin: string;
  /** Starts what works by itself, and makes the demo where it is wanted. To be called once the port is bound. */
  start(): Promise<Demo | null>;
  /** Ends what works by itself and closes what is open. To be called once the listener has closed. */
  stop(): Promise<void>;
}

/**
 * Opens the record and connects everything to it.
 *
 * @throws AppError UNAVAILABLE a part cannot be reached · INVALID_INPUT the configuration does not fit the data folder
 */
export async function compose(config: Config, runtime: Runtime): Promise<Server> {
  const log = jsonLog(config.logLevel);
  await makeDataFolder(config.dataDir);
  const clock = systemClock(config.clockRate, await clockAnchor(config.dataDir, config.clockRate, Date.now()));
  const origins = originsOf(config, runtime.port);
  const database = await openDatabase(config, log);
  const applied = await migrate(database);
  if (applied.length > 0) log.info('database.migrated', { files: applied.length });

  const shared = await openShared(config, clock, log);
  const knowledge = await openKnowledge({
    db: database,
    folder: join(config.dataDir, 'documents'),
    uploadMaxBytes: config.uploadMaxBytes,
    ollama: config.ollama,
    chromaUrl: config.chromaUrl,
    cache: shared.cache,
    clock,
    ids,
    log,
  });
  const accounts = await openAccess(config, { database, clock, log, ...shared, origin: origins[0] });
  const outside = openOutside(config, { database, clock, log, ...shared, seal: accounts.seal, origin: origins[0] });
  const actors = createActors({ database, clock, log, fanOut: shared.fanOut, answers: knowledge.answers, outside });
  const receiver = outside.receiver(actors.mailboxes);
  const media = await openMedia({ database, clock, seal: accounts.seal, folder: join(config.dataDir, 'media') });
  const sockets = createSockets({ upgradeWebSocket: runtime.upgradeWebSocket, random: Math.random });
  await shared.fanOut.subscribe(sessionsTopic, sockets.hearSessions);

  const parts = {
    config,
    log,
    clock,
    database,
    origins,
    sockets,
    knowledge,
    outside,
    receiver,
    ...shared,
    ...actors,
    ...accounts,
    ...media,
  };
  const { connInfo } = runtime;
  const app = createApp({ log, clock, ids, connInfo, trustedProxyHops: config.trustedProxyHops }, mounts(parts));

  return {
    app,
    sockets,
    log,
    origin: origins[0],
    async start() {
      // The lock on the data folder says that nobody else is at work.
      if (database.kind === 'pglite') await database.owner(releaseClaims);
      knowledge.ingest.start();
      actors.timers.start();
      actors.effects.start();
      return config.demo ? demo(database, localOrigin(config.host, runtime.port)) : null;
    },
    async stop() {
      await Promise.all([knowledge.ingest.stop(), actors.timers.stop(), actors.effects.stop(), receiver.idle()]);
      await Promise.all([accounts.passwords.close(), accounts.post?.mail.close(), shared.cache.close(), shared.fanOut.close()]);
      await database.close();
    },
  };
}

/** Connections to PostgreSQL, of this process. */
const poolSize = 20;

interface Core {
  database: Database;
  clock: Clock;
  log: Log;
}

type Parts = Core & {
  config: Config;
  origins: readonly [string, ...string[]];
  sockets: Sockets;
  cache: Cache;
  fanOut: FanOut;
  knowledge: Knowledge;
  outside: Outside;
  receiver: Receiver;
} & ReturnType<typeof createActors> &
  Awaited<ReturnType<typeof openAccess>> &
  Awaited<ReturnType<typeof openMedia>>;

/** Where browsers reach the server; without PUBLIC_URL under both names of this machine, so that either page may run the widget. */
function originsOf({ publicUrl }: Config, port: number): readonly [string, ...string[]] {
  return publicUrl === null ? [`http://localhost:${port}`, `http://127.0.0.1:${port}`] : [new URL(publicUrl).origin];
}

function localOrigin(host: string, port: number): string {
  const everywhere = host === '0.0.0.0' || host === '::';
  return `http://${everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function openDatabase({ databaseUrl, dataDir }: Config, log: Log): Promise<Database> {
  return databaseUrl === null ? openPglite({ dataDir, log }) : openPostgres({ url: databaseUrl, log, poolSize });
}

async function openShared({ redisUrl: url }: Config, clock: Clock, log: Log): Promise<{ cache: Cache; fanOut: FanOut }> {
  const onError = (error: unknown) => log.error('fan-out.subscriber.failed', error);
  if (url === null) return { cache: createMemoryCache(clock), fanOut: createMemoryFanOut(onError) };
  return { cache: await openRedisCache({ url, log }), fanOut: await openRedisFanOut({ url, log, nodeId: ids.uuid(), onError }) };
}

/** Mailboxes, and the pumps that each committed turn wakes. */
function createActors({
  database: db,
  clock,
  log,
  fanOut,
  answers,
  outside,
}: Core & { fanOut: FanOut; answers: Answers; outside: Outside }) {
  const programs = createPrograms({ db, fanOut, clock });
  const turns = createTurns({
    db,
    clock,
    ids,
    log,
    fanOut,
    programs,
    onCommitted(_key, { planned, cancelled, nextDueAt }) {
      for (const effectId of cancelled) effects.abort(effectId);
      if (planned) effects.wake();
      if (nextDueAt !== null) timers.wake(clock.wallUntil(nextDueAt));
    },
  });
  const mailboxes = createMailboxes(turns);
  const timers = createTimerPump({ db, clock, log, mailboxes });
  const runners = { answer: answerRunner({ db, fanOut, answers }), send: sendRunner(outside.deliveries) };
  const effects = createEffectPump({ db, clock, log, runners, mailboxes });
  return { mailboxes, timers, effects };
}

/** Accounts with the gates that ask them. */
async function openAccess(config: Config, core: Core & { cache: Cache; fanOut: FanOut; origin: string }) {
  const seal = await createSeal(await masterKey(config, core.log));
  const post = openPost(config, core);
  const opened = await openAccounts({ ...core, seal, issuer: config.publicUrl ?? 'companero', post, ids });
  const count = createCountLimit(core.cache, createMemoryCache(core.clock));
  const gates = { member: memberGate({ ...opened, ...core, count }), operator: operatorGate(opened.operators, count) };
  return { ...opened, ...gates, seal, post, count, signInLimits: createSignInLimits(core.cache, count) };
}

function openPost({ smtp }: Config, { log, origin }: { log: Log; origin: string }): Post {
  return smtp === null ? null : { mail: createSmtpMail({ ...smtp, log }), letters: letters(origin) };
}

/** The channels whose providers call us and are called. */
function openOutside(
  config: Config,
  { database: db, clock, log, cache, seal, origin }: Core & { cache: Cache; seal: Seal; origin: string },
) {
  const { whatsapp, telegram, outboundAllow } = config;
  const fetches = { fetch, guardedFetch: createPublicFetch(outboundAllow) };
  return createOutside({ db, clock, ids, log, seal, cache, ...fetches, whatsapp, telegram, publicUrl: origin });
}

/** Files that are sent, and the links to them. */
async function openMedia({ database: db, clock, seal, folder }: Omit<Core, 'log'> & { seal: Seal; folder: string }) {
  const links = createMediaLinks(await seal.mac('media-links', new Uint8Array()), clock);
  return { media: createMedia({ db, files: createFiles(folder, ids) }), links };
}

async function masterKey({ masterKey: given, dataDir }: Config, log: Log): Promise<Uint8Array> {
  if (given !== null) return given;
  const { key, path, made } = await embeddedMasterKey(dataDir);
  if (made) log.info('master-key.made', { path });
  return key;
}

/** Every group of routes under its path. */
function mounts(parts: Parts): Mount[] {
  const { database, clock, log, cache, fanOut, member, mailboxes, tokens, knowledge, media, links } = parts;
  return [
    {
      path: '/',
      routes: pagesRoutes({ demoCreatorId: async () => (await findMemberByEmail(database.routing, demoEmail))?.creatorId ?? null }),
    },
    { path: '/', routes: healthRoutes(health(parts)) },
    { path: '/', routes: wellKnownRoutes(tokens) },
    { path: '/', routes: docsRoutes() },
    { path: '/api/v1/auth', routes: authRoutes(parts) },
    { path: '/api/v1/auth', routes: membersRoutes(parts) },
    { path: '/api/v1/operator', routes: operatorRoutes(parts) },
    { path: '/api/v1/creators/programs', routes: programsRoutes({ database, fanOut, clock, ids, member }) },
    { path: '/api/v1/creators/documents', routes: documentsRoutes({ documents: knowledge.documents, member, clock }) },
    { path: '/api/v1/creators/contacts', routes: contactsRoutes({ database, clock, member }) },
    { path: '/api/v1/creators/conversations', routes: conversationsRoutes({ database, mailboxes, ids, member }) },
    {
      path: '/api/v1/ai',
      routes: aiRoutes({
        ...{ knowledge, member, clock, log },
        historyOf: async (creatorId, id) => {
          const key = { creatorId, conversationId: id as ConversationId };
          await getConversation(database, key);
          return historyOf(database, key);
        },
      }),
    },
    { path: '/api/v1/channels', routes: outsideRoutes(parts) },
    { path: '/api/v1/channels', routes: webhooksInRoutes({ receiver: parts.receiver, clock, verifyToken: verifyTokenOf(parts) }) },
    { path: '/api/v1', routes: mediaRoutes({ media, links, member }) },
    {
      path: '/api/v1',
      routes: widgetRoutes({
        ...{ db: database, cache, fanOut, sockets: parts.sockets, mailboxes, media, links, tokens, member, clock, ids, log },
        record: {
          head: (key) => conversationHead(database, key),
          messagesAfter: (key, after, most) => messagesAfter(database, key, after, most),
        },
        openConversation: (creatorId, hints) => beginOnWidget({ database, clock }, creatorId, hints),
        ownOrigins: parts.origins,
        framesPerSecond: parts.config.widgetFramesPerSecond,
        randomBytes: () => crypto.getRandomValues(new Uint8Array(32)),
      }),
    },
  ];
}

function outsideRoutes({ database, outside, tokens, clock, member, effects }: Parts) {
  const { connections, channels, links } = outside;
  const accounts = Object.values(channels).map(({ account }) => account);
  return connectionsRoutes({ database, connections, accounts, links, tokens, ids, clock, member, planned: () => effects.wake() });
}

/** The word that Meta must repeat when it asks whether an address is ours. */
function verifyTokenOf({ database: db, seal }: Parts) {
  return async (id: string) => (await connectionOfPath({ db, seal }, 'whatsapp', id))?.secrets.verify_token ?? null;
}

/** A conversation of its own for each widget session, with what the page knows of the person. */
async function beginOnWidget({ database, clock }: Pick<Core, 'database' | 'clock'>, creatorId: CreatorId, hints: ContactHints) {
  const sessionId = ids.uuid<SessionId>();
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

/** The demo that is there, or a new one where there is no creator at all. */
async function demo(database: Database, origin: string): Promise<Demo | null> {
  const present = await findMemberByEmail(database.routing, demoEmail);
  if (present !== undefined) return { creatorId: present.creatorId, email: demoEmail, password: null };
  return (await database.owner(hasCreators)) ? null : seedDemo(origin);
}
