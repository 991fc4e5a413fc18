/** Builds every part from the configuration and connects them: the only place that knows which adapter stands behind a port. */
import { join } from 'node:path';
import type { GetConnInfo } from 'hono/conninfo';
import type { UpgradeWebSocket } from 'hono/ws';
import type { Post } from './accounts/accounts.ts';
import { createSmtpMail, letters } from './accounts/mail.ts';
import { openAccounts } from './accounts/open.ts';
import { createBroadcastPump } from './actors/broadcasts.ts';
import { createEffectPump } from './actors/effects.ts';
import { createPrograms } from './actors/live-programs.ts';
import { createMailboxes } from './actors/mailboxes.ts';
import { recountRunner } from './actors/recount.ts';
import { answerRunner } from './actors/run-answer.ts';
import { eventRunner } from './actors/run-event.ts';
import { httpRunner } from './actors/run-http.ts';
import { modelRunner } from './actors/run-model.ts';
import { pushRunner } from './actors/run-push.ts';
import { sendRunner } from './actors/run-send.ts';
import { transcribeRunner } from './actors/run-transcribe.ts';
import { createTellPrograms } from './actors/tell-programs.ts';
import { createTimerPump } from './actors/timers.ts';
import { createTurns } from './actors/turn.ts';
import { createWakeUps } from './actors/wake-ups.ts';
import { createWarmTier, noWarmTier, type WarmTier } from './actors/warm.ts';
import { createOutside, type Outside } from './channels/outside.ts';
import { createPresence } from './channels/presence.ts';
import { openPushKey } from './channels/push/key.ts';
import { createPush } from './channels/push/push.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { clockAnchor, embeddedMasterKey, makeDataFolder } from './data-folder.ts';
import type { Database } from './database.ts';
import { createFiles } from './files.ts';
import { createApp } from './http/app.ts';
import { memberGate, operatorGate } from './http/auth.ts';
import { createOnce } from './http/idempotency.ts';
import { createCountLimit, createPseudonym, createSignInLimits } from './http/limits.ts';
import { type BufferedSocket, createSockets, type Sockets } from './http/socket.ts';
import { type CreatorId, systemIds as ids } from './ids.ts';
import { jsonLog, type Log } from './log.ts';
import { createMediaLinks, type MediaLinks } from './media/links.ts';
import { createMedia, type Media } from './media/media.ts';
import { createPictures } from './media/pictures.ts';
import { createTranscriber } from './media/transcriber.ts';
import type { DocumentNews } from './message.ts';
import { openPrivacy } from './privacy/open.ts';
import { createPublicFetch, type PublicFetch } from './public-fetch.ts';
import type { Push } from './push.ts';
import { type Knowledge, openKnowledge } from './rag/knowledge.ts';
import { routes } from './routes.ts';
import { createSeal, type Seal } from './seal.ts';
import { createProgramSecrets, type ProgramSecrets } from './secrets/program-secrets.ts';
import { demoEmail, seedDemo } from './seed.ts';
import type { Cache } from './shared/cache.ts';
import { type FanOut, inboxTopic, sessionsTopic, widgetsTopic } from './shared/fan-out.ts';
import { createMemoryCache, createMemoryFanOut } from './shared/memory.ts';
import { openRedisCache, openRedisFanOut } from './shared/redis.ts';
import { releaseClaims } from './store/claims.ts';
import { hasCreators } from './store/creators.ts';
import { findMemberByEmail } from './store/members.ts';
import { migrate } from './store/migrate.ts';
import { openPglite } from './store/pglite.ts';
import { openPostgres } from './store/postgres.ts';
import { gatherStatistics } from './store/statistics.ts';
import { type Callbacks, createCallbacks } from './webhooks/callbacks.ts';
import { createWebhookPump } from './webhooks/pump.ts';
import type { Demo } from './welcome.ts';

/** What the runtime brings, and the port that will be bound. */
export interface Runtime {
  upgradeWebSocket: UpgradeWebSocket<BufferedSocket>;
  connInfo: GetConnInfo;
  port: number;
  /** Hears what happens; JSON lines on standard output unless told. */
  log?: Log;
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
  const log = runtime.log ?? jsonLog(config.logLevel);
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
    tellDocument(creatorId, id, status) {
      shared.fanOut.publish(inboxTopic(creatorId), { type: 'document', document_id: id, status } satisfies DocumentNews);
    },
  });
  const accounts = await openAccess(config, { database, clock, log, ...shared, origin: origins[0] });
  const outbound = { allowed: config.outboundAllow, ownHosts: [new URL(origins[0]).hostname] };
  const guardedFetch = createPublicFetch(outbound);
  const media = await openMedia({ database, clock, seal: accounts.seal, folder: join(config.dataDir, 'media') });
  const outside = openOutside(config, { database, clock, log, ...shared, ...media, seal: accounts.seal, origin: origins[0], guardedFetch });
  const calls = await openCalls({ database, clock, seal: accounts.seal, origin: origins[0] });
  const { push, pushes } = await openPush(config, { database, clock, log, ...shared, seal: accounts.seal, guardedFetch });
  const actors = createActors(config, { database, clock, log, ...shared, knowledge, outside, pushes, ...media, guardedFetch, ...calls });
  const receiver = outside.receiver(actors.mailboxes);
  const documentFiles = createFiles(join(config.dataDir, 'documents'), ids);
  const privacy = openPrivacy({
    ...{ database, clock, ids, log, cache: shared.cache, documentFiles, documents: knowledge.documents },
    ...accounts,
    ...media,
  });
  const webhooks = openWebhooks({ database, clock, log, seal: accounts.seal, guardedFetch });
  const sockets = createSockets({ upgradeWebSocket: runtime.upgradeWebSocket, random: Math.random });
  await shared.fanOut.subscribe(sessionsTopic, sockets.hearSessions);
  await shared.fanOut.subscribe(sessionsTopic, actors.hearSessions);
  await shared.fanOut.subscribe(widgetsTopic, sockets.hearWidgets);
  await actors.wakeUps.start();

  const parts = {
    config,
    log,
    clock,
    database,
    origins,
    sockets,
    knowledge,
    outside,
    push,
    receiver,
    outbound,
    wakeWebhooks: () => webhooks.wake(),
    privacy,
    ...shared,
    ...actors,
    ...calls,
    ...accounts,
    ...media,
  };
  const { connInfo } = runtime;
  const app = createApp({ log, clock, ids, connInfo, trustedProxyHops: config.trustedProxyHops }, routes(parts));

  let stopStatistics: () => void = () => undefined;

  return {
    app,
    sockets,
    log,
    origin: origins[0],
    async start() {
      // The lock on the data folder says that nobody else is at work.
      if (database.kind === 'pglite') await database.owner(releaseClaims);
      stopStatistics = gatherStatistics({ db: database, clock, log });
      knowledge.ingest.start();
      actors.timers.start();
      actors.broadcasts.start();
      for (const pump of [actors.effects, privacy.erasing.pump, privacy.retention, webhooks]) pump.start();
      return config.demo ? demo(database, localOrigin(config.host, runtime.port)) : null;
    },
    async stop() {
      stopStatistics();
      await Promise.all([privacy.erasing.pump.stop(), privacy.retention.stop(), webhooks.stop()]);
      await Promise.all([knowledge.ingest.stop(), actors.timers.stop(), actors.broadcasts.stop(), actors.effects.stop(), receiver.idle()]);
      actors.wakeUps.leave();
      await Promise.all([accounts.passwords.close(), accounts.post?.mail.close()]);
      await Promise.all([shared.cache.close(), shared.fanOut.close()]);
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

async function openShared(config: Config, clock: Clock, log: Log): Promise<{ cache: Cache; fanOut: FanOut; warm: WarmTier }> {
  const { redisUrl: url, hotConversations } = config;
  const onError = (error: unknown) => log.error('fan-out.subscriber.failed', error);
  if (url === null) return { cache: createMemoryCache(clock), fanOut: createMemoryFanOut(onError), warm: noWarmTier };
  const [cache, fanOut] = await Promise.all([openRedisCache({ url, log }), openRedisFanOut({ url, log, nodeId: ids.uuid(), onError })]);
  // Who keeps nothing in memory asks the record, and nobody in between.
  return { cache, fanOut, warm: hotConversations === 0 ? noWarmTier : createWarmTier({ cache, clock, log }) };
}

interface ActorsDeps extends Core {
  fanOut: FanOut;
  warm: WarmTier;
  knowledge: Knowledge;
  outside: Outside;
  pushes: Push;
  media: Media;
  guardedFetch: PublicFetch;
  programSecrets: ProgramSecrets;
  callbacks: Callbacks;
}

/** Mailboxes, and the pumps that each committed turn wakes. */
function createActors(
  { hotConversations, transcribe }: Config,
  {
    database: db,
    clock,
    log,
    fanOut,
    warm,
    knowledge: { answers, texts: models },
    outside,
    pushes,
    media,
    guardedFetch,
    programSecrets,
    callbacks,
  }: ActorsDeps,
) {
  const programs = createPrograms({ db, fanOut, clock, log, forgets: hotConversations === 0 });
  const turns = createTurns({
    db,
    clock,
    ids,
    log,
    fanOut,
    programs,
    warm,
    hotConversations,
    transcribeMs: transcribe?.withinMs ?? null,
    onCommitted({ creatorId, conversationId }, aftermath) {
      const { planned, cancelled, nextDueAt, moved } = aftermath;
      for (const effectId of cancelled) effects.abort(effectId);
      if (planned) effects.wake();
      if (nextDueAt !== null) timers.wake(clock.wallUntil(nextDueAt));
      wakeUps.tell(aftermath);
      if (moved) tell(creatorId, [moved], conversationId).catch((error) => log.error('contact.untold', error, { creator_id: creatorId }));
    },
  });
  const mailboxes = createMailboxes(turns);
  const tell = createTellPrograms({ db, mailboxes });
  const timers = createTimerPump({ db, clock, log, mailboxes });
  const runners = {
    answer: answerRunner({ db, fanOut, answers, showTyping: outside.deliveries.showTyping }),
    send: sendRunner(outside.deliveries),
    push: pushRunner(pushes),
    event: eventRunner({ db, clock }),
    model: modelRunner({ db, models }),
    http: httpRunner({
      fetch: guardedFetch,
      secretOf: programSecrets.open,
      callbackOf: (key, effectId, event) => callbacks.address({ ...key, effectId, event }),
    }),
    recount: recountRunner({ db, programs }),
    transcribe: transcribeRunner({
      ...{ db, clock, fanOut, readFile: media.read, showTyping: outside.deliveries.showTyping },
      transcriber: transcribe === null ? null : createTranscriber({ ...transcribe, fetch, clock, log }),
    }),
  };
  const effects = createEffectPump({ db, clock, log, runners, mailboxes });
  const broadcasts = createBroadcastPump({ db, clock, log, mailboxes });
  const wakeUps = createWakeUps({ fanOut, clock, nodeId: ids.uuid(), timers, effects });
  return { mailboxes, hearSessions: turns.hearSessions, timers, effects, wakeUps, programs, broadcasts };
}

/** Accounts with the gates that ask them. */
async function openAccess(config: Config, core: Core & { cache: Cache; fanOut: FanOut; origin: string }) {
  const before = config.masterKeyBefore;
  const seal = await createSeal(await masterKey(config, core.log), before === null ? [] : [before]);
  core.log.info('master-key.in-use', { key_id: seal.keyId, from: config.masterKey === null ? 'data folder' : 'environment' });
  const post = openPost(config, core);
  const opened = await openAccounts({ ...core, seal, issuer: config.publicUrl ?? 'companero', post, ids });
  const nameOf = createPseudonym(await seal.mac('limits', new Uint8Array()));
  const count = createCountLimit(core.cache, createMemoryCache(core.clock), nameOf);
  const once = createOnce({ ...core, seal });
  const gates = { once, member: memberGate({ ...opened, ...core, count, once }), operator: operatorGate(opened.operators, count) };
  return { ...opened, ...gates, seal, post, count, signInLimits: createSignInLimits(core.cache, count, nameOf) };
}

function openPost({ smtp }: Config, { log, origin }: { log: Log; origin: string }): Post {
  return smtp === null ? null : { mail: createSmtpMail({ ...smtp, log }), letters: letters(origin) };
}

/** The channels whose providers call us and are called. */
function openOutside(config: Config, deps: OutsideParts) {
  const { whatsapp, telegram } = config;
  const { database: db, clock, log, cache, seal, origin, guardedFetch, media, links } = deps;
  const fetches = { fetch, guardedFetch };
  const files = { read: media.read, url: (creatorId: CreatorId, id: string) => `${origin}${links.path(creatorId, id)}` };
  const told = { db, clock, ids, log, seal, cache, ...fetches };
  return createOutside({ ...told, keepMedia: media.keep, files, whatsapp, telegram, publicUrl: origin });
}

type OutsideParts = Core & { cache: Cache; seal: Seal; media: Media; links: MediaLinks; origin: string; guardedFetch: PublicFetch };

/** What calls of programs to services bring along: secrets, and addresses to be called back at. */
async function openCalls({ database: db, clock, seal, origin }: Omit<Core, 'log'> & { seal: Seal; origin: string }) {
  const callbacks = createCallbacks(await seal.mac('callbacks', new Uint8Array()), origin, clock);
  return { callbacks, programSecrets: createProgramSecrets({ db, seal, ids }) };
}

/** Web Push: what browsers subscribe with, and the way to tell them. */
async function openPush(config: Config, deps: Core & { cache: Cache; seal: Seal; guardedFetch: PublicFetch }) {
  const { database: db, clock, log, cache, guardedFetch: fetch } = deps;
  const key = await openPushKey(db, deps.seal);
  // Push services want an address at which somebody can be reached; one of this machine is refused by some.
  const contact = config.publicUrl?.startsWith('https:') ? config.publicUrl : 'mailto:push@companero.invalid';
  const pushes = createPush({ db, clock, log, presence: createPresence(cache), key, fetch, contact });
  return { push: { publicKey: key.publicKey, allowed: config.outboundAllow }, pushes };
}

/** Files that are sent, and the links to them. */
async function openMedia({ database: db, clock, seal, folder }: Omit<Core, 'log'> & { seal: Seal; folder: string }) {
  const links = createMediaLinks(await seal.mac('media-links', new Uint8Array()), clock);
  const mediaFiles = createFiles(folder, ids);
  return { media: createMedia({ db, files: mediaFiles, pictures: createPictures(clock) }), mediaFiles, links };
}

/** A call to an endpoint may take 10 s in all. */
function openWebhooks({ guardedFetch: fetch, ...deps }: Core & { seal: Seal; guardedFetch: PublicFetch }) {
  return createWebhookPump({ ...deps, fetch, patienceMs: 10_000, random: Math.random });
}

async function masterKey({ masterKey: given, dataDir }: Config, log: Log): Promise<Uint8Array> {
  if (given !== null) return given;
  const { key, path, made } = await embeddedMasterKey(dataDir);
  if (made) log.info('master-key.made', { path });
  return key;
}

/** The demo that is there, or a new one where there is no creator at all. */
async function demo(database: Database, origin: string): Promise<Demo | null> {
  const present = await findMemberByEmail(database.routing, demoEmail);
  if (present !== undefined) return { creatorId: present.creatorId, email: demoEmail, password: null };
  return (await database.owner(hasCreators)) ? null : seedDemo(origin);
}
