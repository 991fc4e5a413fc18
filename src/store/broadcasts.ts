/** Broadcasts and their recipients. See sql/0030-broadcasts.sql. */
import type { Database, Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import type { ContactId, ConversationId, CreatorId } from '../ids.ts';
import type { LoadedRow } from './turns.ts';

/** What is said or done to each recipient, as the edge has checked it. */
export type BroadcastMessage = Readonly<Record<string, unknown>>;

/** A broadcast. */
export interface BroadcastRow {
  id: string;
  filter: string;
  message: BroadcastMessage;
  at: string;
  cancelled: boolean;
  createdAt: Date;
}

/** Somebody a broadcast goes to. */
export interface Recipient {
  contactId: ContactId;
  conversationId: ConversationId;
  dueAt: Date;
}

/** A contact that could be reached, with the conversation they last used. */
export interface Reachable {
  contact: LoadedRow['contact'];
  conversationId: ConversationId;
}

/** Contacts with a conversation, 500 at a time in order of their ids, those after `after`. */
export function reachableContacts(db: Database, creatorId: CreatorId, after: string | null): Promise<Reachable[]> {
  return db.tenant(creatorId, (sql) =>
    sql<Reachable>(
      `select to_jsonb(c) as contact, v.id as "conversationId" from contacts c
         join lateral (select v.id from conversations v where v.creator_id = c.creator_id and v.contact_id = c.id and v.status <> 'set-aside'
                       order by v.updated_at desc, v.id limit 1) v on true
       where c.creator_id = $1 and ($2::uuid is null or c.id > $2) order by c.id limit 500`,
      [creatorId, after],
    ),
  );
}

/** Everybody a broadcast goes to, in short. */
export interface Group {
  recipients: number;
  from: Date | null;
  to: Date | null;
  /** The first that are reached. */
  first: readonly Recipient[];
}

/**
 * Adds a broadcast with everybody it goes to. One of this id that is there already stays as it is.
 *
 * @param at milliseconds since 1970
 * @throws AppError CONFLICT the one that is there says something else
 */
export async function addBroadcast(
  db: Database,
  creatorId: CreatorId,
  broadcast: Pick<BroadcastRow, 'id' | 'filter' | 'message' | 'at'>,
  recipients: readonly Recipient[],
  at: number,
): Promise<Group> {
  const { id, filter, message } = broadcast;
  return db.tenant(creatorId, async (sql) => {
    const added = await sql(
      `insert into broadcasts (creator_id, id, filter, message, at, created_at, updated_at) values ($1, $2, $3, $4::json, $5, $6, $6)
       on conflict (creator_id, id) do nothing returning 1`,
      [creatorId, id, filter, JSON.stringify(message), broadcast.at, new Date(at)],
    );
    if (added.length === 0) {
      const same = await sql(
        'select 1 from broadcasts where creator_id = $1 and id = $2 and filter = $3 and message::jsonb = $4::jsonb and at = $5',
        [creatorId, id, filter, JSON.stringify(message), broadcast.at],
      );
      if (same.length === 0) throw new AppError('CONFLICT', 'Choose another Idempotency-Key: this one was used for another broadcast');
      return groupOf(sql, creatorId, id);
    }
    await sql(
      `insert into broadcast_recipients (creator_id, broadcast_id, contact_id, conversation_id, due_at, created_at, updated_at)
       select $1, $2, r.contact, r.conversation, r.due, $6, $6
       from unnest($3::uuid[], $4::uuid[], $5::timestamptz[]) as r (contact, conversation, due)`,
      [
        creatorId,
        id,
        recipients.map(({ contactId }) => contactId),
        recipients.map(({ conversationId }) => conversationId),
        recipients.map(({ dueAt }) => dueAt.toISOString()),
        new Date(at),
      ],
    );
    return groupOf(sql, creatorId, id);
  });
}

async function groupOf(sql: Sql, creatorId: CreatorId, id: string): Promise<Group> {
  const [all] = await sql<Omit<Group, 'first'>>(
    `select count(*)::integer as recipients, min(due_at) as "from", max(due_at) as "to" from broadcast_recipients
     where creator_id = $1 and broadcast_id = $2`,
    [creatorId, id],
  );
  const first = await sql<Recipient>(
    `select contact_id as "contactId", conversation_id as "conversationId", due_at as "dueAt" from broadcast_recipients
     where creator_id = $1 and broadcast_id = $2 order by due_at, contact_id limit 20`,
    [creatorId, id],
  );
  return { recipients: all?.recipients ?? 0, from: all?.from ?? null, to: all?.to ?? null, first };
}

/** How far a broadcast is: recipients by status, and by what the governor decided for those it has reached. */
export interface BroadcastProgress {
  broadcast: BroadcastRow;
  counts: Readonly<Record<string, number>>;
  decisions: readonly { does: string; reason: string; count: number }[];
  /** The first that are still to come. */
  next: readonly Recipient[];
}

/** @throws AppError NOT_FOUND */
export function readBroadcast(db: Database, creatorId: CreatorId, id: string): Promise<BroadcastProgress> {
  return db.tenant(creatorId, async (sql) => {
    const [broadcast] = await sql<BroadcastRow>(
      'select id, filter, message, at, cancelled, created_at as "createdAt" from broadcasts where creator_id = $1 and id = $2',
      [creatorId, id],
    );
    if (broadcast === undefined) throw new AppError('NOT_FOUND', `No broadcast "${id}" in this workspace`);
    const statuses = await sql<{ status: string; count: number }>(
      'select status, count(*)::integer as count from broadcast_recipients where creator_id = $1 and broadcast_id = $2 group by status',
      [creatorId, id],
    );
    const decisions = await sql<{ does: string; reason: string; count: number }>(
      `select d.value ->> 'do' as does, d.value ->> 'reason' as reason, count(*)::integer as count
       from broadcast_recipients r
         join inputs i on i.creator_id = r.creator_id and i.conversation_id = r.conversation_id and i.input_id = 'broadcast:' || r.broadcast_id
         cross join lateral jsonb_array_elements(i.trace -> 'decisions') d
       where r.creator_id = $1 and r.broadcast_id = $2 group by 1, 2 order by 3 desc, 1, 2 limit 50`,
      [creatorId, id],
    );
    const next = await sql<Recipient>(
      `select contact_id as "contactId", conversation_id as "conversationId", due_at as "dueAt" from broadcast_recipients
       where creator_id = $1 and broadcast_id = $2 and status = 'planned' order by due_at, contact_id limit 20`,
      [creatorId, id],
    );
    return { broadcast, counts: Object.fromEntries(statuses.map(({ status, count }) => [status, count])), decisions, next };
  });
}

/** Cancels what has not gone out. @throws AppError NOT_FOUND */
export async function cancelBroadcast(db: Database, creatorId: CreatorId, id: string): Promise<void> {
  await db.tenant(creatorId, async (sql) => {
    const found = await sql('update broadcasts set cancelled = true, updated_at = now() where creator_id = $1 and id = $2 returning id', [
      creatorId,
      id,
    ]);
    if (found.length === 0) throw new AppError('NOT_FOUND', `No broadcast "${id}" in this workspace`);
    await sql(
      `update broadcast_recipients set status = 'cancelled', updated_at = now() where creator_id = $1 and broadcast_id = $2 and status = 'planned'`,
      [creatorId, id],
    );
  });
}

/** A recipient whose time has come. */
export interface DueRecipient {
  creator_id: CreatorId;
  broadcast_id: string;
  contact_id: ContactId;
}

/** Claims recipients due at conversation time `now` for `holdMs` of wall time, at most `each` of one creator. */
export function claimRecipients(
  db: Database,
  now: number,
  wall: number,
  holdMs: number,
  each: number,
  most: number,
): Promise<DueRecipient[]> {
  return db.routing<DueRecipient>('select * from routing.claim_broadcasts($1, $2, make_interval(secs => $3), $4, $5)', [
    new Date(now),
    new Date(wall),
    holdMs / 1000,
    each,
    most,
  ]);
}

/** When the next unclaimed recipient falls due (conversation time, milliseconds since 1970); null when none is planned. */
export async function nextRecipient(db: Database, wall: number): Promise<number | null> {
  const [row] = await db.routing<{ due: Date | null }>('select routing.next_broadcast($1) as due', [new Date(wall)]);
  return row?.due?.getTime() ?? null;
}

/** What a recipient is to get; undefined when it was cancelled meanwhile. */
export async function readRecipient(
  db: Database,
  due: DueRecipient,
): Promise<{ conversationId: ConversationId; message: BroadcastMessage; attempts: number } | undefined> {
  const [row] = await db.tenant(due.creator_id, (sql) =>
    sql<{ conversationId: ConversationId; message: BroadcastMessage; attempts: number }>(
      `select r.conversation_id as "conversationId", b.message, r.attempts from broadcast_recipients r
         join broadcasts b on b.creator_id = r.creator_id and b.id = r.broadcast_id
       where r.creator_id = $1 and r.broadcast_id = $2 and r.contact_id = $3 and r.status = 'planned'`,
      [due.creator_id, due.broadcast_id, due.contact_id],
    ),
  );
  return row;
}

/** Notes what became of a recipient. */
export async function concludeRecipient(db: Database, due: DueRecipient, status: 'taken' | 'failed'): Promise<void> {
  await db.tenant(due.creator_id, (sql) =>
    sql(
      `update broadcast_recipients set status = $4, updated_at = now()
       where creator_id = $1 and broadcast_id = $2 and contact_id = $3 and status = 'planned'`,
      [due.creator_id, due.broadcast_id, due.contact_id, status],
    ),
  );
}
