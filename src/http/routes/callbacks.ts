/** /api/v1/callbacks: where a service that a program has called tells it how that went. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Mailboxes } from '../../actors/input.ts';
import { AppError } from '../../errors.ts';
import type { ConversationId, CreatorId } from '../../ids.ts';
import type { Callback, Callbacks } from '../../webhooks/callbacks.ts';
import type { AppEnv } from '../env.ts';
import { describe } from '../openapi.ts';
import { body, pathId, query } from '../validate.ts';

const Signed = v.strictObject({ expires: v.pipe(v.string(), v.maxLength(12)), signature: v.pipe(v.string(), v.maxLength(64)) });

/** Mounted under /api/v1/callbacks. */
export function callbacksRoutes({ callbacks, mailboxes }: { callbacks: Callbacks; mailboxes: Mailboxes }): Hono<AppEnv> {
  return new Hono<AppEnv>().post(
    '/:creator_id/:conversation_id/:effect_id/:event',
    describe({
      tag: 'programs',
      summary: 'Tell a program that what it asked a service for has happened',
      description:
        'The address stands in the header `companero-callback` of the call. The JSON object given is the `event.data` of the event that the ' +
        'call names. Each address counts once; it is good for 30 days.',
      public: true,
      answers: { 202: null },
      errors: ['FORBIDDEN', 'NOT_FOUND', 'TOO_LARGE', 'OVERLOADED', 'UNAVAILABLE'],
    }),
    query(Signed),
    body(v.record(v.string(), v.unknown()), 64 * 1024),
    async (c) => {
      const callback: Callback = {
        creatorId: pathId<CreatorId>(c, 'creator_id'),
        conversationId: pathId<ConversationId>(c, 'conversation_id'),
        effectId: c.req.param('effect_id'),
        event: c.req.param('event'),
      };
      const { expires, signature } = c.req.valid('query');
      if (!callbacks.holds(callback, expires, signature)) throw new AppError('FORBIDDEN', 'This address is not valid, or not any more');
      const { effectId, event, ...key } = callback;
      await mailboxes.deliver(key, { id: `callback:${effectId}`, kind: 'event', name: event, data: c.req.valid('json') });
      return c.body(null, 202);
    },
  );
}
