/** Finds the passages for a question: by words, misspelt ones corrected, and by vectors, fused by rank. */
import type { Database, Sql } from '../database.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import type { Log } from '../log.ts';
import { type Answering, type Collections, createFindAnswering } from './answering.ts';
import type { Embedder } from './embedding.ts';
import { createGuessWords, type Guesses, type GuessWords, type UnknownLexeme } from './guesses.ts';
import type { VectorIndex } from './index.ts';
import { type QuestionTerm, questionTerms } from './lexemes.ts';
import { type ChunkKey, type LexicalRanking, rankByWords } from './lexical.ts';

/** A chunk as retrieved. */
export interface Passage {
  document_id: DocumentId;
  title: string;
  position: number;
  /** How well it was found, comparable within one retrieval only. For records, not for clients. */
  score: number;
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
  /** Words of the question that no document holds, with those that stand in their place. */
  guesses: Guesses;
  /** Whether vectors should have been asked and could not be: words have found alone. */
  withoutVectors: boolean;
}

export interface RetrieveDeps {
  db: Database;
  /** Null where the database has no vectors. */
  vectors: VectorIndex | null;
  /** Null where no model is configured. */
  embedder: Embedder | null;
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
  const findAnswering = createFindAnswering();
  const guessWords = createGuessWords();
  return {
    async retrieve(creator, questions, collections, most, signal) {
      const vectors = rankByVectors(deps, creator, questions[0] ?? '', collections, signal);
      for (let tries = 1; ; tries++) {
        const words = deps.db.tenant(creator, async (sql) => {
          const answering = await findAnswering(sql, creator, collections);
          return { answering, lexical: await rankQuestions({ sql, creator, answering, guessWords }, questions) };
        });
        const [{ answering, lexical }, near] = await Promise.all([words, vectors]);
        signal.throwIfAborted();
        const best = bestOf(lexical, near, answering).slice(0, most);
        const passages = best.length === 0 ? [] : await deps.db.tenant(creator, (sql) => loadPassages(sql, creator, best));
        // A document that was read anew since it was ranked is ranked once more: it goes on answering.
        if (passages.length < best.length && tries === 1) continue;
        return {
          passages,
          rarity: new Map(lexical.toReversed().flatMap(({ rarity }) => [...rarity])),
          guesses: new Map(lexical.toReversed().flatMap(({ guesses }) => [...guesses])),
          withoutVectors: near === 'failed',
        };
      }
    },
  };
}

/** The rankings as one. Vectors may name chunks of readings that answer no more. */
function bestOf(lexical: readonly GuessedRanking[], near: Ranking | 'none' | 'failed', { live }: Answering): readonly Scored[] {
  const words = lexical.map(({ hits }, at) => ({ weight: at === 0 ? 1 : earlierWeight, keys: hits }));
  if (typeof near !== 'string') {
    const keys = near.keys.filter(({ document_id, generation }) => live.get(document_id)?.generation === generation);
    return fuse([...words, { ...near, keys }]);
  }
  return words.length === 1 ? (lexical[0]?.hits ?? []) : fuse(words);
}

type GuessedRanking = LexicalRanking & { guesses: Guesses };

/** What the words of a question are looked up in. */
interface Within {
  sql: Sql;
  creator: CreatorId;
  answering: Answering;
  guessWords: GuessWords;
}

async function rankQuestions(within: Within, questions: readonly string[]): Promise<GuessedRanking[]> {
  const rankings: GuessedRanking[] = [];
  for (const question of questions) rankings.push(await rankQuestion(within, question));
  return rankings;
}

async function rankQuestion({ sql, creator, answering, guessWords }: Within, question: string): Promise<GuessedRanking> {
  const terms = questionTerms(question, answering.languages.keys());
  const ranking = await rankByWords(sql, creator, terms, answering, depth);
  const guesses = await guessWords(sql, creator, answering.version, unknownLexemes(terms, ranking.rarity));
  if (guesses.size === 0) return { ...ranking, guesses };
  const guessed = terms.flatMap((term) => inPlaceOf(term, guesses));
  return { ...(await rankByWords(sql, creator, guessed, answering, depth)), guesses };
}

/** The term with what stands in place of its lexemes: as many terms as there are words for one of them. */
function inPlaceOf(term: QuestionTerm, guesses: Guesses): QuestionTerm[] {
  const wordsOf = (lexeme: string | null) => (lexeme === null ? [null] : (guesses.get(lexeme) ?? [lexeme]));
  const most = Math.max(...[...term.values()].map((lexeme) => wordsOf(lexeme).length));
  return Array.from({ length: most }, (_, at) => {
    const words = [...term].map(([language, lexeme]) => [language, wordsOf(lexeme)[at]] as const);
    return new Map(words.flatMap(([language, word]) => (word === undefined ? [] : [[language, word] as const])));
  });
}

/** The lexemes of words that stand in no document, in any language. */
function unknownLexemes(terms: readonly QuestionTerm[], rarity: ReadonlyMap<string, number>): UnknownLexeme[] {
  return terms.flatMap((term) => {
    const lexemes = new Map([...term].map(([language, lexeme]) => [lexeme, language] as const));
    if ([...lexemes.keys()].some((lexeme) => lexeme === null || rarity.has(lexeme))) return [];
    return [...lexemes].flatMap(([lexeme, language]) => (lexeme === null ? [] : [{ lexeme, language }]));
  });
}

/** `none` when there are no vectors to ask, `failed` when they cannot be asked now: words find what they find. */
async function rankByVectors(
  { db, vectors, embedder, log }: RetrieveDeps,
  creator: CreatorId,
  question: string,
  collections: Collections,
  signal: AbortSignal,
): Promise<Ranking | 'none' | 'failed'> {
  if (vectors === null || embedder === null || question === '') return 'none';
  if (!embedder.pass()) return 'failed';
  try {
    const make = await embedder.identify(signal);
    const [vector] = await embedder.embed([question], 'question', signal);
    if (vector === undefined) return 'none';
    const documents = collections === null ? null : await documentsIn(db, creator, collections);
    return { weight: embedder.weight, keys: await vectors.nearest(creator, make, vector, documents, depth) };
  } catch {
    // a stop is noticed by the caller
    log.warn('retrieval.vectors.failed', { creator_id: creator, model: embedder.name });
    return 'failed';
  }
}

async function documentsIn(db: Database, creator: CreatorId, collections: readonly string[]): Promise<DocumentId[]> {
  const rows = await db.tenant(creator, (sql) =>
    sql<{ id: DocumentId }>('select id from documents where creator_id = $1 and live is not null and collection = any ($2)', [
      creator,
      [...collections],
    ]),
  );
  return rows.map(({ id }) => id);
}

/** Weighted reciprocal rank fusion (Cormack et al. 2009): ranks compare across rankings, scores do not. */
function fuse(rankings: readonly Ranking[]): Scored[] {
  const scores = new Map<string, Scored>();
  for (const { weight, keys } of rankings) {
    for (const [rank, key] of keys.entries()) {
      const name = `${key.document_id}/${key.generation}/${key.position}`;
      const entry = scores.get(name) ?? { ...key, score: 0 };
      scores.set(name, { ...entry, score: entry.score + weight / (damping + rank + 1) });
    }
  }
  return [...scores.values()].sort((a, b) => b.score - a.score);
}

type Scored = ChunkKey & { score: number };

async function loadPassages(sql: Sql, creator: CreatorId, keys: readonly Scored[]): Promise<Passage[]> {
  return sql<Passage>(
    `select c.document_id, d.title, c.position, k.score, c.text, c.page, c.heading, d.language
     from unnest($2::uuid[], $3::int[], $4::int[], $5::float8[]) with ordinality as k (document_id, generation, position, score, rank)
     join documents d on d.creator_id = $1 and d.id = k.document_id and d.live = k.generation
     join chunks c on c.creator_id = $1 and c.document_id = k.document_id and c.generation = k.generation and c.position = k.position
     order by k.rank`,
    [
      creator,
      keys.map((key) => key.document_id),
      keys.map((key) => key.generation),
      keys.map((key) => key.position),
      keys.map((key) => key.score),
    ],
  );
}
