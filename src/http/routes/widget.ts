/** The widget over HTTP: sessions, tickets and the socket for contacts; configuration and snippet for members. */
import { Hono, type MiddlewareHandler } from 'hono';
import * as v from 'valibot';
import type { Tokens } from '../../accounts/tokens.ts';
import type { ConversationKey, Mailboxes } from '../../actors/input.ts';
import { mayUseWidget } from '../../channels/origin.ts';
import { createPresence } from '../../channels/presence.ts';
import { offeredTicket } from '../../channels/tickets.ts';
import { createWidgetSocket, type WidgetSocketDeps } from '../../channels/widget.ts';
import { subprotocol } from '../../channels/widget-frames.ts';
import { isLanguage, isZone, publicConfig, VersionedSettings, WidgetConfig, WidgetSettings } from '../../channels/widget-settings.ts';
import { createWidgetTickets } from '../../channels/widget-tickets.ts';
import type { WidgetPrincipal } from '../../context.ts';
import type { Database } from '../../database.ts';
import { AppError } from '../../errors.ts';
import type { ConversationId, CreatorId, SessionId } from '../../ids.ts';
import type { MediaLinks } from '../../media/links.ts';
import { type Media, mediaLimits } from '../../media/media.ts';
import type { Definition } from '../../programs/definition.ts';
import { matchEntry } from '../../programs/entry.ts';
import type { Cache } from '../../shared/cache.ts';
import { widgetsTopic } from '../../shared/fan-out.ts';
import { isProgramName, livePrograms } from '../../store/programs.ts';
import { readWidgetSettings, saveWidgetSettings } from '../../store/widget-settings.ts';
import { bearer, type Member } from '../auth.ts';
import type { AppEnv, MemberEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { askedId, type Once } from '../idempotency.ts';
import type { CountLimit } from '../limits.ts';
import { readUpload } from '../multipart.ts';
import { describe } from '../openapi.ts';
import type { Sockets } from '../socket.ts';
import { body, pathId } from '../validate.ts';
import { type LinkRoutesDeps, linkRoutes } from './link.ts';
import { MediumAnswer } from './media.ts';
import { type PushRoutesDeps, pushRoutes } from './push.ts';

/** What a page tells of the person who writes. Used when a conversation begins; later the program's own questions count. */
export interface ContactHints {
  name?: string | undefined;
  /** IANA zone. */
  zone?: string | undefined;
  /** BCP 47. */
  language?: string | undefined;
}

export interface WidgetDeps extends Omit<WidgetSocketDeps, 'configVersion' | 'media' | 'presence'> {
  media: Media;
  links: MediaLinks;
  db: Database;
  /** Keeps tickets, and who is there. */
  cache: Cache;
  count: CountLimit;
  once: Once;
  push: PushRoutesDeps['push'];
  /** How a person's channels become one. */
  linking: Pick<LinkRoutesDeps, 'connections' | 'links'>;
  sockets: Sockets;
  mailboxes: Mailboxes;
  tokens: Pick<Tokens, 'issueWidget' | 'verifyWidget'>;
  member: Member;
  /** Begins a conversation on the widget with a new contact. */
  openConversation(
    creatorId: CreatorId,
    sessionId: SessionId,
    hints: ContactHints,
  ): Promise<{ sessionId: SessionId; conversationId: ConversationId }>;
  /** Where browsers reach this server. The first one stands in the snippet; pages of each may always run the widget. */
  ownOrigins: readonly [string, ...string[]];
  /** 32 unguessable bytes a call. */
  randomBytes: () => Uint8Array<ArrayBuffer>;
}

const SessionRequest = v.strictObject({
  session_token: v.optional(v.pipe(v.string(), v.maxLength(4096))),
  contact: v.optional(
    v.strictObject({
      name: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(200))),
      zone: v.optional(v.pipe(v.string(), v.check(isZone, 'Expected a time zone such as "Europe/Lisbon"'))),
      language: v.optional(v.pipe(v.string(), v.check(isLanguage, 'Expected a language tag such as "pt-PT"'))),
    }),
    {},
  ),
  entry: v.optional(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_-]{0,63}$/i, 'Expected the id of a program'))),
});

const SessionAnswer = v.object({ session_token: v.string(), session_id: v.pipe(v.string(), v.uuid()), config: WidgetConfig });

/** A request on behalf of one creator's widget, from a site that may. */
interface ChannelEnv {
  Variables: AppEnv['Variables'] & { creatorId: CreatorId; settings: VersionedSettings };
}

/** `/channels/widget/{creator_id}/…` for contacts and `/creators/widget` for members; to be mounted at `/api/v1`. */
export function widgetRoutes(deps: WidgetDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.route('/channels/widget/:creator_id', channelRoutes(deps));
  routes.route('/creators/widget', configurationRoutes(deps));
  return routes;
}

function channelRoutes(deps: WidgetDeps): Hono<ChannelEnv> {
  const { db, cache, count, links, log, mailboxes, media, once, sockets, tokens } = deps;
  const tickets = createWidgetTickets(cache, deps.randomBytes);
  const socketDeps: WidgetSocketDeps = {
    ...deps,
    media: { ofConversation: media.ofConversation, path: links.path },
    presence: createPresence(cache),
    configVersion: async (creatorId) => (await settingsOf(db, creatorId)).version,
  };
  const routes = new Hono<ChannelEnv>();

  /** @throws AppError UNAUTHENTICATED not a token of this creator's widget */
  async function principalOf(token: string, creatorId: CreatorId): Promise<WidgetPrincipal> {
    const principal = await tokens.verifyWidget(token);
    if (principal.creatorId !== creatorId) throw new AppError('UNAUTHENTICATED', 'Begin a new session: the token is of another widget');
    return principal;
  }

  async function resume(token: string, creatorId: CreatorId): Promise<WidgetPrincipal> {
    const principal = await principalOf(token, creatorId);
    await count('widget.resume', principal.sessionId, creatorId);
    if ((await deps.record.head(principal)) === null) throw new AppError('SESSION_ENDED', 'Begin a new session: this one has ended');
    return principal;
  }

  async function begin(creatorId: CreatorId, sessionId: SessionId, address: string, hints: ContactHints): Promise<WidgetPrincipal> {
    await count('widget.begin', address, creatorId);
    return { kind: 'widget', creatorId, ...(await deps.openConversation(creatorId, sessionId, hints)) };
  }

  /** A link that names a program starts it once. A failure leaves the session usable: the person can still write. */
  async function enter(key: ConversationKey, programSlug: string): Promise<void> {
    try {
      await mailboxes.deliver(key, { id: `start:${programSlug}`, kind: 'start', programSlug });
    } catch (error) {
      const code = error instanceof AppError ? error.code : 'INTERNAL';
      if (code === 'INTERNAL') log.error('widget.entry_failed', error, { creator_id: key.creatorId, conversation_id: key.conversationId });
      else log.warn('widget.entry_failed', { creator_id: key.creatorId, conversation_id: key.conversationId, code });
    }
  }

  routes.use(checkOrigin(deps));

  routes.get(
    '/config',
    describe({ tag: 'channels', summary: "Read a widget's public configuration", public: true, answers: { 200: WidgetConfig } }),
    (c) => c.json(publicConfig(c.var.settings)),
  );

  routes.post(
    '/sessions',
    describe({
      tag: 'channels',
      summary: 'Begin a widget session, or resume one by its token',
      public: true,
      answers: { 200: SessionAnswer, 201: SessionAnswer },
      errors: ['UNAUTHENTICATED', 'ORIGIN_REFUSED', 'RATE_LIMITED'],
    }),
    (c, next) => once(c, { creatorId: c.var.creatorId, id: '' }, next),
    body(SessionRequest, 16 * 1024),
    async (c) => {
      const { creatorId, settings, address } = c.var;
      const { session_token: token, contact, entry } = c.req.valid('json');
      const principal =
        token === undefined ? await begin(creatorId, askedId(c) as SessionId, address, contact) : await resume(token, creatorId);
      const programSlug = entry ?? (token === undefined ? settings.entry : null);
      if (programSlug !== null) await enter(principal, programSlug);
      c.header('Cache-Control', 'no-store');
      const answer = {
        session_token: await tokens.issueWidget(principal),
        session_id: principal.sessionId,
        config: publicConfig(settings),
      };
      return c.json(answer, token === undefined ? 201 : 200);
    },
  );

  routes.post(
    '/tickets',
    describe({
      tag: 'channels',
      summary: 'Get a ticket for one widget socket: one use, 60 seconds',
      description: 'Good for the `Origin` of this request only; asked without one, for a socket without one.',
      answers: { 201: v.object({ ticket: v.string() }) },
      errors: ['ORIGIN_REFUSED', 'RATE_LIMITED'],
    }),
    async (c) => {
      const principal = await principalOf(bearer(c), c.var.creatorId);
      await count('widget.ticket', principal.sessionId, c.var.creatorId);
      c.header('Cache-Control', 'no-store');
      return c.json({ ticket: await tickets.issue(principal, c.req.header('Origin')) }, 201);
    },
  );

  routes.post(
    '/media',
    describe({
      tag: 'channels',
      summary: 'Upload a file to the conversation',
      description: `Multipart, the file as part \`file\`, at most ${mediaLimits.file} bytes; its kind is told by its content. The id then goes into a message's \`attachments\`.`,
      answers: { 201: MediumAnswer },
      errors: ['ORIGIN_REFUSED', 'RATE_LIMITED', 'TOO_LARGE', 'UNSUPPORTED_MEDIA'],
    }),
    async (c, next) => {
      const { creatorId, sessionId } = await principalOf(bearer(c), c.var.creatorId);
      return once(c, { creatorId, id: sessionId }, next);
    },
    async (c) => {
      const { creatorId, conversationId, sessionId } = await principalOf(bearer(c), c.var.creatorId);
      await count('widget.upload', sessionId, creatorId);
      const { file } = await readUpload(c, mediaLimits.file);
      const medium = await media.keep(creatorId, { conversationId, ...file });
      return c.json({ ...medium, url: links.path(creatorId, medium.id) }, 201);
    },
  );

  routes.get(
    '/media/:id',
    describe({
      tag: 'channels',
      summary: 'Get a new link to a file of the conversation',
      answers: { 200: MediumAnswer },
      errors: ['ORIGIN_REFUSED', 'NOT_FOUND'],
    }),
    async (c) => {
      const { creatorId, conversationId } = await principalOf(bearer(c), c.var.creatorId);
      const [medium] = await media.ofConversation(creatorId, conversationId, [pathId(c)]);
      if (medium === undefined) throw notFound();
      c.header('Cache-Control', 'no-store');
      return c.json({ ...medium, url: links.path(creatorId, medium.id) });
    },
  );

  routes.route('/', linkRoutes({ ...deps, ...deps.linking }));
  routes.route('/push', pushRoutes({ ...deps, principalOf }));

  routes.get(
    '/connect',
    describe({
      tag: 'channels',
      summary: 'Open a widget socket',
      description:
        `Subprotocols \`${subprotocol}, ticket.<ticket>\`, from the \`Origin\` the ticket was asked from. The first frame is ` +
        '`{"type":"hello","after":0}`, within 5 s; then come `welcome`, `progress` where anything was earned, and every message after that number. ' +
        'Clients send `message`, `button`, `read`, `typing` and, every 25 s, `ping`. Closes with 1003 (binary), 1008 (no hello, or too much refused), ' +
        '1009 (over 64 KiB), 1013 (overloaded), 1001 (come back) and 4401 (session ended). All frames: docs/widget-protocol.md.',
      public: true,
      answers: { 101: null },
      errors: ['UNAUTHENTICATED', 'ORIGIN_REFUSED', 'OVERLOADED'],
    }),
    async (c, next) => {
      sockets.admit(c.req.header('Upgrade'));
      const ticket = offeredTicket(c.req.header('Sec-WebSocket-Protocol'), subprotocol);
      const principal = ticket === null ? null : await tickets.take(c.var.creatorId, ticket, c.req.header('Origin'));
      if (principal === null) throw new AppError('UNAUTHENTICATED', 'Ask for a new ticket: this one is missing, used or expired');
      return (await sockets.serve(principal, (connection) => createWidgetSocket(socketDeps, principal, connection))(c, next)) as Response;
    },
  );

  return routes;
}

function configurationRoutes({ db, fanOut, member, ownOrigins }: WidgetDeps): Hono<MemberEnv> {
  const routes = new Hono<MemberEnv>();

  routes.get(
    '/',
    member('widget.read'),
    describe({ tag: 'creators', summary: "Read the widget's configuration", answers: { 200: VersionedSettings } }),
    async (c) => c.json(await settingsOf(db, c.var.principal.creatorId)),
  );

  routes.put(
    '/',
    member('widget.write'),
    describe({
      tag: 'creators',
      summary: "Replace the widget's configuration",
      answers: { 200: VersionedSettings },
      errors: ['INVALID_FIELD'],
    }),
    body(WidgetSettings, 64 * 1024),
    async (c) => {
      const { creatorId } = c.var.principal;
      const settings = c.req.valid('json');
      if (settings.entry !== null) await requireEntry(db, creatorId, settings.entry);
      const version = await db.tenant(creatorId, (sql) => saveWidgetSettings(sql, creatorId, settings));
      if (version === undefined) throw notFound();
      fanOut.publish(widgetsTopic, { creator_id: creatorId, version });
      return c.json({ ...settings, version });
    },
  );

  routes.get(
    '/snippet',
    member('widget.read'),
    describe({ tag: 'creators', summary: 'Get the tag that puts the widget on a page', answers: { 200: v.object({ html: v.string() }) } }),
    (c) => c.json({ html: `<script src="${ownOrigins[0]}/widget.js" data-creator="${c.var.principal.creatorId}" async></script>` }),
  );

  return routes;
}

/** @throws AppError INVALID_FIELD no program of the creator has this name, and no live one has a link of it */
async function requireEntry(db: Database, creatorId: CreatorId, name: string): Promise<void> {
  const live = await livePrograms(db, creatorId);
  const arrival = { text: '', isFirst: false, link: name };
  if (live.some(({ definition }) => matchEntry(definition as Definition, arrival) !== null)) return;
  if (await isProgramName(db, creatorId, name)) return;
  const message = `Cannot begin with ${JSON.stringify(name)}: no program and no link of a live program has this name`;
  throw new AppError('INVALID_FIELD', message, { details: { issues: [{ pointer: '/entry', message }] } });
}

/**
 * Lets through only sites on the creator's list, and tells browsers so. Sets `creatorId` and `settings`; answers preflights.
 *
 * @throws AppError NOT_FOUND no such creator · ORIGIN_REFUSED
 */
function checkOrigin({ db, ownOrigins }: WidgetDeps): MiddlewareHandler<ChannelEnv> {
  return async function requireOrigin(c, next) {
    const creatorId = pathId<CreatorId>(c, 'creator_id');
    const settings = await settingsOf(db, creatorId);
    const origin = c.req.header('Origin');
    c.header('Vary', 'Origin');
    if (!mayUseWidget(origin, [...ownOrigins, ...settings.allowed_origins])) {
      throw new AppError('ORIGIN_REFUSED', `Cannot use this widget from ${JSON.stringify(origin?.slice(0, 200))}`);
    }
    if (origin !== undefined) {
      c.header('Access-Control-Allow-Origin', origin);
      c.header('Access-Control-Expose-Headers', 'Idempotency-Replayed, Retry-After, X-Request-Id');
      c.header('Cross-Origin-Resource-Policy', 'cross-origin');
    }
    c.set('creatorId', creatorId);
    c.set('settings', settings);
    if (c.req.method !== 'OPTIONS') return next();
    c.header('Access-Control-Allow-Methods', 'GET, POST, DELETE');
    c.header('Access-Control-Allow-Headers', 'Authorization, Content-Type, Idempotency-Key');
    c.header('Access-Control-Max-Age', '600');
    return c.body(null, 204);
  };
}

/** The creator's configuration as it is in force. @throws AppError NOT_FOUND no such creator */
export async function settingsOf(db: Database, creatorId: CreatorId): Promise<VersionedSettings> {
  const stored = await db.tenant(creatorId, (sql) => readWidgetSettings(sql, creatorId));
  if (stored === undefined) throw notFound();
  return v.parse(VersionedSettings, { version: 0, ...stored });
}
