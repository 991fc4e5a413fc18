/** Finds the passages for a question: by words and by vectors, fused by rank. */
import type { Database, Sql } from '../database.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Embedder } from './embedding.ts';
import type { VectorIndex } from './index.ts';
import { questionLexemes } from './lexemes.ts';
import { type ChunkKey, type Collections, type LexicalRanking, rankByWords } from './lexical.ts';

/** A chunk as retrieved. */
export interface Passage {
  document_id: DocumentId;
  title: string;
  position: number;
  text: string;
  page: number | null;
  heading: string;
  /** Language of its document, ISO 639-1; null when unknown. */
  language: string | null;
}

/** What a question found. */
export interface Retrieved {
  /** Best first. */
  passages: readonly Passage[];
  /** Inverse document frequency of the question's lexemes. */
  rarity: ReadonlyMap<string, number>;
}

export interface RetrieveDeps {
  db: Database;
  /** Null where the database has no vectors. */
  vectors: VectorIndex | null;
  embedders: readonly Embedder[];
  log: Log;
}

/** Finds passages. */
export interface Retriever {
  /**
   * The best `most` passages of the creator's ready documents for the questions taken together, the first question foremost.
   * A model that fails is left out; rejects only when the database does, or with the signal's reason.
   */
  retrieve(
    creator: CreatorId,
    questions: readonly string[],
    collections: Collections,
    most: number,
    signal: AbortSignal,
  ): Promise<Retrieved>;
}

/** Candidates of each ranking. */
const depth = 40;
/** The usual damping of reciprocal rank fusion. */
const damping = 60;
/** What earlier questions count beside the last. */
const earlierWeight = 0.4;

interface Ranking {
  weight: number;
  keys: readonly ChunkKey[];
}

/** A retriever over the documents of all creators; each call sees one creator's. */
export function createRetriever(deps: RetrieveDeps): Retriever {
  return {
    async retrieve(creator, questions, collections, most, signal) {
      const words = deps.db.tenant(creator, (sql) => rankQuestions(sql, creator, questions, collections));
      const [lexical, near] = await Promise.all([words, rankByVectors(deps, creator, questions[0] ?? '', collections, signal)]);
      signal.throwIfAborted();
      const earlier = (at: number) => (at === 0 ? 1 : earlierWeight);
      const rankings = [...lexical.map(({ hits }, at) => ({ weight: earlier(at), keys: hits })), ...near];
      const keys = fuse(rankings).slice(0, most);
      const passages = keys.length === 0 ? [] : await deps.db.tenant(creator, (sql) => loadPassages(sql, creator, keys));
      return { passages, rarity: new Map(lexical.toReversed().flatMap(({ rarity }) => [...rarity])) };
    },
  };
}

async function rankQuestions(
  sql: Sql,
  creator: CreatorId,
  questions: readonly string[],
  collections: Collections,
): Promise<LexicalRanking[]> {
  const rows = await sql<{ language: string | null }>(
    `select distinct language from documents where creator_id = $1 and status = 'ready'`,
    [creator],
  );
  const languages = rows.map((row) => row.language);
  const rankings: LexicalRanking[] = [];
  for (const question of questions)
    rankings.push(await rankByWords(sql, creator, questionLexemes(question, languages), collections, depth));
  return rankings;
}

async function rankByVectors(
  { vectors, embedders, log }: RetrieveDeps,
  creator: CreatorId,
  question: string,
  collections: Collections,
  signal: AbortSignal,
): Promise<Ranking[]> {
  if (vectors === null || question === '') return [];
  const rankings = embedders
    .filter((embedder) => embedder.weight > 0)
    .map(async (embedder): Promise<Ranking> => {
      try {
        const [vector] = await embedder.embed([question], 'question', signal);
        const keys = vector === undefined ? [] : await vectors.nearest(creator, embedder.model, vector, collections, depth);
        return { weight: embedder.weight, keys };
      } catch {
        // words still find what they find; a stop is noticed by the caller
        log.warn('retrieval.vectors.failed', { creator_id: creator, model: embedder.model });
        return { weight: 0, keys: [] };
      }
    });
  return Promise.all(rankings);
}

/** Weighted reciprocal rank fusion (Cormack et al. 2009): ranks compare across rankings, scores do not. */
function fuse(rankings: readonly Ranking[]): ChunkKey[] {
  const scores = new Map<string, { key: ChunkKey; score: number }>();
  for (const { weight, keys } of rankings) {
    if (weight === 0) continue;
    for (const [rank, key] of keys.entries()) {
      const name = `${key.document_id}/${key.position}`;
      const entry = scores.get(name) ?? { key, score: 0 };
      entry.score += weight / (damping + rank + 1);
      scores.set(name, entry);
    }
  }
  return [...scores.values()].sort((a, b) => b.score - a.score).map((entry) => entry.key);
}

async function loadPassages(sql: Sql, creator: CreatorId, keys: readonly ChunkKey[]): Promise<Passage[]> {
  return sql<Passage>(
    `select c.document_id, d.title, c.position, c.text, c.page, c.heading, d.language
     from unnest($2::uuid[], $3::int[]) with ordinality as k (document_id, position, rank)
     join chunks c on c.creator_id = $1 and c.document_id = k.document_id and c.position = k.position
     join documents d on d.creator_id = $1 and d.id = k.document_id and d.status = 'ready'
     order by k.rank`,
    [creator, keys.map((key) => key.document_id), keys.map((key) => key.position)],
  );
}
