/** What a creator's record says of a stretch of time: counted when asked, from messages, turns and answers. */
import type { Sql } from '../database.ts';
import type { CreatorId, ProgramId } from '../ids.ts';

/** Whose record, from when to when. `bounds` are the beginnings of the days or weeks that are counted apart; `to` itself is out. */
export interface Period {
  creatorId: CreatorId;
  from: Date;
  to: Date;
  bounds: readonly Date[];
}

/** Conversations of which something may lie in the period: nothing is newer than their last change. */
const touched = `select v.* from conversations v where v.creator_id = $1 and v.active_hour >= date_bin('1 hour', $2::timestamptz, 'epoch')`;
const messagesOf = `with v as (${touched}), m as (
  select m.*, v.contact_id, v.channel from v join messages m on m.creator_id = $1 and m.conversation_id = v.id
  where m.created_at >= $2 and m.created_at < $3)`;

/** The figures of a workspace at a glance. */
export interface Overview {
  /** All there are. */
  contacts: number;
  newContacts: number;
  /** Who wrote in the period. */
  activeContacts: number;
  conversationsStarted: number;
  /** Those that ended in the period and have not begun again. */
  conversationsEnded: number;
  messagesIn: number;
  messagesOut: number;
  /** Times a program called a person. */
  personsCalled: number;
}

/** Counts the period. */
export async function readOverview(sql: Sql, { creatorId, from, to }: Period): Promise<Overview> {
  const [row] = await sql<Overview>(
    `${messagesOf}
     select (select count(*) from contacts c where c.creator_id = $1)::integer as contacts,
       (select count(*) from contacts c where c.creator_id = $1 and c.created_at >= $2 and c.created_at < $3)::integer as "newContacts",
       (select count(distinct contact_id) from m where role = 'contact')::integer as "activeContacts",
       (select count(*) from v where created_at >= $2 and created_at < $3)::integer as "conversationsStarted",
       (select count(*) from v where status = 'ended' and updated_at >= $2 and updated_at < $3)::integer as "conversationsEnded",
       (select count(*) from m where role = 'contact')::integer as "messagesIn",
       (select count(*) from m where role <> 'contact')::integer as "messagesOut",
       (select count(*) from v join inputs i on i.creator_id = $1 and i.conversation_id = v.id
        where i.created_at >= $2 and i.created_at < $3 and i.trace ? 'handoff')::integer as "personsCalled"`,
    [creatorId, from, to],
  );
  return row as Overview;
}

/** Messages of one day, `place` counting the days from 1. */
export interface DayOfMessages {
  place: number;
  contact: number;
  coach: number;
  person: number;
  /** Of those of the coach: what nobody had just asked for. */
  proactive: number;
}

/** Messages by day; a day without any is left out. */
export function readMessageDays(sql: Sql, { creatorId, from, to, bounds }: Period): Promise<DayOfMessages[]> {
  return sql(
    `${messagesOf}
     select width_bucket(m.created_at, $4::timestamptz[])::integer as place, (count(*) filter (where role = 'contact'))::integer as contact,
       (count(*) filter (where role = 'coach'))::integer as coach, (count(*) filter (where role = 'person'))::integer as person,
       (count(*) filter (where class in ('nudge', 'promo', 'transactional')))::integer as proactive
     from m group by 1 order by 1`,
    [creatorId, from, to, instants(bounds)],
  );
}

/** How far conversations came that began in the period and are in the program now, or ended in it. */
export interface Funnel {
  started: number;
  outcomes: { outcome: string; conversations: number }[];
  /** In the order in which they are first reached. `here`: those that stand there now. */
  states: { state: string; reached: number; here: number }[];
}

/** Counts who reached which state of a program. */
export async function readFunnel(sql: Sql, { creatorId, from, to }: Period, programId: ProgramId): Promise<Funnel> {
  const begun = `with v as (${touched} and v.program_id = $4 and v.created_at >= $2 and v.created_at < $3)`;
  const values = [creatorId, from, to, programId];
  const [count] = await sql<{ started: number }>(`${begun} select count(*)::integer as started from v`, values);
  const outcomes = await sql<Funnel['outcomes'][number]>(
    `${begun} select outcome, count(*)::integer as conversations from v where status = 'ended' and outcome is not null group by 1 order by 2 desc, 1 limit 50`,
    values,
  );
  const states = await sql<Funnel['states'][number]>(
    `${begun}, reached as (
       select v.id, i.trace ->> 'to' as state, min(i.turn) as turn from v join inputs i on i.creator_id = $1 and i.conversation_id = v.id
       where i.trace ->> 'to' is not null group by 1, 2)
     select r.state, count(*)::integer as reached, (count(*) filter (where v.status = 'active' and v.state = r.state))::integer as here
     from reached r join v on v.id = r.id group by 1 order by avg(r.turn), 1 limit 200`,
    values,
  );
  return { started: count?.started ?? 0, outcomes, states };
}

/** Those who began in one week (`place` counts from 1) and wrote in the `week` of theirs, from 0. */
export interface Returned {
  place: number;
  week: number;
  contacts: number;
}

/** The size of each week's beginners, and how many wrote in each week of their own since. */
export async function readRetention(
  sql: Sql,
  { creatorId, from, to, bounds }: Period,
  programId: ProgramId,
): Promise<{ begun: { place: number; contacts: number }[]; returned: Returned[] }> {
  const cohort = `with v as (${touched} and v.program_id = $4), begun as (
    select contact_id, min(created_at) as since from v group by 1 having min(created_at) >= $2 and min(created_at) < $3)`;
  const values = [creatorId, from, to, programId, instants(bounds)];
  const begun = await sql<{ place: number; contacts: number }>(
    `${cohort} select width_bucket(since, $5::timestamptz[])::integer as place, count(*)::integer as contacts from begun group by 1 order by 1`,
    values,
  );
  const returned = await sql<Returned>(
    `${cohort} select width_bucket(b.since, $5::timestamptz[])::integer as place,
       floor(extract(epoch from m.created_at - b.since) / 604800)::integer as week, count(distinct b.contact_id)::integer as contacts
     from begun b join v on v.contact_id = b.contact_id join messages m on m.creator_id = $1 and m.conversation_id = v.id
     where m.role = 'contact' and m.created_at >= b.since group by 1, 2 order by 1, 2`,
    values,
  );
  return { begun, returned };
}

/** A question as it was asked, in one of its spellings. */
export interface Unanswered {
  question: string;
  times: number;
  lastAt: Date;
}

/**
 * Answers to contacts, and the questions that got none, most asked first, 200 at most; questions that are forgotten count and are not named. Evaluations and what members try out belong to no
 * conversation and do not count.
 */
export async function readAnswers(
  sql: Sql,
  { creatorId, from, to }: Period,
): Promise<{ answers: number; unanswered: number; questions: Unanswered[] }> {
  const asked = 'from answer_records where creator_id = $1 and conversation_id is not null and created_at >= $2 and created_at < $3';
  const values = [creatorId, from, to];
  const [count] = await sql<{ answers: number; unanswered: number }>(
    `select count(*)::integer as answers, (count(*) filter (where not grounded))::integer as unanswered ${asked}`,
    values,
  );
  const questions = await sql<Unanswered>(
    `select max(question) as question, count(*)::integer as times, max(created_at) as "lastAt" ${asked} and not grounded and question <> ''
     group by lower(trim(question)) order by 2 desc, 3 desc, 1 limit 200`,
    values,
  );
  return { answers: count?.answers ?? 0, unanswered: count?.unanswered ?? 0, questions };
}

/** As text, for drivers take no array of dates alike. */
function instants(bounds: readonly Date[]): string[] {
  return bounds.map((bound) => bound.toISOString());
}
