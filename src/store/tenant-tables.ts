/** Every table of a creator as the catalogue names them: so that an export and an erasure reach tables nobody thought of. */
import type { Sql } from '../database.ts';
import type { ConversationId } from '../ids.ts';

/** A table of creators' rows. Names come from the catalogue and are quoted by it. */
export interface TenantTable {
  name: string;
  /** What a row belongs to, beyond its creator. */
  has: { contact: boolean; conversation: boolean };
}

/**
 * The tables, those that others refer to last: rows can be deleted in this order. What is deleted with its parent has no place of its own.
 * The audit and the erasures are not among them: they hold ids only, and outlive the rest.
 */
export async function tenantTables(sql: Sql): Promise<TenantTable[]> {
  const found = await sql<{ name: string; contact: boolean; conversation: boolean; parents: string[] }>(
    `select quote_ident(c.relname) as name, has.contact, has.conversation,
       array(select quote_ident(p.relname) from pg_constraint k join pg_class p on p.oid = k.confrelid
             where k.conrelid = c.oid and k.contype = 'f' and k.confdeltype = 'a' and k.confrelid <> c.oid) as parents
     from pg_class c cross join lateral (
       select coalesce(bool_or(a.attname = 'creator_id'), false) as creator, coalesce(bool_or(a.attname = 'contact_id'), false) as contact,
         coalesce(bool_or(a.attname = 'conversation_id'), false) as conversation
       from pg_attribute a where a.attrelid = c.oid and not a.attisdropped) has
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and has.creator
       and c.relname not in ('audit', 'erasures') order by 1`,
  );
  const ordered: TenantTable[] = [];
  let left = found;
  while (left.length > 0) {
    const free = left.filter(({ name }) => !left.some((other) => other.parents.includes(name)));
    if (free.length === 0) throw new Error(`Cannot order tables that refer to each other: ${left.map(({ name }) => name).join(', ')}`);
    ordered.push(...free.map(({ name, contact, conversation }) => ({ name, has: { contact, conversation } })));
    left = left.filter((table) => !free.includes(table));
  }
  return ordered;
}

/** Whose rows: all of the present creator, or those of one contact with its conversations. */
export type Subject = { contactId: string; conversationIds: readonly ConversationId[] } | null;

function condition(table: TenantTable, subject: Subject): { where: string; params: unknown[] } | null {
  if (subject === null) return { where: 'true', params: [] };
  const { contactId, conversationIds } = subject;
  if (table.name === 'contacts') return { where: 't.id = $1', params: [contactId] };
  if (table.name === 'conversations') return { where: 't.id = any ($1::uuid[])', params: [conversationIds] };
  if (table.name === 'webhook_deliveries')
    return { where: "t.payload ->> 'conversation_id' = any ($1::text[])", params: [conversationIds] };
  if (table.has.conversation) return { where: 't.conversation_id = any ($1::uuid[])', params: [conversationIds] };
  return table.has.contact ? { where: 't.contact_id = $1', params: [contactId] } : null;
}

/** Columns that nobody may read: digests, sealed secrets, and vectors, which say nothing to people. */
const withheld = [
  'password_hash',
  'digest',
  'sealed_secret',
  'sealed_previous_secret',
  'sealed_secrets',
  'sealed_answer',
  'auth',
  'embedding',
];

/** At most `most` rows of the subject after the place `after`, without what nobody may read. Null for a table that holds nothing of it. */
export async function readRows(
  sql: Sql,
  table: TenantTable,
  subject: Subject,
  after: string | null,
  most: number,
): Promise<{ place: string; row: Record<string, unknown> }[] | null> {
  const chosen = condition(table, subject);
  if (chosen === null) return null;
  const { where, params } = chosen;
  const next = params.length + 1;
  return sql(
    `select t.ctid::text as place, to_jsonb(t) - $${next}::text[] as row from ${table.name} t
     where ${where} and t.ctid > coalesce($${next + 1}, '(0,0)')::tid order by t.ctid limit $${next + 2}`,
    [...params, withheld, after, most],
  );
}

/** Deletes rows of the subject from the table, at most `most`. Gives how many; less than `most` means that none is left. */
export async function deleteRows(sql: Sql, table: TenantTable, subject: Subject, most: number): Promise<number> {
  const chosen = condition(table, subject);
  if (chosen === null) return 0;
  const { where, params } = chosen;
  const rows = await sql(
    `delete from ${table.name} where ctid = any (array(select t.ctid from ${table.name} t where ${where} limit $${params.length + 1})) returning 1`,
    [...params, most],
  );
  return rows.length;
}

/** Locks conversations until the transaction ends, in the order in which turns do, so that neither waits for the other in a ring. */
export async function lockConversations(sql: Sql, ids: readonly ConversationId[]): Promise<void> {
  await sql('select from conversations where id = any ($1::uuid[]) order by id for update', [ids]);
}

/** The conversations of a contact. */
export async function conversationsOf(sql: Sql, contactId: string): Promise<ConversationId[]> {
  return (await sql<{ id: ConversationId }>('select id from conversations where contact_id = $1 order by id', [contactId])).map(
    (row) => row.id,
  );
}

/** The conversations of the subject, oldest first. */
export async function conversationIds(sql: Sql, subject: Subject): Promise<ConversationId[]> {
  if (subject !== null) return conversationsOf(sql, subject.contactId);
  return (await sql<{ id: ConversationId }>('select id from conversations order by id')).map((row) => row.id);
}
