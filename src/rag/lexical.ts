/** BM25 over the postings of one creator, the same SQL on PGlite and PostgreSQL. */
import type { Sql } from '../database.ts';
import type { CreatorId, DocumentId } from '../ids.ts';

/** A chunk by name. */
export interface ChunkKey {
  document_id: DocumentId;
  position: number;
}

/** Which documents a question may be answered from: those of these collections; null means all. Only ready ones ever. */
export type Collections = readonly string[] | null;

/** A ranking by words, and how rare each word of the question is. */
export interface LexicalRanking {
  hits: ChunkKey[];
  /** Inverse document frequency of the lexemes asked for; those found nowhere are left out. */
  rarity: ReadonlyMap<string, number>;
}

/** Robertson's usual values; tuning them gave no reliable gain. */
const saturation = 1.2;
const lengthWeight = 0.75;

const searched = `documents d where d.creator_id = $1 and d.status = 'ready' and ($2::text[] is null or d.collection = any ($2))`;

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
  const [total] = await sql<{ chunks: number; mean: number | null }>(
    `select count(*) as chunks, avg(c.length)::float8 as mean from chunks c
     where c.creator_id = $1 and c.document_id in (select d.id from ${searched})`,
    scope,
  );
  const found = await sql<{ lexeme: string; chunks: number }>(
    `select p.lexeme, count(*) as chunks from postings p
     where p.creator_id = $1 and p.lexeme = any ($3) and p.document_id in (select d.id from ${searched}) group by p.lexeme`,
    [...scope, lexemes],
  );
  const rarity = new Map(found.map(({ lexeme, chunks }) => [lexeme, rarityOf(chunks, total?.chunks ?? 0)]));
  if (found.length === 0) return { hits: [], rarity };
  const hits = await sql<ChunkKey>(
    `select p.document_id, p.position
     from unnest($3::text[], $4::float8[]) as q (lexeme, rarity)
     join postings p on p.creator_id = $1 and p.lexeme = q.lexeme and p.document_id in (select d.id from ${searched})
     join chunks c on c.creator_id = $1 and c.document_id = p.document_id and c.position = p.position
     group by p.document_id, p.position
     order by sum(q.rarity * p.frequency * ($5::float8 + 1)
       / (p.frequency + $5::float8 * (1 - $6::float8 + $6::float8 * c.length / $7::float8))) desc, p.document_id, p.position
     limit $8`,
    [...scope, [...rarity.keys()], [...rarity.values()], saturation, lengthWeight, Math.max(1, total?.mean ?? 1), most],
  );
  return { hits, rarity };
}

function rarityOf(inChunks: number, ofChunks: number): number {
  return Math.log(1 + (ofChunks - inChunks + 0.5) / (inChunks + 0.5));
}
