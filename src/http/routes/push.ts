/** Web Push of the widget: the key browsers subscribe with, and the subscriptions of a conversation. docs/push.md is the contract. */
import { Hono } from 'hono';
import * as v from 'valibot';
import { PushSubscriptionBody, readSubscription } from '../../channels/push/subscription.ts';
import type { WidgetPrincipal } from '../../context.ts';
import type { Database } from '../../database.ts';
import type { CreatorId, Ids } from '../../ids.ts';
import { forgetSubscription, saveSubscription } from '../../store/push.ts';
import { bearer } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import type { CountLimit } from '../limits.ts';
import { describe } from '../openapi.ts';
import { body } from '../validate.ts';

/** What these routes need. */
export interface PushRoutesDeps {
  db: Database;
  ids: Ids;
  count: CountLimit;
  /** The installation's public key, and the origins of push services besides the known ones. */
  push: { publicKey: string; allowed: readonly string[] };
  /** @throws AppError UNAUTHENTICATED not a token of this creator's widget */
  principalOf(token: string, creatorId: CreatorId): Promise<WidgetPrincipal>;
}

const tag = 'channels';
const Gone = v.strictObject({ endpoint: v.pipe(v.string(), v.maxLength(2_000)) });

/** A request from a site that may use the creator's widget. */
interface PushEnv {
  Variables: AppEnv['Variables'] & { creatorId: CreatorId };
}

/** To be mounted below a widget's own path, where `creatorId` is set and the origin checked. */
export function pushRoutes(deps: PushRoutesDeps): Hono<PushEnv> {
  const { db, ids, count, push, principalOf } = deps;
  const routes = new Hono<PushEnv>();

  async function caller(token: string, creatorId: CreatorId): Promise<WidgetPrincipal> {
    const principal = await principalOf(token, creatorId);
    await count('widget.push', principal.sessionId, creatorId);
    return principal;
  }

  routes.get(
    '/',
    describe({
      tag,
      summary: 'Get the key to subscribe to Web Push with',
      public: true,
      answers: { 200: v.object({ public_key: v.string() }) },
      errors: ['ORIGIN_REFUSED'],
    }),
    (c) => c.json({ public_key: push.publicKey }),
  );

  routes.post(
    '/subscriptions',
    describe({
      tag,
      summary: 'Be told of messages while the page is closed',
      description: '`PushSubscription.toJSON()` of the browser, with the session token as Bearer.',
      answers: { 204: null },
      errors: ['ORIGIN_REFUSED', 'RATE_LIMITED', 'INVALID_ADDRESS'],
    }),
    body(PushSubscriptionBody, 8 * 1024),
    async (c) => {
      const principal = await caller(bearer(c), c.var.creatorId);
      const subscription = await readSubscription(c.req.valid('json'), push.allowed);
      await db.tenant(principal.creatorId, (sql) => saveSubscription(sql, principal, { id: ids.uuid(), ...subscription }));
      return c.body(null, 204);
    },
  );

  routes.delete(
    '/subscriptions',
    describe({ tag, summary: 'Be told no more', answers: { 204: null }, errors: ['ORIGIN_REFUSED', 'RATE_LIMITED'] }),
    body(Gone, 8 * 1024),
    async (c) => {
      const { creatorId } = await caller(bearer(c), c.var.creatorId);
      await db.tenant(creatorId, (sql) => forgetSubscription(sql, creatorId, c.req.valid('json').endpoint));
      return c.body(null, 204);
    },
  );

  return routes;
}
