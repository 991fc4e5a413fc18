/** /api/v1/creators/contacts/{id}/progress: what a contact has earned, and why. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Programs } from '../../actors/live-programs.ts';
import { progressHash } from '../../actors/progress.ts';
import { accountOf } from '../../actors/recount.ts';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database.ts';
import type { ContactId } from '../../ids.ts';
import { levelOf, streakOn } from '../../programs/progress.ts';
import { isZone, localDate } from '../../programs/schedule.ts';
import { getContact } from '../../store/contacts.ts';
import type { Member } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { describe } from '../openapi.ts';
import { pathId, query } from '../validate.ts';

const tag = 'contacts';
const Time = v.pipe(v.string(), v.isoTimestamp());
const Level = v.object({ program: v.string(), id: v.string(), title: v.string(), from: v.number() });
const Earned = v.object({
  at: Time,
  program: v.string(),
  what: v.picklist(['points', 'badge', 'milestone', 'streak']),
  amount: v.number(),
  name: v.string(),
});
const ProgressAnswer = v.object({
  progress: v.object({
    points: v.number(),
    badges: v.array(v.string()),
    milestones: v.record(v.string(), Time),
    streak: v.object({ count: v.number(), day: v.nullable(v.string()), alive: v.number() }),
    levels: v.array(Level),
  }),
  explanation: v.optional(v.object({ earned: v.array(Earned), up_to_date: v.boolean() })),
});

/** Mounted under /api/v1/creators/contacts. */
export function progressRoutes(deps: { database: Database; programs: Programs; clock: Clock; member: Member }): Hono<AppEnv> {
  const { database: db, programs, clock, member } = deps;
  const routes = new Hono<AppEnv>();
  routes.get(
    '/:id/progress',
    describe({
      tag,
      summary: 'What a contact has earned, and why',
      description:
        '`streak.alive` is the streak as of today. With `explain=true` every point, badge and milestone is counted again from the record under the live rules; ' +
        '`up_to_date` says whether the contact stands at that already.',
      answers: { 200: ProgressAnswer },
      errors: ['NOT_FOUND'],
    }),
    member('contacts.read'),
    query(v.strictObject({ explain: v.optional(v.picklist(['true', 'false'])) })),
    async (c) => {
      const { creatorId } = c.var.principal;
      const contactId = pathId<ContactId>(c);
      const contact = await getContact(db, creatorId, contactId);
      const live = await programs.live(creatorId);
      const { stands, counted, earned } = await accountOf({ db, programs }, creatorId, { contactId });
      const zone = contact.zone !== null && isZone(contact.zone) ? contact.zone : 'UTC';
      const today = localDate(clock.now(), zone);
      // Several programs may count the one streak of a contact: it lives while it does by one of them.
      const rules = live.flatMap(({ program }) => program.definition.progress?.streak ?? []);
      const alive = Math.max(0, ...(rules.length > 0 ? rules : [{}]).map((rule) => streakOn(stands, today, rule)));
      const levels = live.flatMap(({ program: { definition } }) => {
        const level = levelOf(stands.points, definition.progress?.levels);
        return level ? [{ program: definition.meta.id, ...level }] : [];
      });
      const { points, badges, milestones, streak } = stands;
      return c.json({
        progress: {
          points,
          badges: [...badges],
          milestones: { ...milestones },
          streak: { ...streak, alive },
          levels,
        },
        ...(c.req.valid('query').explain === 'true'
          ? {
              explanation: {
                earned: earned.map(({ at, program, what, amount, name }) => ({
                  at: new Date(at).toISOString(),
                  program,
                  what,
                  amount,
                  name,
                })),
                up_to_date: progressHash(counted) === progressHash(stands),
              },
            }
          : {}),
      });
    },
  );
  return routes;
}
