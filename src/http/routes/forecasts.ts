/** /api/v1/creators/programs/{id}/forecasts: what a program would mean for a thousand people. */
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import * as v from 'valibot';
import type { Forecast, ForecastQuestion } from '../../actors/forecast.ts';
import { createForecasts } from '../../actors/forecasts.ts';
import { scriptStart } from '../../actors/rehearse.ts';
import type { Database } from '../../database.ts';
import { errorBody } from '../../errors.ts';
import type { ProgramId } from '../../ids.ts';
import { idSchema, zoneSchema } from '../../programs/names.ts';
import { startSchema } from '../../programs/script.ts';
import type { Member } from '../auth.ts';
import { definitionOf } from '../checked-definition.ts';
import type { AppEnv } from '../env.ts';
import { describe } from '../openapi.ts';
import { body, pathId } from '../validate.ts';

const whole = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));

const Question = v.strictObject({
  personas: v.optional(whole(2_000)),
  days: v.optional(whole(90)),
  seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 31))),
  start: v.optional(startSchema),
  zones: v.optional(v.pipe(v.array(zoneSchema), v.maxLength(50))),
  channel: v.optional(idSchema),
  version: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

const counts = v.record(v.string(), v.number());
const Answer = v.object({
  personas: v.number(),
  days: v.number(),
  seed: v.number(),
  messages_per_day: v.array(v.number()),
  messages_by_hour: v.array(v.number()),
  messages_by_local_hour: v.array(v.number()),
  messages_by_class: counts,
  held: v.number(),
  skipped: counts,
  people_over_cap: v.number(),
  templates: v.number(),
  most_nudges_a_week: v.number(),
  outcomes: counts,
  drop_off: v.array(v.object({ state: v.string(), people: v.number(), share: v.number() })),
  failures: v.number(),
  stopped: v.number(),
});

/** Mounted under /api/v1/creators/programs. */
export function forecastRoutes({ database, member }: { database: Database; member: Member }): Hono<AppEnv> {
  const forecasts = createForecasts();
  return new Hono<AppEnv>().post(
    '/:id/forecasts',
    describe({
      tag: 'programs',
      summary: 'Forecast messages, load and drop-off with seeded people',
      description:
        'With "Accept: text/event-stream" it tells "progress" {done, personas} on the way, then "forecast". The same seed gives the same forecast.',
      answers: { 200: Answer },
      errors: ['NOT_FOUND', 'INVALID_PROGRAM', 'OVERLOADED', 'UNAVAILABLE'],
    }),
    member('programs.read'),
    body(Question),
    async (c) => {
      const given = c.req.valid('json');
      const definition = await definitionOf(database, c.var.principal.creatorId, pathId<ProgramId>(c), given.version);
      const question: ForecastQuestion = {
        personas: given.personas ?? 1_000,
        days: given.days ?? 30,
        seed: given.seed ?? 1,
        start: given.start === undefined ? scriptStart : Date.parse(given.start),
        zones: given.zones ?? [],
        channel: given.channel ?? definition.meta.channels?.[0] ?? 'widget',
      };
      const { signal } = c.req.raw;
      if (!c.req.header('Accept')?.includes('text/event-stream')) {
        return c.json((await forecasts.run(definition, question, signal, () => undefined)) satisfies Forecast);
      }
      return streamSSE(c, async (stream) => {
        const tell = (event: string, data: unknown) => stream.writeSSE({ event, data: JSON.stringify(data) });
        try {
          const ended = new AbortController();
          stream.onAbort(() => ended.abort(new Error('Nobody listens any more')));
          const forecast = await forecasts.run(definition, question, ended.signal, (done) => {
            // A reader that is gone ends the work through onAbort.
            tell('progress', { done, personas: question.personas }).catch(() => ended.abort());
          });
          await tell('forecast', forecast);
        } catch (error) {
          await tell('error', errorBody(error, c.var.requestId, Date.now()));
        }
      });
    },
  );
}
