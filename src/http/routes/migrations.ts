/** /api/v1/creators/programs/{id}/versions/{n}/migrations: taking people who follow other versions over to this one. */
import { Hono } from 'hono';
import * as v from 'valibot';
import { isMoving, planMigration, type SweepParts, sweep, versionsToMove } from '../../actors/migrations.ts';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { ProgramId } from '../../ids.ts';
import { type FanOut, programsTopic } from '../../shared/fan-out.ts';
import { addMigrations } from '../../store/migrations.ts';
import { livePrograms } from '../../store/programs.ts';
import type { Member } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { describe } from '../openapi.ts';
import { pathId, pathNumber, query } from '../validate.ts';

const PlanAnswer = v.object({
  people: v.array(
    v.object({
      version: v.number(),
      state: v.nullable(v.string()),
      people: v.number(),
      waiting: v.boolean(),
      how: v.picklist(['already-there', 'left-behind', 'restored', 'stays', 'enters', 'stranded']),
      lands: v.nullable(v.string()),
      policy: v.picklist(['stay', 'next-quiet-state', 'move']),
      missing: v.array(v.string()),
    }),
  ),
  moving: v.number(),
});

/** What these routes need. */
export interface MigrationRoutesDeps extends SweepParts {
  fanOut: FanOut;
  clock: Clock;
  member: Member;
}

/** Mounted under /api/v1/creators/programs. */
export function migrationRoutes(deps: MigrationRoutesDeps): Hono<AppEnv> {
  const { db, fanOut, clock, member, log } = deps;
  return new Hono<AppEnv>().post(
    '/:id/versions/:n/migrations',
    describe({
      tag: 'programs',
      summary: 'Take everybody over to this version, or see where each would land',
      description:
        'With dryRun=true nothing changes. Otherwise each run goes over in a turn of its own, by the policy that the newer version declares. ' +
        'An older version takes people back: whoever has not moved on since to exactly where they came from, the others the same way. Refused while anybody would have no state to be in, and while newcomers begin on another version. Runs that wait for a sub-program (`waiting`) go over once it has ended.',
      answers: { 200: PlanAnswer, 202: PlanAnswer },
      errors: ['NOT_FOUND', 'CONFLICT'],
    }),
    member('programs.publish'),
    query(v.strictObject({ dryRun: v.optional(v.picklist(['true', 'false'])) })),
    async (c) => {
      const { creatorId } = c.var.principal;
      const programId = pathId<ProgramId>(c);
      const version = pathNumber(c, 'n');
      const people = await planMigration(db, creatorId, programId, version);
      const moving = people.reduce((sum, group) => sum + (isMoving(group) ? group.people : 0), 0);
      const plan = { people: people.map((group) => ({ ...group, missing: [...group.missing] })), moving };
      if (c.req.valid('query').dryRun === 'true') return c.json(plan, 200);
      const versions = versionsToMove(people);
      checkLive(programId, version, await livePrograms(db, creatorId));
      await addMigrations(db, creatorId, programId, version, versions, clock.wall());
      fanOut.publish(programsTopic(creatorId), 'migrating');
      // Durable already: the sweep only spares people the wait for their next turn.
      sweep(
        deps,
        creatorId,
        programId,
        versions.map((one) => one.version),
      ).catch((error) => log.error('migration.sweep', error, { creator_id: creatorId }));
      return c.json(plan, 202);
    },
  );
}

/** Where newcomers begin on a version that others are taken away from, each of them would be taken away at once. */
function checkLive(programId: ProgramId, version: number, live: readonly { programId: ProgramId; version: number }[]): void {
  const now = live.find((one) => one.programId === programId);
  if (now === undefined || now.version === version) return;
  throw new AppError('CONFLICT', `Set version ${version} live first: people who come now begin on version ${now.version}`);
}
