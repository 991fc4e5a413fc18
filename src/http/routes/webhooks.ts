/** /api/v1/creators/webhooks: a creator's own endpoints that hear of events, their deliveries and replay. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Audit } from '../../accounts/audit.ts';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database.ts';
import { AppError } from '../../errors.ts';
import { checkPublic, NotPublicError, type PublicFetchOptions } from '../../public-fetch.ts';
import type { Seal } from '../../seal.ts';
import {
  type DeliveryRow,
  deleteWebhook,
  findWebhook,
  insertWebhook,
  listDeliveries,
  listWebhooks,
  replayDelivery,
  rotateSecret,
  type WebhookRow,
} from '../../store/webhooks.ts';
import { newWebhookSecret } from '../../webhooks/signature.ts';
import { callerOf, type Member } from '../auth.ts';
import type { MemberEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { askedId } from '../idempotency.ts';
import { describe } from '../openapi.ts';
import { PageQuery, pageOf, pageOfFew, pageQuery } from '../pagination.ts';
import { body, parse, pathId, query } from '../validate.ts';

const tag = 'webhooks';
const secretOverlapMs = 24 * 60 * 60_000;

const Id = v.pipe(v.string(), v.uuid());
const Time = v.pipe(v.string(), v.isoTimestamp());
const EventName = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9_.-]{0,63}$/, 'Expected "message", "transcript", "conversation.state", "document" or the name of an event'),
);
const NewWebhook = v.strictObject({
  url: v.pipe(v.string(), v.maxLength(2_000)),
  events: v.pipe(v.array(EventName), v.minLength(1), v.maxLength(50)),
});
const Status = v.picklist(['planned', 'done', 'dead']);
const DeliveriesQuery = v.strictObject({ ...pageQuery, status: v.optional(Status) });

const WebhookView = v.object({ id: Id, url: v.string(), events: v.array(v.string()), created_at: Time });
const MadeWebhook = v.object({ webhook: WebhookView, secret: v.string() });
const DeliveryView = v.object({
  id: Id,
  event: v.string(),
  status: Status,
  attempts: v.number(),
  result: v.nullable(v.string()),
  created_at: Time,
  updated_at: Time,
});

/** What these routes need. */
export interface WebhooksRoutesDeps {
  database: Database;
  seal: Seal;
  audit: Audit;
  outbound: PublicFetchOptions;
  /** Looks for deliveries now. */
  wake(): void;
  member: Member;
  clock: Clock;
}

/** Mounted under /api/v1/creators/webhooks. */
export function webhooksRoutes(deps: WebhooksRoutesDeps): Hono<MemberEnv> {
  const { database, seal, audit, outbound, member, clock } = deps;
  const routes = new Hono<MemberEnv>();
  const sealed = (id: string, secret: string) => seal.seal(secret, `webhook:${id}`);

  routes.get(
    '/',
    describe({ tag, summary: 'List endpoints', answers: { 200: pageOf(WebhookView) } }),
    member('webhooks.read'),
    query(PageQuery),
    async (c) => {
      const all = await database.tenant(c.var.principal.creatorId, listWebhooks);
      return c.json(pageOfFew(all, c.req.valid('query'), ({ id }) => id, webhookView));
    },
  );

  routes.post(
    '/',
    describe({
      tag,
      summary: 'Add an endpoint',
      description:
        'Calls carry `webhook-id`, `webhook-timestamp` and `webhook-signature` (Standard Webhooks). The secret is shown this once.',
      answers: { 201: MadeWebhook },
      errors: ['INVALID_ADDRESS'],
    }),
    member('webhooks.write'),
    body(NewWebhook, 16 * 1024),
    async (c) => {
      const { principal } = c.var;
      const { url, events } = c.req.valid('json');
      await checkPublic(url, outbound).catch(refuseAddress);
      const id = askedId(c);
      const secret = newWebhookSecret();
      const sealedSecret = await sealed(id, secret);
      const row = await database.tenant(principal.creatorId, async (sql) => {
        const isNew = await insertWebhook(sql, principal.creatorId, { id, url, events: [...new Set(events)], sealedSecret });
        const event = { action: 'webhook.make', outcome: 'done', subjectId: id } as const;
        if (isNew) await audit.within(sql, principal.creatorId, { caller: callerOf(c), principal }, event);
        return findWebhook(sql, id);
      });
      if (row === undefined) throw notFound();
      return c.json({ webhook: webhookView(row), secret }, 201);
    },
  );

  routes.delete(
    '/:id',
    describe({ tag, summary: 'Remove an endpoint', answers: { 204: null }, errors: ['NOT_FOUND'] }),
    member('webhooks.write'),
    async (c) => {
      const { principal } = c.var;
      const id = pathId(c);
      const gone = await database.tenant(principal.creatorId, async (sql) => {
        if (!(await deleteWebhook(sql, id))) return false;
        const event = { action: 'webhook.remove', outcome: 'done', subjectId: id } as const;
        await audit.within(sql, principal.creatorId, { caller: callerOf(c), principal }, event);
        return true;
      });
      if (!gone) throw notFound();
      return c.body(null, 204);
    },
  );

  routes.post(
    '/:id/secret',
    describe({
      tag,
      summary: 'Replace the secret of an endpoint',
      description: 'For 24 hours calls are signed with the old one too.',
      answers: { 201: v.object({ secret: v.string() }) },
      errors: ['NOT_FOUND'],
    }),
    member('webhooks.write'),
    async (c) => {
      const id = pathId(c);
      const secret = newWebhookSecret();
      const sealedSecret = await sealed(id, secret);
      const rotated = { sealedSecret, until: new Date(clock.wall() + secretOverlapMs), by: askedId(c) };
      if (!(await database.tenant(c.var.principal.creatorId, (sql) => rotateSecret(sql, id, rotated)))) throw notFound();
      return c.json({ secret }, 201);
    },
  );

  routes.get(
    '/:id/deliveries',
    describe({ tag, summary: 'What was told to an endpoint, newest first', answers: { 200: pageOf(DeliveryView) }, errors: ['NOT_FOUND'] }),
    member('webhooks.read'),
    query(DeliveriesQuery),
    async (c) => {
      const id = pathId(c);
      const { limit, cursor, status } = c.req.valid('query');
      const before =
        cursor === undefined ? null : parse(v.pipe(v.string(), v.uuid('Start the list again: the cursor is not one of this list')), cursor);
      const rows = await database.tenant(c.var.principal.creatorId, async (sql) => {
        if ((await findWebhook(sql, id)) === undefined) throw notFound();
        return listDeliveries(sql, id, { status: status ?? null, before, most: limit + 1 });
      });
      const items = rows.slice(0, limit);
      return c.json({ items: items.map(deliveryView), next_cursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null });
    },
  );

  routes.post(
    '/:id/deliveries/:delivery/replay',
    describe({ tag, summary: 'Tell an endpoint once more', answers: { 202: null }, errors: ['NOT_FOUND'] }),
    member('webhooks.write'),
    async (c) => {
      const [id, delivery] = [pathId(c), pathId<string>(c, 'delivery')];
      if (!(await database.tenant(c.var.principal.creatorId, (sql) => replayDelivery(sql, id, delivery)))) throw notFound();
      deps.wake();
      return c.body(null, 202);
    },
  );

  return routes;
}

function refuseAddress(error: unknown): never {
  if (!(error instanceof NotPublicError)) throw error;
  throw new AppError('INVALID_ADDRESS', 'Name a public https address on port 443');
}

function webhookView({ id, url, events, created_at }: WebhookRow): v.InferOutput<typeof WebhookView> {
  return { id, url, events, created_at: created_at.toISOString() };
}

function deliveryView({ id, event, status, attempts, result, created_at, updated_at }: DeliveryRow): v.InferOutput<typeof DeliveryView> {
  return { id, event, status, attempts, result, created_at: created_at.toISOString(), updated_at: updated_at.toISOString() };
}
