/** BM25 over the postings of one creator, the same SQL on PGlite and PostgreSQL. */
import type { Sql } from '../database.ts';
import type { CreatorId, DocumentId } from '../ids.ts';

/** A chunk by name. */
export interface ChunkKey {
  document_id: DocumentId;
  /** The reading of the document it belongs to. */
  generation: number;
  position: number;
}

/** Which documents a question may be answered from: those of these collections; null means all. */
export type Collections = readonly string[] | null;

/** A chunk and how well it matches. */
export type Hit = ChunkKey & { score: number };

/** A ranking by words, and how rare each word of the question is. */
export interface LexicalRanking {
  hits: Hit[];
  /** Inverse document frequency of the lexemes asked for; those found nowhere are left out. */
  rarity: ReadonlyMap<string, number>;
}

/** Robertson's usual values; tuning them gave no reliable gain. */
const saturation = 1.2;
const lengthWeight = 0.75;

/**
 * One statement. The postings asked for are gathered first, whatever the planner knows of the tables: an embedded database that never
 * gathers statistics would else join from the wrong end.
 */
const ranking = `with answering as materialized (
    select id, live, live_chunks, live_lexemes from documents
    where creator_id = $1 and live is not null and ($2::text[] is null or collection = any ($2))),
  whole as (select sum(live_chunks)::float8 as chunks, sum(live_lexemes)::float8 as lexemes from answering),
  asked as materialized (
    select lexeme, document_id, generation, positions, frequencies, lengths from postings where creator_id = $1 and lexeme = any ($3)),
  found as materialized (select p.* from asked p join answering d on d.id = p.document_id and d.live = p.generation),
  rarity as materialized (
    select lexeme, ln(1 + greatest(0, whole.chunks - in_chunks + 0.5) / (in_chunks + 0.5)) as value
    from (select lexeme, sum(cardinality(positions)) as in_chunks from found group by lexeme) counted, whole)
  select o.document_id, o.generation, o.position,
    sum(o.rarity * o.frequency * ($4::float8 + 1)
      / (o.frequency + $4::float8 * (1 - $5::float8 + $5::float8 * o.length * whole.chunks / greatest(1, whole.lexemes)))) as score,
    (select jsonb_object_agg(lexeme, value) from rarity) as rarity
  from (select p.document_id, p.generation, r.value as rarity, unnest(p.positions) as position, unnest(p.frequencies) as frequency,
      unnest(p.lengths) as length from found p join rarity r using (lexeme)) o, whole
  group by o.document_id, o.generation, o.position
  order by score desc, o.document_id, o.position limit $6`;

/** The best chunks by BM25, best first. Any lexeme may match: requiring all finds next to nothing. */
export async function rankByWords(
  sql: Sql,
  creator: CreatorId,
  lexemes: readonly string[],
  collections: Collections,
  most: number,
): Promise<LexicalRanking> {
  if (lexemes.length === 0) return { hits: [], rarity: new Map() };
  const scope = collections === null ? null : [...collections];
  const rows = await sql<Hit & { rarity: Record<string, number> }>(ranking, [creator, scope, lexemes, saturation, lengthWeight, most]);
  return { hits: rows.map(({ rarity: _, ...hit }) => hit), rarity: new Map(Object.entries(rows[0]?.rarity ?? {})) };
}
