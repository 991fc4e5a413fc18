/** Progress: points, streaks, levels, badges and milestones as a pure fold over what turns recorded, so that new rules count old turns again. */
import * as v from 'valibot';
import type { Definition } from './definition.ts';
import { contentHash } from './hash.ts';
import { idSchema, labelSchema } from './names.ts';
import type { Json, Progress } from './scope.ts';

const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));
const pointsSchema = v.pipe(v.number(), v.integer(), v.minValue(-10_000), v.maxValue(10_000));

/** The progress part of a definition. */
export const progressSchema = v.strictObject({
  streak: v.optional(
    v.strictObject({
      event: idSchema,
      /** What is counted in a row: days, weeks from Monday, or months. */
      period: v.optional(v.picklist(['P1D', 'P1W', 'P1M'])),
      grace: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(31))),
    }),
  ),
  badges: v.optional(v.record(idSchema, v.strictObject({ title: labelSchema, description: v.optional(labelSchema) }))),
  /** Points for entering a state, at most so often a day or ever. */
  points: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          id: idSchema,
          state: idSchema,
          points: pointsSchema,
          reason: v.optional(labelSchema),
          atMost: v.optional(v.strictObject({ times: count, per: v.picklist(['day', 'ever']) })),
        }),
      ),
      v.maxLength(100),
    ),
  ),
  levels: v.optional(v.pipe(v.array(v.strictObject({ id: idSchema, title: labelSchema, from: v.number() })), v.maxLength(50))),
  /** Reached once: when a state is entered, or so many points or days in a row are there. */
  milestones: v.optional(
    v.record(
      idSchema,
      v.pipe(
        v.strictObject({
          title: v.optional(labelSchema),
          state: v.optional(idSchema),
          points: v.optional(count),
          streak: v.optional(count),
        }),
        v.check((rule) => ['state', 'points', 'streak'].filter((key) => key in rule).length === 1, 'Name a state, points or a streak'),
      ),
    ),
  ),
});

type Rules = NonNullable<Definition['progress']>;

/** One thing a turn recorded that counts: a state entered, points or a badge given by an action. */
export type Fact = { entered: string } | { award: number; reason: string } | { badge: string };

/** When and where a fact was recorded. */
export interface Moment {
  /** The program's id in its definition. */
  program: string;
  /** Milliseconds since 1970. */
  at: number;
  /** The local date in the contact's zone, YYYY-MM-DD. */
  day: string;
}

/** One line of an explanation. */
export interface Earned extends Moment {
  what: 'points' | 'badge' | 'milestone' | 'streak';
  /** Points paid, or the days of the streak. */
  amount: number;
  name: string;
}

/** Progress before anything was earned. */
export const noProgress: Progress = { points: 0, badges: [], milestones: {}, streak: { count: 0, day: null } };

/** What a fact makes of progress under the rules of its program. @param tell hears of each thing earned */
export function advance(before: Progress, fact: Fact, rules: Rules, moment: Moment, tell: (earned: Earned) => void = ignore): Progress {
  const earn = (what: Earned['what'], amount: number, name: string) => tell({ ...moment, what, amount, name });
  let progress = before;
  if ('award' in fact) {
    progress = { ...progress, points: progress.points + fact.award };
    earn('points', fact.award, fact.reason);
  } else if ('badge' in fact) {
    if (progress.badges.includes(fact.badge)) return progress;
    progress = { ...progress, badges: [...progress.badges, fact.badge] };
    earn('badge', 0, fact.badge);
  } else {
    progress = entered(progress, fact.entered, rules, moment, earn);
  }
  return progress === before ? before : withMilestones(progress, 'entered' in fact ? fact.entered : null, rules, moment, earn);
}

function ignore(): void {}

type Earn = (what: Earned['what'], amount: number, name: string) => void;

function entered(before: Progress, state: string, rules: Rules, moment: Moment, earn: Earn): Progress {
  let progress = before;
  if (rules.streak?.event === state) {
    progress = counted(progress, moment.day, rules.streak);
    if (progress !== before) earn('streak', progress.streak.count, state);
  }
  for (const rule of rules.points ?? []) {
    if (rule.state !== state) continue;
    const paid = payment(progress, rule, moment);
    if (paid === null) continue;
    const key = paidKey(moment.program, rule.id);
    progress = { ...progress, points: progress.points + rule.points, paid: { ...progress.paid, [key]: paid } };
    earn('points', rule.points, rule.reason ?? rule.id);
  }
  const marks = Object.values(rules.milestones ?? {}).some((milestone) => milestone.state === state);
  return marks && progress === before ? { ...progress } : progress;
}

const paidKey = (program: string, rule: string) => `${program}:${rule}`;

/** What is remembered of a rule that pays now; null when it has paid as often as it may. */
function payment(progress: Progress, { id, atMost }: NonNullable<Rules['points']>[number], { program, day }: Moment) {
  const key = paidKey(program, id);
  const before = progress.paid !== undefined && Object.hasOwn(progress.paid, key) ? progress.paid[key] : undefined;
  const times = before && (atMost?.per !== 'day' || before.day === day) ? before.count : 0;
  return atMost && times >= atMost.times ? null : { day, count: times + 1 };
}

/** How a streak is counted: by days unless told, and how many of its periods may be missed. */
export type StreakRule = Pick<NonNullable<Rules['streak']>, 'period' | 'grace'>;

/** The streak counted on a day: once a period, beginning again after more than `grace` missed ones. */
function counted(progress: Progress, day: string, rule: StreakRule): Progress {
  const { streak } = progress;
  if (streak.day === null) return { ...progress, streak: { count: 1, day } };
  const missed = missedPeriods(streak.day, day, rule);
  if (missed < 0) return progress;
  return { ...progress, streak: { count: missed <= (rule.grace ?? 0) ? streak.count + 1 : 1, day } };
}

/** How many whole periods lie between two days: -1 within the same one. */
const missedPeriods = (last: string, day: string, { period = 'P1D' }: StreakRule) => numberOf[period](day) - numberOf[period](last) - 1;

const dayNumber = (day: string) => Date.parse(day) / 86_400_000;

/** The number of the period that a local date lies in. */
const numberOf = {
  P1D: dayNumber,
  // 1 January 1970 was a Thursday, weeks begin on Monday.
  P1W: (day: string) => Math.floor((dayNumber(day) + 3) / 7),
  P1M: (day: string) => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)),
} as const;

/** The periods in a row as they stand on a day: none once more than `grace` were missed, the present one not counted as missed. */
export function streakOn({ streak }: Progress, day: string, rule: StreakRule): number {
  return streak.day === null || missedPeriods(streak.day, day, rule) > (rule.grace ?? 0) ? 0 : streak.count;
}

function withMilestones(progress: Progress, state: string | null, rules: Rules, { at }: Moment, earn: Earn): Progress {
  const reached = Object.entries(rules.milestones ?? {}).filter(
    ([id, rule]) => !Object.hasOwn(progress.milestones, id) && isReached(rule, state, progress),
  );
  if (reached.length === 0) return progress;
  for (const [id] of reached) earn('milestone', 0, id);
  const instant = new Date(at).toISOString();
  return { ...progress, milestones: { ...progress.milestones, ...Object.fromEntries(reached.map(([id]) => [id, instant])) } };
}

function isReached(rule: NonNullable<Rules['milestones']>[string], state: string | null, progress: Progress): boolean {
  if (rule.state !== undefined) return rule.state === state;
  if (rule.points !== undefined) return progress.points >= rule.points;
  return rule.streak !== undefined && progress.streak.count >= rule.streak;
}

/** What a turn recorded. */
export type Recorded = Moment & { facts: readonly Fact[] };

/**
 * Counts everything again from the record, oldest turn first. What is no result of rules, such as trials, stays as it was.
 *
 * @param rulesOf the rules in force for a program; undefined for one that has none any more, whose facts still count as they are
 */
export function recount(
  before: Progress,
  record: readonly Recorded[],
  rulesOf: (program: string) => Rules | undefined,
): { progress: Progress; earned: readonly Earned[] } {
  const earned: Earned[] = [];
  let progress: Progress = { ...noProgress, ...(before.buckets ? { buckets: before.buckets } : {}) };
  for (const { facts, ...moment } of record) {
    for (const fact of facts) progress = advance(progress, fact, rulesOf(moment.program) ?? {}, moment, (line) => earned.push(line));
  }
  return { progress, earned };
}

/** The highest level that the points reach; null below the first. */
export function levelOf(points: number, levels: Rules['levels'] = []): { id: string; title: string; from: number } | null {
  return levels.reduce<(typeof levels)[number] | null>(
    (best, level) => (level.from <= points && level.from >= (best?.from ?? level.from) ? level : best),
    null,
  );
}

/** The name of a set of rules: another where they count differently. */
export function rulesHash({ progress, meta }: Definition): string {
  return contentHash([meta.id, (progress ?? {}) as Json]).slice(0, 16);
}
