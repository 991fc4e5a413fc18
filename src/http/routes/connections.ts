/** A creator's accounts on outside channels, what became of the messages sent by them, and keys that link a person's channels. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { AccountSchema } from '../../channels/channel.ts';
import type { Connections, GivenAccount } from '../../channels/connect.ts';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database.ts';
import { type ConversationId, isUuid } from '../../ids.ts';
import type { ConnectionRow } from '../../store/connections.ts';
import { conversationHead } from '../../store/conversations.ts';
import { type DeadLetter, listDeadLetters, replayDelivery } from '../../store/deliveries.ts';
import type { Member } from '../auth.ts';
import type { AppEnv, MemberEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { askedId } from '../idempotency.ts';
import { describe } from '../openapi.ts';
import { PageQuery, pageAnswer, pageOf, pageOfFew, pageQuery } from '../pagination.ts';
import { body, pathId, query } from '../validate.ts';
import { LinkKey, type LinkRoutesDeps, linkRoutes, newLinkKey } from './link.ts';

/** What these routes need. `accounts` are the schemas of what a creator gives to connect, one for each channel. */
export interface ConnectionsRoutesDeps extends LinkRoutesDeps {
  database: Database;
  connections: Connections;
  accounts: readonly AccountSchema[];
  clock: Clock;
  member: Member;
  /** Hears that something was planned to be sent. */
  planned(): void;
}

const tag = 'channels';
const Time = v.pipe(v.string(), v.isoTimestamp());
const Id = v.pipe(v.string(), v.uuid());
const Uuid = v.pipe(v.string(), v.check(isUuid, 'Expected a UUID'));

const ConnectionItem = v.object({
  id: Id,
  channel: v.picklist(['whatsapp', 'telegram', 'webhook']),
  account: v.string(),
  name: v.string(),
  settings: v.record(v.string(), v.string()),
  status: v.picklist(['active', 'disabled']),
  reason: v.nullable(v.string()),
  webhook_url: v.string(),
  created_at: Time,
  updated_at: Time,
});
const Connected = v.object({ connection: ConnectionItem, shown_once: v.record(v.string(), v.string()) });

const DeadLetterItem = v.object({
  id: Id,
  conversation_id: Id,
  seq: v.number(),
  connection_id: Id,
  channel: v.string(),
  status: v.picklist(['failed', 'uncertain']),
  reason: v.nullable(v.string()),
  attempts: v.number(),
  updated_at: Time,
});
const DeadLetterQuery = v.strictObject({
  ...pageQuery,
  connection_id: v.optional(Uuid),
  status: v.optional(v.picklist(['failed', 'uncertain'])),
});

/** To be mounted at `/api/v1/channels`. */
export function connectionsRoutes(deps: ConnectionsRoutesDeps): Hono<AppEnv> {
  const { database, connections, member } = deps;
  const routes = new Hono<MemberEnv>();
  const item = (row: ConnectionRow) => connectionItem(row, connections.webhookUrl(row));

  routes.get(
    '/connections',
    describe({ tag, summary: 'List connected accounts', answers: { 200: pageOf(ConnectionItem) } }),
    member('channels.read'),
    query(PageQuery),
    async (c) => c.json(pageOfFew(await connections.list(c.var.principal.creatorId), c.req.valid('query'), ({ id }) => id, item)),
  );

  routes.post(
    '/connections',
    describe({
      tag,
      summary: 'Connect an account of WhatsApp, Telegram or another system',
      description:
        'Secrets are never shown again, but for those made here, which stand in `shown_once`. Connecting an account again renews it.',
      answers: { 201: Connected },
      errors: ['UNAVAILABLE'],
    }),
    member('channels.write'),
    body(v.variant('channel', deps.accounts as never) as v.GenericSchema<unknown, GivenAccount>, 32 * 1024),
    async (c) => {
      const { connection, shown } = await connections.connect(c.var.principal.creatorId, c.req.valid('json'));
      return c.json({ connection: item(connection), shown_once: { ...shown } }, 201);
    },
  );

  routes.delete(
    '/connections/:id',
    describe({ tag, summary: 'Let an account go; its conversations stay', answers: { 204: null }, errors: ['NOT_FOUND'] }),
    member('channels.write'),
    async (c) => {
      await connections.disconnect(c.var.principal.creatorId, pathId(c));
      return c.body(null, 204);
    },
  );

  routes.get(
    '/dead-letters',
    describe({
      tag,
      summary: 'List messages that did not arrive, or of which nobody knows, latest first',
      answers: { 200: pageOf(DeadLetterItem) },
    }),
    member('conversations.read'),
    query(DeadLetterQuery),
    async (c) => {
      const { connection_id: connectionId, ...rest } = c.req.valid('query');
      return c.json(pageAnswer(await listDeadLetters(database, c.var.principal.creatorId, { ...rest, connectionId }), deadLetterItem));
    },
  );

  routes.post(
    '/dead-letters/replay',
    describe({ tag, summary: 'Send a message that did not arrive once more', answers: { 202: null }, errors: ['NOT_FOUND'] }),
    member('conversations.act'),
    body(v.strictObject({ conversation_id: Uuid, seq: v.pipe(v.number(), v.safeInteger(), v.minValue(1)) })),
    async (c) => {
      const { conversation_id, seq } = c.req.valid('json');
      const key = { creatorId: c.var.principal.creatorId, conversationId: conversation_id as ConversationId, seq };
      if (!(await replayDelivery(database, key, askedId(c)))) throw notFound();
      deps.planned();
      return c.body(null, 202);
    },
  );

  routes.post(
    '/connections/link-keys',
    describe({
      tag,
      summary: 'Make a one-use key that joins another channel of the person to this conversation',
      answers: { 201: LinkKey },
      errors: ['NOT_FOUND'],
    }),
    member('conversations.act'),
    body(v.strictObject({ conversation_id: Uuid })),
    async (c) => {
      const key = { creatorId: c.var.principal.creatorId, conversationId: c.req.valid('json').conversation_id as ConversationId };
      if ((await conversationHead(database, key)) === null) throw notFound();
      return c.json(await newLinkKey(deps, key), 201);
    },
  );

  return new Hono<AppEnv>().route('/', routes).route('/', linkRoutes(deps));
}

function connectionItem(row: ConnectionRow, webhookUrl: string): v.InferOutput<typeof ConnectionItem> {
  return {
    id: row.id,
    channel: row.channel,
    account: row.account,
    name: row.name,
    settings: { ...row.settings },
    status: row.status,
    reason: row.reason,
    webhook_url: webhookUrl,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

function deadLetterItem(letter: DeadLetter): v.InferOutput<typeof DeadLetterItem> {
  return {
    id: letter.id,
    conversation_id: letter.conversationId,
    seq: letter.seq,
    connection_id: letter.connectionId,
    channel: letter.channel,
    status: letter.status,
    reason: letter.reason,
    attempts: letter.attempts,
    updated_at: letter.updatedAt.toISOString(),
  };
}
