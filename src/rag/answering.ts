/** Which documents of a creator answer, remembered until one begins or ceases to: a library of thousands is not counted anew for each question. */
import type { Sql } from '../database.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import { createRemember } from './remembered.ts';

/** Which documents a question may be answered from: those of these collections; null means all. */
export type Collections = readonly string[] | null;

/** The documents that answer, and what ranking needs to know of them together. */
export interface Answering {
  /** Of the creator's knowledge: grows with every change of what answers. */
  version: number;
  live: ReadonlyMap<DocumentId, LiveReading>;
  chunks: number;
  lexemes: number;
  /** How many chunks there are in each language. */
  languages: ReadonlyMap<string | null, number>;
}

/** The reading of a document that answers. */
export interface LiveReading {
  generation: number;
  /** ISO 639-1; null when unknown. */
  language: string | null;
}

/** Looks the documents up, or remembers them. Every call sees one creator's. */
export type FindAnswering = (sql: Sql, creator: CreatorId, collections: Collections) => Promise<Answering>;

/** So many documents of all creators are remembered, some hundred bytes each. */
const mostDocuments = 200_000;

/** Remembers by creator and collections. */
export function createFindAnswering(): FindAnswering {
  const remember = createRemember<Answering>(mostDocuments, ({ live }) => live.size);
  return async function findAnswering(sql, creator, collections) {
    const key = JSON.stringify([creator, collections === null ? null : [...collections].sort()]);
    const [row] = await sql<{ version: number }>('select version from knowledge_versions where creator_id = $1', [creator]);
    const version = row?.version ?? 0;
    return remember(key, version, () => lookUp(sql, creator, collections, version));
  };
}

async function lookUp(sql: Sql, creator: CreatorId, collections: Collections, version: number): Promise<Answering> {
  const rows = await sql<{ id: DocumentId; live: number; chunks: number; lexemes: number; language: string | null }>(
    `select id, live, live_chunks as chunks, live_lexemes as lexemes, language from documents
     where creator_id = $1 and live is not null and ($2::text[] is null or collection = any ($2))`,
    [creator, collections === null ? null : [...collections]],
  );
  const languages = new Map<string | null, number>();
  for (const { language, chunks } of rows) languages.set(language, (languages.get(language) ?? 0) + chunks);
  return {
    version,
    live: new Map(rows.map(({ id, live, language }) => [id, { generation: live, language }])),
    chunks: rows.reduce((sum, row) => sum + row.chunks, 0),
    lexemes: rows.reduce((sum, row) => sum + row.lexemes, 0),
    languages,
  };
}
