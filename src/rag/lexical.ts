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

/** Joins postings `p` with their documents where these answer within the scope `$1`, `$2`. */
const ifLive = `join documents d
  on d.creator_id = $1 and d.id = p.document_id and d.live = p.generation and ($2::text[] is null or d.collection = any ($2))`;

/** The best chunks by BM25, best first. Any lexeme may match: requiring all finds next to nothing. */
export async function rankByWords(
  sql: Sql,
  creator: CreatorId,
  lexemes: readonly string[],
  collections: Collections,
  most: number,
): Promise<LexicalRanking> {
  if (lexemes.length === 0) return { hits: [], rarity: new Map() };
  const scope = [creator, collections === null ? null : [...collections]];
  const [total] = await sql<{ chunks: number; lexemes: number }>(
    `select coalesce(sum(live_chunks), 0)::int as chunks, coalesce(sum(live_lexemes), 0)::float8 as lexemes from documents
     where creator_id = $1 and live is not null and ($2::text[] is null or collection = any ($2))`,
    scope,
  );
  const { chunks = 0, lexemes: length = 0 } = total ?? {};
  const found = await sql<{ lexeme: string; chunks: number }>(
    `select p.lexeme, sum(cardinality(p.positions))::int as chunks from postings p ${ifLive}
     where p.creator_id = $1 and p.lexeme = any ($3) group by p.lexeme`,
    [...scope, lexemes],
  );
  const rarity = new Map(found.map((row) => [row.lexeme, rarityOf(row.chunks, chunks)]));
  if (found.length === 0) return { hits: [], rarity };
  const hits = await sql<Hit>(
    `select p.document_id, p.generation, o.position, sum(q.rarity * o.frequency * ($5::float8 + 1)
       / (o.frequency + $5::float8 * (1 - $6::float8 + $6::float8 * o.length / $7::float8))) as score
     from unnest($3::text[], $4::float8[]) as q (lexeme, rarity)
     join postings p on p.creator_id = $1 and p.lexeme = q.lexeme ${ifLive}
     cross join lateral unnest(p.positions, p.frequencies, p.lengths) as o (position, frequency, length)
     group by p.document_id, p.generation, o.position
     order by score desc, p.document_id, o.position
     limit $8`,
    [...scope, [...rarity.keys()], [...rarity.values()], saturation, lengthWeight, Math.max(1, length / Math.max(1, chunks)), most],
  );
  return { hits, rarity };
}

function rarityOf(inChunks: number, ofChunks: number): number {
  return Math.log(1 + Math.max(0, ofChunks - inChunks + 0.5) / (inChunks + 0.5));
}
