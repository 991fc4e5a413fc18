/** /api/v1/creators/programs/{id}/simulations: a scripted conversation on a virtual clock, nothing kept and nothing sent. */
import { Hono } from 'hono';
import * as v from 'valibot';
import { personaOf } from '../../actors/personas.ts';
import { scriptStart } from '../../actors/rehearse.ts';
import type { ProgramId } from '../../ids.ts';
import { personaSchema, startSchema, stepsSchema, worldSchema } from '../../programs/script.ts';
import type { Member } from '../auth.ts';
import { type DefinitionDeps, definitionOf, othersOf } from '../checked-definition.ts';
import type { AppEnv } from '../env.ts';
import { describe } from '../openapi.ts';
import { body, pathId } from '../validate.ts';

/** Turns of one simulation: a fraction of a second of a thread. */
const mostTurns = 4_000;
const maxBytes = 256 * 1024;

const Script = v.strictObject({
  persona: v.optional(personaSchema),
  start: v.optional(startSchema),
  world: v.optional(worldSchema),
  steps: stepsSchema,
  /** A published version; the draft when left out. */
  version: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

const Time = v.pipe(v.string(), v.isoTimestamp());
const Decision = v.object({
  content: v.string(),
  class: v.string(),
  do: v.string(),
  reason: v.string(),
  until: v.optional(Time),
});
const Message = v.object({
  at: Time,
  role: v.picklist(['contact', 'coach', 'person']),
  class: v.string(),
  text: v.string(),
  buttons: v.optional(v.array(v.object({ id: v.string(), title: v.string() }))),
});
const Turn = v.object({
  at: Time,
  turn: v.string(),
  state: v.nullable(v.string()),
  decisions: v.array(Decision),
  error: v.optional(v.string()),
});
const Simulated = v.object({
  transcript: v.array(v.union([Message, Turn])),
  now: Time,
  state: v.nullable(v.string()),
  status: v.string(),
  outcome: v.nullable(v.string()),
  control: v.string(),
  variables: v.record(v.string(), v.unknown()),
  contact: v.object({
    name: v.string(),
    zone: v.nullable(v.string()),
    language: v.nullable(v.string()),
    fields: v.record(v.string(), v.unknown()),
    tags: v.array(v.string()),
    consent: v.record(v.string(), v.boolean()),
    progress: v.looseObject({ points: v.number(), badges: v.array(v.string()) }),
  }),
  timers: v.array(v.object({ id: v.string(), due_at: Time })),
  failures: v.array(v.object({ step: v.number(), problem: v.string() })),
  stopped: v.nullable(v.string()),
});

/** Mounted under /api/v1/creators/programs. */
export function simulationRoutes({ member, ...deps }: DefinitionDeps & { member: Member }): Hono<AppEnv> {
  return new Hono<AppEnv>().post(
    '/:id/simulations',
    describe({
      tag: 'programs',
      summary: 'Play a scripted conversation on a virtual clock',
      description:
        'Steps: {say}, {press: button id}, {advance: ISO 8601 duration or "next" timer}, {event, data}, {start: true}, {expect}. The same step, timers and ' +
        'governor as in service. `world` says what documents, models and services answer; without it the documents give one set sentence and the rest fails. Without a start the script begins on 2026-01-05T09:00:00Z.',
      answers: { 200: Simulated },
      errors: ['NOT_FOUND', 'INVALID_PROGRAM', 'TOO_LARGE', 'OVERLOADED', 'UNAVAILABLE'],
    }),
    member('programs.read'),
    body(Script, maxBytes),
    async (c) => {
      const { persona, start, steps, version, world } = c.req.valid('json');
      const { creatorId } = c.var.principal;
      const definition = await definitionOf(deps, creatorId, pathId<ProgramId>(c), version);
      const others = await othersOf(deps.database, creatorId, definition);
      const script = { persona: personaOf(persona), start: start === undefined ? scriptStart : Date.parse(start), steps, world };
      const task = { kind: 'simulate', definition, others, script, turns: mostTurns } as const;
      return c.json((await deps.calculations.run(task, c.req.raw.signal)) as v.InferInput<typeof Simulated>);
    },
  );
}
