/** Deliveries: what became of each message outside, what the providers told, and the messages that never arrived. */
import type { Database, Sql } from '../database.ts';
import type { ConversationId, CreatorId } from '../ids.ts';
import type { MessageBody } from '../message.ts';
import { type ConnectionRow, findConnection } from './connections.ts';
import { decodeCursor, type Page, type PageRequest, pageOf, timePlace } from './cursor.ts';

/** Names a message. */
export interface MessageKey {
  creatorId: CreatorId;
  conversationId: ConversationId;
  seq: number;
}

/** A state with its place in the order in which states follow each other. */
export interface Standing {
  status: string;
  rank: number;
  reason: string | null;
}

/** What is known of one bubble. */
export interface PartRow extends Standing {
  part: number;
  providerId: string | null;
  attempts: number;
  updatedAt: Date;
}

/** Everything a try needs to know. `address` is null when the person is not known to the connection. */
export interface Delivery {
  message: { id: string; seq: number; body: MessageBody };
  connection: ConnectionRow | null;
  address: { externalId: string; phone: string | null; windowExpiresAt: Date; unreachable: string | null } | null;
  parts: readonly PartRow[];
}

const partColumns = 'part, status, rank, provider_id as "providerId", reason, attempts, updated_at as "updatedAt"';

/** Reads what a try needs; undefined when there is no such message. */
export function loadDelivery(db: Database, { creatorId, conversationId, seq }: MessageKey): Promise<Delivery | undefined> {
  return db.tenant(creatorId, async (sql) => {
    const [row] = await sql<{ id: string; body: MessageBody; connectionId: string | null }>(
      `select m.id, m.body, c.connection_id as "connectionId" from messages m
       join conversations c on c.creator_id = m.creator_id and c.id = m.conversation_id
       where m.creator_id = $1 and m.conversation_id = $2 and m.seq = $3`,
      [creatorId, conversationId, seq],
    );
    if (row === undefined) return undefined;
    const [address] = await sql<NonNullable<Delivery['address']>>(
      `select external_id as "externalId", phone, window_expires_at as "windowExpiresAt", unreachable from addresses
       where creator_id = $1 and conversation_id = $2 and connection_id = $3 order by updated_at desc limit 1`,
      [creatorId, conversationId, row.connectionId],
    );
    const parts = await sql<PartRow>(
      `select ${partColumns} from deliveries where creator_id = $1 and conversation_id = $2 and seq = $3 order by part`,
      [creatorId, conversationId, seq],
    );
    const connection = row.connectionId === null ? undefined : await findConnection(sql, creatorId, row.connectionId);
    return { message: { id: row.id, seq, body: row.body }, connection: connection ?? null, address: address ?? null, parts };
  });
}

/** Writes down at a wall time, before the provider is called, that a bubble is on its way: a process that dies meanwhile leaves that word. */
export async function beginPart(sql: Sql, key: MessageKey, part: number, connectionId: string, at: Date): Promise<void> {
  await sql(
    `insert into deliveries as d (creator_id, conversation_id, seq, part, connection_id, status, rank, attempts, created_at, updated_at)
     values ($1, $2, $3, $4, $5, 'sending', 0, 1, $6, $6)
     on conflict (creator_id, conversation_id, seq, part) do update set connection_id = excluded.connection_id, status = 'sending', rank = 0,
       reason = null, provider_id = null, attempts = d.attempts + 1, updated_at = $6`,
    [key.creatorId, key.conversationId, key.seq, part, connectionId, at],
  );
}

/** Writes down what a try of a bubble brought. News that came in the meantime counts too: the furthest state stands. */
export async function endPart(
  sql: Sql,
  key: MessageKey,
  part: number,
  ended: Standing & { connectionId: string; providerId: string | null; at: Date },
): Promise<void> {
  const { creatorId, conversationId, seq } = key;
  await sql(
    `insert into deliveries as d (creator_id, conversation_id, seq, part, connection_id, status, rank, reason, provider_id, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
     on conflict (creator_id, conversation_id, seq, part) do update set status = excluded.status, rank = excluded.rank,
       reason = excluded.reason, provider_id = coalesce(excluded.provider_id, d.provider_id), updated_at = $10 where d.rank <= excluded.rank`,
    [creatorId, conversationId, seq, part, ended.connectionId, ended.status, ended.rank, ended.reason, ended.providerId, ended.at],
  );
  if (ended.providerId === null) return;
  await sql(
    `update deliveries d set status = r.status, rank = r.rank, reason = r.reason, updated_at = now()
     from (select status, rank, reason from delivery_reports where creator_id = $1 and connection_id = $2 and provider_id = $3
           order by rank desc limit 1) r
     where d.creator_id = $1 and d.connection_id = $2 and d.provider_id = $3 and d.rank < r.rank`,
    [creatorId, ended.connectionId, ended.providerId],
  );
}

/**
 * Takes a provider's word about a bubble, once: keeps it, and moves the bubble's state forward, never back. `part` names the bubble where
 * the provider repeated our name for it; a bubble whose send nobody answered is found by it.
 *
 * @returns whether the word was new
 */
export async function reportDelivery(
  sql: Sql,
  report: Standing & { creatorId: CreatorId; connectionId: string; providerId: string; part: (MessageKey & { part: number }) | null },
): Promise<boolean> {
  const { creatorId, connectionId, providerId, status, rank, reason, part } = report;
  const added = await sql(
    `insert into delivery_reports (creator_id, connection_id, provider_id, status, rank, reason) values ($1, $2, $3, $4, $5, $6)
     on conflict do nothing returning 1`,
    [creatorId, connectionId, providerId, status, rank, reason],
  );
  if (part !== null) {
    await sql(
      `update deliveries set provider_id = $5, updated_at = now()
       where creator_id = $1 and conversation_id = $2 and seq = $3 and part = $4 and connection_id = $6 and provider_id is null`,
      [creatorId, part.conversationId, part.seq, part.part, providerId, connectionId],
    );
  }
  await sql(
    `update deliveries set status = $4, rank = $5, reason = $6, updated_at = now()
     where creator_id = $1 and connection_id = $2 and provider_id = $3 and rank < $5`,
    [creatorId, connectionId, providerId, status, rank, reason],
  );
  return added.length > 0;
}

/** The address a bubble went to; undefined when the provider's id is unknown. */
export async function addressOfReport(
  sql: Sql,
  { creatorId, connectionId, providerId }: { creatorId: CreatorId; connectionId: string; providerId: string },
): Promise<string | undefined> {
  const [row] = await sql<{ externalId: string }>(
    `select a.external_id as "externalId" from deliveries d
     join addresses a on a.creator_id = d.creator_id and a.conversation_id = d.conversation_id and a.connection_id = d.connection_id
     where d.creator_id = $1 and d.connection_id = $2 and d.provider_id = $3 order by a.updated_at desc limit 1`,
    [creatorId, connectionId, providerId],
  );
  return row?.externalId;
}

/** What became of a message as a whole: that of its bubble that got least far, a failed one before all. */
export interface MessageDelivery {
  seq: number;
  channel: string;
  status: string;
  reason: string | null;
  updatedAt: Date;
}

/** What became of messages; those that were never to leave are missing. */
export function deliveriesOf(
  db: Database,
  { creatorId, conversationId }: Omit<MessageKey, 'seq'>,
  seqs: readonly number[],
): Promise<MessageDelivery[]> {
  return db.tenant(creatorId, (sql) =>
    sql<MessageDelivery>(
      `select distinct on (d.seq) d.seq, n.channel, d.status, d.reason, d.updated_at as "updatedAt" from deliveries d
       join connections n on n.creator_id = d.creator_id and n.id = d.connection_id
       where d.creator_id = $1 and d.conversation_id = $2 and d.seq = any ($3::bigint[])
       order by d.seq, d.status <> 'failed', d.rank`,
      [creatorId, conversationId, [...seqs]],
    ),
  );
}

/** A message that did not arrive, or of which nobody knows. */
export interface DeadLetter {
  id: string;
  conversationId: ConversationId;
  seq: number;
  connectionId: string;
  channel: string;
  status: 'failed' | 'uncertain';
  reason: string | null;
  attempts: number;
  updatedAt: Date;
}

/** Messages that did not arrive, latest first. @throws AppError INVALID_INPUT for a foreign cursor */
export async function listDeadLetters(
  db: Database,
  creatorId: CreatorId,
  page: PageRequest & { connectionId?: string | undefined; status?: 'failed' | 'uncertain' | undefined },
): Promise<Page<DeadLetter>> {
  const place = decodeCursor(timePlace, page.cursor);
  const rows = await db.tenant(creatorId, (sql) =>
    sql<DeadLetter & { micros: number }>(
      `select * from (
         select distinct on (d.conversation_id, d.seq) m.id, d.conversation_id as "conversationId", d.seq, d.connection_id as "connectionId", n.channel,
           d.status, d.reason, d.attempts, d.updated_at as "updatedAt", (extract(epoch from d.updated_at) * 1000000)::bigint as micros
         from deliveries d
         join messages m on m.creator_id = d.creator_id and m.conversation_id = d.conversation_id and m.seq = d.seq
         join connections n on n.creator_id = d.creator_id and n.id = d.connection_id
         where d.creator_id = $1 and d.status in ('failed', 'uncertain')
           and ($4::uuid is null or d.connection_id = $4) and ($5::text is null or d.status = $5)
         order by d.conversation_id, d.seq, d.rank desc) dead
       where $2::bigint is null or (micros, id) < ($2::bigint, $3::uuid)
       order by micros desc, id desc limit $6`,
      [creatorId, place?.[0] ?? null, place?.[1] ?? null, page.connectionId ?? null, page.status ?? null, page.limit + 1],
    ),
  );
  return pageOf(
    rows,
    page.limit,
    ({ micros: _, ...letter }) => letter,
    (row) => [row.micros, row.id],
  );
}

/**
 * Plans to send a dead letter once more: what arrived of it stays, the rest is tried anew.
 *
 * @param effectId the new effect's id
 * @returns false when nothing of the message is dead
 */
export function replayDelivery(db: Database, key: MessageKey, effectId: string): Promise<boolean> {
  const { creatorId, conversationId, seq } = key;
  return db.tenant(creatorId, async (sql) => {
    const forgotten = await sql(
      `delete from deliveries where creator_id = $1 and conversation_id = $2 and seq = $3 and status in ('failed', 'uncertain') returning part`,
      [creatorId, conversationId, seq],
    );
    if (forgotten.length === 0) return false;
    await sql(
      `insert into effects (creator_id, id, conversation_id, type, lane, position, params)
       select creator_id, $4, id, 'send', 'send', version * 1000, jsonb_build_object('seq', $3::bigint)
       from conversations where creator_id = $1 and id = $2`,
      [creatorId, conversationId, seq, effectId],
    );
    return true;
  });
}
