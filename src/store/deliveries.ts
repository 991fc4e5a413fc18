/** Deliveries: what became of each message outside, what the providers told, and the messages that never arrived. */
import { type Bubble, bubblesOf, joinedBody } from '../bubbles.ts';
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

/** Names the message a bubble ends with, and the first it stands for. */
export interface BubbleKey extends MessageKey {
  first: number;
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
  /** Whether the person has agreed to messages they did not ask for. */
  optedIn: boolean;
  /** Whether it is the program's own, no answer to them, and they have opted out since it was said. */
  unwanted: boolean;
  connection: ConnectionRow | null;
  address: { externalId: string; phone: string | null; windowExpiresAt: Date; unreachable: string | null } | null;
  parts: readonly PartRow[];
}

const partColumns = 'part, status, rank, provider_id as "providerId", reason, attempts, updated_at as "updatedAt"';

/** Reads what a try needs; undefined when there is no such message. */
export function loadDelivery(db: Database, { creatorId, conversationId, seq, first }: BubbleKey): Promise<Delivery | undefined> {
  return db.tenant(creatorId, async (sql) => {
    const rows = await sql<{ id: string; body: MessageBody; connectionId: string | null; optedIn: boolean; unwanted: boolean }>(
      `select m.id, m.body, c.connection_id as "connectionId", coalesce((p.consent ->> 'messages')::boolean, false) as "optedIn",
         coalesce(p.consent ->> 'messages' = 'false', false) and m.role = 'coach' and m.class not in ('reply', 'safety') as unwanted
       from messages m
       join conversations c on c.creator_id = m.creator_id and c.id = m.conversation_id
       join contacts p on p.creator_id = c.creator_id and p.id = c.contact_id
       where m.creator_id = $1 and m.conversation_id = $2 and m.seq between $4 and $3 order by m.seq`,
      [creatorId, conversationId, seq, first],
    );
    const row = rows.at(-1);
    if (row === undefined) return undefined;
    const body = joinedBody(rows.map((one) => one.body));
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
    const unwanted = rows.every((one) => one.unwanted);
    const message = { id: row.id, seq, body };
    return { message, optedIn: row.optedIn, unwanted, connection: connection ?? null, address: address ?? null, parts };
  });
}

/** Writes down at a wall time, before the provider is called, that a bubble is on its way: a process that dies meanwhile leaves that word. */
export async function beginPart(sql: Sql, key: BubbleKey, part: number, connectionId: string, at: Date): Promise<void> {
  await sql(
    `insert into deliveries as d (creator_id, conversation_id, seq, part, connection_id, status, rank, attempts, created_at, updated_at, first_seq)
     values ($1, $2, $3, $4, $5, 'sending', 0, 1, $6, $6, nullif($7::bigint, $3))
     on conflict (creator_id, conversation_id, seq, part) do update set connection_id = excluded.connection_id, status = 'sending', rank = 0,
       reason = null, provider_id = null, attempts = d.attempts + 1, updated_at = $6`,
    [key.creatorId, key.conversationId, key.seq, part, connectionId, at, key.first],
  );
}

/** Writes down what a try of a bubble brought. News that came in the meantime counts too: the furthest state stands. */
export async function endPart(
  sql: Sql,
  key: BubbleKey,
  part: number,
  ended: Standing & { connectionId: string; providerId: string | null; at: Date },
): Promise<void> {
  const { creatorId, conversationId, seq, first } = key;
  await sql(
    `insert into deliveries as d
       (creator_id, conversation_id, seq, part, connection_id, status, rank, reason, provider_id, created_at, updated_at, first_seq)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, nullif($11::bigint, $3))
     on conflict (creator_id, conversation_id, seq, part) do update set status = excluded.status, rank = excluded.rank,
       reason = excluded.reason, provider_id = coalesce(excluded.provider_id, d.provider_id), updated_at = $10 where d.rank <= excluded.rank`,
    [creatorId, conversationId, seq, part, ended.connectionId, ended.status, ended.rank, ended.reason, ended.providerId, ended.at, first],
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
      `select distinct on (m.seq) m.seq, n.channel, d.status, d.reason, d.updated_at as "updatedAt" from unnest($3::bigint[]) as m (seq)
       join deliveries d on d.creator_id = $1 and d.conversation_id = $2 and m.seq between coalesce(d.first_seq, d.seq) and d.seq
       join connections n on n.creator_id = d.creator_id and n.id = d.connection_id
       order by m.seq, d.status <> 'failed', d.rank`,
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
 * @param effectId the new effect's id; planned under it before, it is planned
 * @returns false when nothing of the message is dead
 */
export function replayDelivery(db: Database, key: MessageKey, effectId: string): Promise<boolean> {
  const { creatorId, conversationId, seq } = key;
  return db.tenant(creatorId, async (sql) => {
    const [forgotten] = await sql<Bubble>(
      `delete from deliveries where creator_id = $1 and conversation_id = $2 and status in ('failed', 'uncertain')
         and $3::bigint between coalesce(first_seq, seq) and seq returning seq, coalesce(first_seq, seq) as first`,
      [creatorId, conversationId, seq],
    );
    if (forgotten === undefined)
      return (await sql('select 1 from effects where creator_id = $1 and id = $2', [creatorId, effectId])).length > 0;
    await planSends(sql, key, [{ ...forgotten, effectId }]);
    return true;
  });
}

/**
 * Plans to send what was held for a person who has written again, after what was said in answer; as few bubbles as it fits in. Someone
 * who has opted out meanwhile hears none of it.
 *
 * @param newId the id of an effect
 * @returns how many bubbles are planned
 */
export function releaseHeld(db: Database, key: Omit<MessageKey, 'seq'>, newId: () => string): Promise<number> {
  const { creatorId, conversationId } = key;
  return db.tenant(creatorId, async (sql) => {
    const held = await sql<{ seq: number; body: MessageBody; optedOut: boolean }>(
      `select m.seq, m.body, coalesce(p.consent ->> 'messages' = 'false', false) as "optedOut" from deliveries d
       join conversations c on c.creator_id = d.creator_id and c.id = d.conversation_id
       join contacts p on p.creator_id = c.creator_id and p.id = c.contact_id
       join messages m on m.creator_id = d.creator_id and m.conversation_id = d.conversation_id and m.seq between coalesce(d.first_seq, d.seq) and d.seq
       where d.creator_id = $1 and d.conversation_id = $2 and d.status = 'held' order by m.seq for update of d`,
      [creatorId, conversationId],
    );
    if (held.length === 0) return 0;
    const isHeld = `creator_id = $1 and conversation_id = $2 and status = 'held'`;
    if (held[0]?.optedOut) {
      await sql(`update deliveries set status = 'failed', rank = 3, reason = 'opted out', updated_at = now() where ${isHeld}`, [
        creatorId,
        conversationId,
      ]);
      return 0;
    }
    await sql(`delete from deliveries where ${isHeld}`, [creatorId, conversationId]);
    const bubbles = bubblesOf(held).map((bubble) => ({ ...bubble, effectId: newId() }));
    await planSends(sql, key, bubbles);
    return bubbles.length;
  });
}

/**
 * Plans sends behind those of the last turn, each behind what was planned this way before it, and before those of the next turn, while
 * nobody may take the conversation away.
 */
async function planSends(
  sql: Sql,
  { creatorId, conversationId }: Omit<MessageKey, 'seq'>,
  bubbles: readonly (Bubble & { effectId: string })[],
): Promise<void> {
  for (const { first, seq, effectId } of bubbles) {
    await sql(
      `insert into effects (creator_id, id, conversation_id, type, lane, position, params)
       select c.creator_id, $3, c.id, 'send', 'send', least(c.version * 1000 + 999, greatest(c.version * 1000 + 500,
         (select max(e.position) + 1 from effects e where e.creator_id = c.creator_id and e.conversation_id = c.id
            and e.lane = 'send' and e.status = 'planned' and e.position < (c.version + 1) * 1000))), $4
       from conversations c where c.creator_id = $1 and c.id = $2 for no key update`,
      [creatorId, conversationId, effectId, JSON.stringify(first === seq ? { seq } : { seq, first })],
    );
  }
}
