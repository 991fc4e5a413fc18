/** The audit on record: rows appended to a creator's chain, read by page, and checked for gaps and changes. */
import type { Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';

/** One row as it is appended. Ids and coarse words only: the rows outlive what they speak of. */
export interface AuditEntry {
  /** Dotted name of what was tried, such as `session.login`. */
  action: string;
  outcome: 'done' | 'refused';
  actorKind: 'member' | 'key' | 'operator' | 'nobody' | 'system';
  actorId?: string | undefined;
  /** What it was done to. */
  subjectId?: string | undefined;
  /** A stable code or a word of the role table. */
  reason?: string | undefined;
  /** A pseudonym of the network address. */
  address?: string | undefined;
  requestId?: string | undefined;
}

/** A row as read. */
export interface AuditRow {
  seq: number;
  action: string;
  outcome: 'done' | 'refused';
  actor_kind: AuditEntry['actorKind'];
  actor_id: string | null;
  subject_id: string | null;
  reason: string | null;
  address: string | null;
  request_id: string | null;
  hash: string;
  created_at: Date;
}

/** Appends a row to the chain of the creator, whose context the transaction is in. @param at milliseconds since 1970 */
export async function appendAudit(sql: Sql, creatorId: CreatorId, entry: AuditEntry, at: number): Promise<void> {
  await sql('select append_audit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)', [
    creatorId,
    new Date(at),
    entry.action,
    entry.outcome,
    entry.actorKind,
    entry.actorId ?? null,
    entry.subjectId ?? null,
    entry.reason ?? null,
    entry.address ?? null,
    entry.requestId ?? null,
  ]);
}

/** At most `most` rows of the present creator, newest first, those before the row `before`. */
export function listAudit(
  sql: Sql,
  filter: { before: number | null; action: string | null; actorId: string | null; most: number },
): Promise<AuditRow[]> {
  return sql<AuditRow>(
    `select seq, action, outcome, actor_kind, actor_id, subject_id, reason, address, request_id, hash, created_at from audit
     where ($1::bigint is null or seq < $1) and ($2::text is null or action = $2) and ($3::uuid is null or actor_id = $3)
     order by seq desc limit $4`,
    [filter.before, filter.action, filter.actorId, filter.most],
  );
}

/** Every creator that has a chain. @param routing `database.routing` */
export async function auditedCreators(routing: Sql): Promise<CreatorId[]> {
  return (await routing<{ creator_id: CreatorId }>('select creator_id from routing.audited()')).map((row) => row.creator_id);
}

/** What a chain looks like: how long it is, the hash of its last row, and the rows that are not what was appended. */
export interface ChainCheck {
  rows: number;
  head: string;
  /** Numbers of rows that were changed, or whose predecessor is missing or changed. */
  broken: number[];
}

/** Checks the chain of the present creator. Rows cut off at its end show only against a `head` noted elsewhere. */
export async function checkChain(sql: Sql): Promise<ChainCheck> {
  const [found] = await sql<{ rows: number; head: string | null; broken: number[] | null }>(
    `select count(*) as rows, (array_agg(c.hash order by c.seq desc))[1] as head,
       array_agg(c.seq::int order by c.seq) filter (where c.hash <> c.expected or c.previous_hash <> c.before or c.seq <> c.place) as broken
     from (select a.seq, a.hash, a.previous_hash, audit_hash(a) as expected,
             coalesce(lag(a.hash) over chain, '') as before, row_number() over chain as place
           from audit a window chain as (order by a.seq)) c`,
  );
  return { rows: found?.rows ?? 0, head: found?.head ?? '', broken: found?.broken ?? [] };
}
