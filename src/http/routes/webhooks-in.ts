/** Where providers of outside channels send to: signed requests, answered once they are durable. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import type { ChannelName, InboundRequest } from '../../channels/channel.ts';
import type { Receiver } from '../../channels/receive.ts';
import { verifySubscription } from '../../channels/whatsapp/whatsapp.ts';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import { isUuid } from '../../ids.ts';
import type { AppEnv } from '../env.ts';
import { readBytes } from '../json.ts';
import { describe } from '../openapi.ts';
import { query } from '../validate.ts';

/** What these routes need. */
export interface WebhooksInDeps {
  receiver: Receiver;
  /** The word Meta must repeat for this connection; null when there is no such WhatsApp connection. */
  verifyToken(connectionId: string): Promise<string | null>;
  clock: Clock;
}

/** Meta's cap of a payload; Telegram's and ours are far below. */
const mostBytes = 3 * 1024 * 1024;

/** Providers may come to add parameters of their own. */
const AnyParameters = v.record(v.string(), v.string());

/** To be mounted at `/api/v1/channels`. */
export function webhooksInRoutes({ receiver, verifyToken, clock }: WebhooksInDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  const tag = 'channels';
  const errors = ['UNAUTHENTICATED', 'TOO_LARGE', 'OVERLOADED', 'UNAVAILABLE'] as const;

  async function receive(c: Context<AppEnv>, channel: ChannelName): Promise<Response> {
    const id = c.req.param('connection_id') ?? '';
    const request: InboundRequest = {
      bytes: await readBytes(c, mostBytes),
      header: (name) => c.req.header(name),
      now: clock.wall(),
    };
    // An id that is none is answered like one that is not there, and like a wrong signature.
    await receiver.receive(channel, isUuid(id) ? id : nobody, request);
    return c.body(null, 200);
  }

  routes.get(
    '/whatsapp/:connection_id/webhook',
    describe({
      tag,
      summary: "Answer Meta's question whether the address is ours",
      public: true,
      answers: { 200: null },
      forms: { 200: ['text/plain'] },
      errors: ['FORBIDDEN'],
    }),
    query(AnyParameters),
    async (c) => {
      const id = c.req.param('connection_id');
      const expected = isUuid(id) ? await verifyToken(id) : null;
      const challenge = expected === null ? null : verifySubscription(c.req.valid('query'), expected);
      if (challenge === null) throw new AppError('FORBIDDEN', 'Cannot verify: the mode or the token does not match');
      if (challenge === '' || challenge.length > 1_000)
        throw new AppError('INVALID_INPUT', 'Send hub.challenge with at most 1000 characters');
      return c.text(challenge);
    },
  );

  const ways = {
    whatsapp: '/whatsapp/:connection_id/webhook',
    telegram: '/telegram/:connection_id/webhook',
    webhook: '/webhook/:connection_id',
  };
  for (const [channel, path] of Object.entries(ways) as [ChannelName, string][]) {
    routes.post(
      path,
      describe({ tag, summary: `Take what ${channel} tells, signed over its bytes`, public: true, answers: { 200: null }, errors }),
      query(AnyParameters),
      (c) => receive(c, channel),
    );
  }

  return routes;
}

/** The nil UUID: no connection has it. */
const nobody = '00000000-0000-0000-0000-000000000000';
