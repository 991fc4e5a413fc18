/** /api/v1/creators/programs/{id}/forecasts and /replays: what a program would mean for a thousand people, and for those who are there. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import type { CalculationTask } from '../../actors/calculation-worker.ts';
import type { ForecastQuestion } from '../../actors/forecast.ts';
import { readRecordings } from '../../actors/recordings.ts';
import { scriptStart } from '../../actors/rehearse.ts';
import type { Clock } from '../../clock.ts';
import type { ProgramId } from '../../ids.ts';
import type { Log } from '../../log.ts';
import type { Definition } from '../../programs/definition.ts';
import { idSchema, zoneSchema } from '../../programs/names.ts';
import { startSchema } from '../../programs/script.ts';
import { getVersion } from '../../store/programs.ts';
import type { Member } from '../auth.ts';
import { type DefinitionDeps, definitionOf, othersOf } from '../checked-definition.ts';
import type { AppEnv } from '../env.ts';
import { acceptsEvents, answerEvents, eventStream } from '../events.ts';
import { describe } from '../openapi.ts';
import { body, pathId } from '../validate.ts';

const whole = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));
const version = v.optional(whole(1_000_000));

const Question = v.strictObject({
  personas: v.optional(whole(2_000)),
  days: v.optional(whole(90)),
  seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 31))),
  start: v.optional(startSchema),
  zones: v.optional(v.pipe(v.array(zoneSchema), v.maxLength(50))),
  channel: v.optional(idSchema),
  version,
});

const counts = v.record(v.string(), v.number());
const ForecastAnswer = v.object({
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

const Replay = v.strictObject({ conversations: v.optional(whole(500)), version });

const ReplayAnswer = v.object({
  conversations: v.number(),
  different: v.number(),
  differences: v.array(
    v.object({
      conversation_id: v.string(),
      version: v.number(),
      at: v.pipe(v.string(), v.isoTimestamp()),
      state: v.nullable(v.string()),
      before: v.nullable(v.string()),
      after: v.nullable(v.string()),
    }),
  ),
  failures: v.number(),
  stopped: v.number(),
});

const progress = 'With "Accept: text/event-stream" it tells "progress" {done, of} on the way, then the result.';
const failures = ['NOT_FOUND', 'INVALID_PROGRAM', 'OVERLOADED', 'UNAVAILABLE'] as const;

/** Mounted under /api/v1/creators/programs. */
export function forecastRoutes({ clock, member, log, ...deps }: DefinitionDeps & { clock: Clock; member: Member; log: Log }): Hono<AppEnv> {
  const { database, calculations } = deps;
  const routes = new Hono<AppEnv>();

  async function answer(c: Context, task: CalculationTask<'forecast' | 'replay'>, of: number) {
    if (!acceptsEvents(c)) return c.json(await calculations.run(task, c.req.raw.signal));
    return answerEvents(c, { clock, log }, async (tell, gone) => {
      const result = await calculations.run(task, gone, (done) => void tell('progress', { done, of }));
      await tell(task.kind, result);
    });
  }

  routes.post(
    '/:id/forecasts',
    describe({
      tag: 'programs',
      summary: 'Forecast messages, load and drop-off with seeded people',
      description: `${progress} The same seed gives the same forecast.`,
      answers: { 200: ForecastAnswer },
      forms: { 200: [eventStream] },
      errors: failures,
    }),
    member('programs.read'),
    body(Question),
    async (c) => {
      const given = c.req.valid('json');
      const { creatorId } = c.var.principal;
      const definition = await definitionOf(deps, creatorId, pathId<ProgramId>(c), given.version);
      const others = await othersOf(database, creatorId, definition);
      const question: ForecastQuestion = {
        personas: given.personas ?? 1_000,
        days: given.days ?? 30,
        seed: given.seed ?? 1,
        start: given.start === undefined ? scriptStart : Date.parse(given.start),
        zones: given.zones ?? [],
        channel: given.channel ?? definition.meta.channels?.[0] ?? 'widget',
      };
      return answer(c, { kind: 'forecast', definition, others, question }, question.personas);
    },
  );

  routes.post(
    '/:id/replays',
    describe({
      tag: 'programs',
      summary: 'Replay the last real conversations through the draft, sending nothing',
      description: `What people wrote and pressed, at the times they did, through the version they follow and through the draft; the first message that differs is told. ${progress}`,
      answers: { 200: ReplayAnswer },
      forms: { 200: [eventStream] },
      errors: failures,
    }),
    member('programs.write'),
    body(Replay),
    async (c) => {
      const { creatorId } = c.var.principal;
      const programId = pathId<ProgramId>(c);
      const given = c.req.valid('json');
      const definition = await definitionOf(deps, creatorId, programId, given.version);
      const others = await othersOf(database, creatorId, definition);
      const recordings = await readRecordings(database, creatorId, programId, given.conversations ?? 500, clock.now());
      const versions: [number, Definition][] = [];
      for (const number of new Set(recordings.map((recording) => recording.version))) {
        versions.push([number, (await getVersion(database, creatorId, programId, number)).definition as Definition]);
      }
      return answer(c, { kind: 'replay', definition, others, versions, recordings }, recordings.length);
    },
  );

  return routes;
}
