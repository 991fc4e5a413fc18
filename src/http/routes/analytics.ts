/** /api/v1/creators/analytics: figures of a stretch of days, counted from the record, as JSON or as a table. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import { type FindContactsDeps, liveDefinitions } from '../../actors/find-contacts.ts';
import type { Clock } from '../../clock.ts';
import { csvLine } from '../../csv.ts';
import type { Database } from '../../database.ts';
import { AppError } from '../../errors.ts';
import type { CreatorId, ProgramId } from '../../ids.ts';
import { instantOf, isZone, localDate, shiftLocalDate } from '../../programs/schedule.ts';
import {
  type Period,
  readAnswers,
  readFunnel,
  readMessageDays,
  readOverview,
  readRetention as readReturned,
} from '../../store/analytics.ts';
import { getProgram } from '../../store/programs.ts';
import type { Member } from '../auth.ts';
import type { AppEnv, MemberEnv } from '../env.ts';
import type { CountLimit } from '../limits.ts';
import { describe } from '../openapi.ts';
import { parse, pathId, query } from '../validate.ts';

const tag = 'analytics';
const mostDays = 366;
const weekDays = 7;

const LocalDate = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d{2}-\d{2}$/, 'Expected a date such as 2026-11-24'),
  v.check((text) => new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text) === true, 'Expected a day of the calendar'),
);
const RangeQuery = v.strictObject({
  from: v.optional(LocalDate),
  to: v.optional(LocalDate),
  zone: v.optional(v.pipe(v.string(), v.maxLength(64), v.check(isZone, 'Expected a time zone such as "Europe/Lisbon"'))),
  format: v.optional(v.picklist(['json', 'csv']), 'json'),
});
const Count = v.number();
const range = { from: v.string(), to: v.string(), zone: v.string() };
const OverviewAnswer = v.object({
  ...range,
  contacts: Count,
  new_contacts: Count,
  active_contacts: Count,
  conversations_started: Count,
  conversations_ended: Count,
  messages_in: Count,
  messages_out: Count,
  persons_called: Count,
  answers: Count,
  unanswered: Count,
});
const Day = v.object({ day: v.string(), contact: Count, coach: Count, person: Count, proactive: Count });
const MessagesAnswer = v.object({ ...range, days: v.array(Day) });
const Outcome = v.object({ outcome: v.string(), conversations: Count });
const State = v.object({ state: v.string(), reached: Count, here: Count });
const FunnelAnswer = v.object({ ...range, started: Count, outcomes: v.array(Outcome), states: v.array(State) });
const Cohort = v.object({ week: v.string(), contacts: Count, wrote: v.array(Count) });
const RetentionAnswer = v.object({ ...range, cohorts: v.array(Cohort) });
const Question = v.object({ question: v.string(), times: Count, last_at: v.pipe(v.string(), v.isoTimestamp()) });
const AnswersAnswer = v.object({ ...range, answers: Count, unanswered: Count, questions: v.array(Question) });

/** What these routes need. */
export interface AnalyticsRoutesDeps {
  database: Database;
  programs: FindContactsDeps['programs'];
  clock: Clock;
  count: CountLimit;
  member: Member;
}

/** Days as members name them, with the instants at which they begin. */
interface Range {
  named: { from: string; to: string; zone: string };
  /** The days, or the first day of each week. */
  days: string[];
  period: Period;
}

/** A report: how it is asked for, counted, and laid out as a table. */
interface Report<Answer> {
  path: string;
  summary: string;
  description?: string;
  answer: v.GenericSchema<Answer>;
  /** Days from one bound of the period to the next. */
  step: 1 | typeof weekDays;
  count(range: Range, c: Context<MemberEnv>): Promise<Answer>;
  rows(answer: Answer): readonly Readonly<Record<string, unknown>>[];
}

/** Mounted under /api/v1/creators/analytics. */
export function analyticsRoutes({ database: db, programs, clock, count, member }: AnalyticsRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  /** @throws AppError INVALID_INPUT the days end before they begin, or are more than 366 */
  async function rangeOf(creatorId: CreatorId, given: v.InferOutput<typeof RangeQuery>, step: number): Promise<Range> {
    const zone = given.zone ?? (await zoneOf(creatorId));
    const to = given.to ?? localDate(clock.now(), zone);
    const from = given.from ?? shiftLocalDate(to, -29);
    const length = (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;
    if (length < 1 || length > mostDays)
      throw new AppError('INVALID_INPUT', `Ask for 1 to ${mostDays} days: "${from}" to "${to}" are others`);
    const days = Array.from({ length: Math.ceil(length / step) }, (_, index) => shiftLocalDate(from, index * step));
    const start = (day: string) => new Date(instantOf(day, '00:00', zone));
    const period = { creatorId, from: start(from), to: start(shiftLocalDate(to, 1)), bounds: days.map(start) };
    return { named: { from, to, zone }, days, period };
  }

  /** The creator's zone: that of the first live program that names one. */
  async function zoneOf(creatorId: CreatorId): Promise<string> {
    const zones = (await liveDefinitions(programs, creatorId)).map(({ meta }) => meta.zone);
    return zones.find((zone) => zone !== undefined) ?? 'UTC';
  }

  async function programOf(c: Context<MemberEnv>): Promise<ProgramId> {
    const id = pathId<ProgramId>(c);
    await getProgram(db, c.var.principal.creatorId, id);
    return id;
  }

  function report<Answer extends Readonly<Record<string, unknown>>>(given: Report<Answer>): void {
    const { path, summary, description = '', answer: schema, step } = given;
    routes.get(
      path,
      describe({
        tag,
        summary,
        description:
          `${description} \`from\` and \`to\` are days (both count, 366 at most, the last 30 unless told) in \`zone\`, that of the live programs unless told. \`format=csv\` gives a table.`.trim(),
        answers: { 200: schema },
        forms: { 200: ['text/csv'] },
        errors: path.includes(':id') ? ['NOT_FOUND', 'RATE_LIMITED'] : ['RATE_LIMITED'],
      }),
      member('analytics.read'),
      query(RangeQuery),
      async (c) => {
        const { creatorId } = c.var.principal;
        const asked = parse(RangeQuery, c.req.query());
        const wanted = await rangeOf(creatorId, asked, step);
        await count('analytics.creator', '', creatorId);
        const answer = await given.count(wanted, c as Context<MemberEnv>);
        if (asked.format === 'json') return c.json(answer);
        return c.body(csvOf(given.rows(answer)), 200, {
          'Content-Type': 'text/csv; charset=utf-8',
          'Content-Disposition': `attachment; filename="${path.split('/').at(-1)}.csv"`,
        });
      },
    );
  }

  report({
    path: '/overview',
    summary: 'The workspace at a glance',
    answer: OverviewAnswer,
    step: 1,
    count: ({ named, period }) =>
      db.tenant(period.creatorId, async (sql) => {
        const { answers, unanswered } = await readAnswers(sql, period);
        const figures = await readOverview(sql, period);
        return {
          ...named,
          contacts: figures.contacts,
          new_contacts: figures.newContacts,
          active_contacts: figures.activeContacts,
          conversations_started: figures.conversationsStarted,
          conversations_ended: figures.conversationsEnded,
          messages_in: figures.messagesIn,
          messages_out: figures.messagesOut,
          persons_called: figures.personsCalled,
          answers,
          unanswered,
        };
      }),
    rows: (answer) => [answer],
  });

  report({
    path: '/messages',
    summary: 'Messages by day and by who wrote them',
    answer: MessagesAnswer,
    step: 1,
    async count({ named, days, period }) {
      const counted = await db.tenant(period.creatorId, (sql) => readMessageDays(sql, period));
      const byPlace = new Map(counted.map(({ place, ...figures }) => [place, figures]));
      const none = { contact: 0, coach: 0, person: 0, proactive: 0 };
      return { ...named, days: days.map((day, index) => ({ day, ...(byPlace.get(index + 1) ?? none) })) };
    },
    rows: ({ days }) => days,
  });

  report({
    path: '/programs/:id/funnel',
    summary: 'How far conversations came in a program',
    description: 'Those that began in the period and are in the program now, or ended in it.',
    answer: FunnelAnswer,
    step: 1,
    async count({ named, period }, c) {
      const programId = await programOf(c);
      return { ...named, ...(await db.tenant(period.creatorId, (sql) => readFunnel(sql, period, programId))) };
    },
    rows: ({ states }) => states,
  });

  report({
    path: '/programs/:id/retention',
    summary: 'Who still writes, week after week',
    description:
      'By the week of the period in which contacts began; `wrote` counts those who wrote in the first, second, … seven days of their own.',
    answer: RetentionAnswer,
    step: weekDays,
    async count({ named, days, period }, c) {
      const programId = await programOf(c);
      const { begun, returned } = await db.tenant(period.creatorId, (sql) => readReturned(sql, period, programId));
      const cohorts = begun.map(({ place, contacts }) => {
        const theirs = returned.filter((one) => one.place === place);
        const wrote = Array.from({ length: Math.max(0, ...theirs.map(({ week }) => week + 1)) }, () => 0);
        for (const { week, contacts: count } of theirs) wrote[week] = count;
        return { week: days[place - 1] ?? '', contacts, wrote };
      });
      return { ...named, cohorts };
    },
    rows: ({ cohorts }) =>
      cohorts.flatMap(({ week, contacts, wrote }) => wrote.map((count, index) => ({ week, contacts, weeks_later: index, wrote: count }))),
  });

  report({
    path: '/answers',
    summary: 'Questions of contacts, and which got no answer',
    description: 'The same question in other capitals is one. Evaluations and questions members try out do not count.',
    answer: AnswersAnswer,
    step: 1,
    async count({ named, period }) {
      const { questions, ...counts } = await db.tenant(period.creatorId, (sql) => readAnswers(sql, period));
      return { ...named, ...counts, questions: questions.map(({ lastAt, ...one }) => ({ ...one, last_at: lastAt.toISOString() })) };
    },
    rows: ({ questions }) => questions,
  });

  return routes;
}

function csvOf(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const [first] = rows;
  if (first === undefined) return '';
  const names = Object.keys(first);
  return [names, ...rows.map((row) => names.map((name) => String(row[name])))].map(csvLine).join('');
}
