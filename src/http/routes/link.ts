/** Linking a person's channels over HTTP: a one-use key for a conversation, and a widget that goes on with the conversation of a key. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Tokens } from '../../accounts/tokens.ts';
import type { ConversationKey, Mailboxes } from '../../actors/input.ts';
import type { Connections } from '../../channels/connect.ts';
import { type Links, leaving, linkKeyMs } from '../../channels/link.ts';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { ConnectionRow } from '../../store/connections.ts';
import { bearer } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import type { CountLimit } from '../limits.ts';
import { describe } from '../openapi.ts';
import { body } from '../validate.ts';

/** What linking needs. */
export interface LinkRoutesDeps {
  connections: Pick<Connections, 'list'>;
  links: Pick<Links, 'issue' | 'joinWidget'>;
  tokens: Pick<Tokens, 'issueWidget' | 'verifyWidget'>;
  clock: Pick<Clock, 'wall'>;
  mailboxes: Pick<Mailboxes, 'deliver'>;
  count: CountLimit;
}

const LinkRequest = v.strictObject({ key: v.optional(v.pipe(v.string(), v.maxLength(64))) });
const LinkedSession = v.object({ session_token: v.string(), session_id: v.pipe(v.string(), v.uuid()) });

/** A key and the addresses that bring it over each connected channel. */
export const LinkKey = v.object({
  key: v.string(),
  expires_at: v.pipe(v.string(), v.isoTimestamp()),
  urls: v.record(v.string(), v.string()),
});

/** `POST /link` for contacts: below `/channels`, and below a widget's own path, where pages of other origins reach it. */
export function linkRoutes(deps: LinkRoutesDeps): Hono<AppEnv> {
  const { count, links, mailboxes, tokens } = deps;
  const routes = new Hono<AppEnv>();

  routes.post(
    '/link',
    describe({
      tag: 'channels',
      summary: 'Link the channels of a person',
      description:
        'With a widget session as Bearer. Without `key`: makes a one-use key, good for ten minutes, to be sent over another channel. ' +
        'With `key`: joins this widget to the conversation the key was made for and gives the session to go on with.',
      answers: { 200: LinkedSession, 201: LinkKey },
      errors: ['NOT_FOUND', 'RATE_LIMITED'],
    }),
    body(LinkRequest, 4 * 1024),
    async (c) => {
      const principal = await tokens.verifyWidget(bearer(c));
      const { creatorId } = principal;
      if ((c.req.param('creator_id') ?? creatorId) !== creatorId) {
        throw new AppError('UNAUTHENTICATED', 'Begin a new session: the token is of another widget');
      }
      await count('widget.link', principal.sessionId, creatorId);
      const { key } = c.req.valid('json');
      c.header('Cache-Control', 'no-store');
      if (key === undefined) return c.json(await newLinkKey(deps, principal), 201);
      const linked = await links.joinWidget(key, principal);
      if (linked === null) throw new AppError('NOT_FOUND', 'Ask for a new key: this one is unknown, used or expired');
      const { sessionId, conversationId, left } = linked;
      if (left !== null) await mailboxes.deliver({ creatorId, conversationId: left }, leaving(conversationId));
      const token = await tokens.issueWidget({ kind: 'widget', creatorId, sessionId, conversationId });
      return c.json({ session_token: token, session_id: sessionId }, 200);
    },
  );

  return routes;
}

/** A key for the conversation, with the addresses that bring it over each connected channel. */
export async function newLinkKey(
  { connections, links, clock }: Pick<LinkRoutesDeps, 'connections' | 'links' | 'clock'>,
  to: ConversationKey,
): Promise<v.InferOutput<typeof LinkKey>> {
  const key = await links.issue(to);
  const active = (await connections.list(to.creatorId)).filter(({ status }) => status === 'active');
  const urls = Object.fromEntries(active.flatMap((row) => linkUrl(row, key) ?? []));
  return { key, expires_at: new Date(clock.wall() + linkKeyMs).toISOString(), urls };
}

function linkUrl({ channel, settings }: ConnectionRow, key: string): [string, string][] | null {
  const number = (settings.display_phone_number ?? '').replaceAll(/\D/g, '');
  if (channel === 'whatsapp' && number !== '') return [[channel, `https://wa.me/${number}?text=${encodeURIComponent(`link ${key}`)}`]];
  return channel === 'telegram' && settings.username ? [[channel, `https://t.me/${settings.username}?start=${key}`]] : null;
}
