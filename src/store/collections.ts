/** Settings of a creator's collections on record. */
import type { Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';

/** How a collection's documents are cut, in tokens. */
export interface CollectionSizes {
  tokens: number;
  overlap: number;
}

/** A collection as listed: its settings, null for the default, and what it holds. */
export interface CollectionRow {
  name: string;
  chunk_tokens: number | null;
  chunk_overlap: number | null;
  documents: number;
}

/** The sizes set for the collection; null means the default. */
export async function findSizes(sql: Sql, creator: CreatorId, name: string): Promise<CollectionSizes | null> {
  const [row] = await sql<CollectionSizes>(
    'select chunk_tokens as tokens, chunk_overlap as overlap from collections where creator_id = $1 and name = $2',
    [creator, name],
  );
  return row ?? null;
}

/** Collections that hold documents or have settings, by name. */
export function listCollections(sql: Sql, creator: CreatorId): Promise<CollectionRow[]> {
  return sql(
    `select name, c.chunk_tokens, c.chunk_overlap, coalesce(d.documents, 0)::int as documents
     from collections c full join (select collection as name, count(*) as documents from documents where creator_id = $1 group by collection) d
       using (name)
     where c.creator_id = $1 or c.creator_id is null order by name`,
    [creator],
  );
}

/** Sets the sizes of a collection; null brings the default back. */
export async function putSizes(sql: Sql, creator: CreatorId, name: string, sizes: CollectionSizes | null): Promise<void> {
  if (sizes === null) {
    await sql('delete from collections where creator_id = $1 and name = $2', [creator, name]);
    return;
  }
  await sql(
    `insert into collections (creator_id, name, chunk_tokens, chunk_overlap) values ($1, $2, $3, $4)
     on conflict (creator_id, name) do update set chunk_tokens = $3, chunk_overlap = $4, updated_at = now()`,
    [creator, name, sizes.tokens, sizes.overlap],
  );
}

/** Sends every document of the collection to be read again, what was read answering until then. How many there are. */
export async function requeueCollection(sql: Sql, creator: CreatorId, name: string, now: Date): Promise<number> {
  const rows = await sql(
    `update documents set status = 'queued', progress = 0, reason = null, tried_from = attempts, leased_until = 'epoch', updated_at = $3
     where creator_id = $1 and collection = $2 returning id`,
    [creator, name, now],
  );
  return rows.length;
}
