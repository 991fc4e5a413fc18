/** BM25 over the postings of one creator. The database gathers the postings, this process scores them: an embedded database takes four times as long. */
import type { Sql } from '../database.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import type { Answering } from './answering.ts';
import type { QuestionTerm } from './lexemes.ts';

/** A chunk by name. */
export interface ChunkKey {
  document_id: DocumentId;
  /** The reading of the document it belongs to. */
  generation: number;
  position: number;
}

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

/** Where a lexeme stands in one batch of a document's chunks: in which, how often, and how many lexemes each of these holds. */
type Posting = readonly [
  document: DocumentId,
  generation: number,
  positions: readonly number[],
  frequencies: readonly number[],
  lengths: readonly number[],
];

/**
 * The best chunks by BM25, best first. Any word may match: requiring all finds next to nothing. A document is searched for the lexemes of
 * its own language only, and a word that is a stop word in a language counts as if it stood in all of that language's chunks: otherwise one
 * document of another language makes `the` the rarest word of all.
 */
export async function rankByWords(
  sql: Sql,
  creator: CreatorId,
  terms: readonly QuestionTerm[],
  answering: Answering,
  most: number,
): Promise<LexicalRanking> {
  const scores: Scores = new Map();
  const rarity = new Map<string, number>();
  const lexemes = [...new Set(terms.flatMap((term) => [...term.values()].filter((lexeme) => lexeme !== null)))];
  const gathered = await gather(sql, creator, lexemes);
  for (const term of terms) {
    const found = [...new Set(term.values())].flatMap((lexeme) =>
      (gathered.get(lexeme ?? '') ?? []).filter(([document, generation]) => {
        const reading = answering.live.get(document);
        return reading?.generation === generation && term.get(reading.language) === lexeme;
      }),
    );
    const holding = found.reduce((sum, [, , positions]) => sum + positions.length, 0);
    if (holding === 0) continue;
    const value = rarityOf(holding + chunksStopped(term, answering), answering.chunks);
    for (const lexeme of term.values()) if (lexeme !== null && !rarity.has(lexeme)) rarity.set(lexeme, value);
    for (const posting of found) addScores(scores, posting, value, answering);
  }
  return { hits: bestOf(scores, answering, most), rarity };
}

function rarityOf(holding: number, chunks: number): number {
  return Math.log(1 + Math.max(0, chunks - holding + 0.5) / (holding + 0.5));
}

/** The chunks in languages that have the word for a stop word. */
function chunksStopped(term: QuestionTerm, { languages }: Answering): number {
  return [...term].reduce((sum, [language, lexeme]) => (lexeme === null ? sum + (languages.get(language) ?? 0) : sum), 0);
}

/** One value a lexeme: an embedded database hands over rows slowly. Its arrays `{1,2}` are JSON's but for the brackets. */
async function gather(sql: Sql, creator: CreatorId, lexemes: readonly string[]): Promise<ReadonlyMap<string, Posting[]>> {
  if (lexemes.length === 0) return new Map();
  const rows = await sql<{ lexeme: string; postings: string }>(
    `select lexeme, string_agg('["' || document_id || '",' || generation || ',' || positions::text || ',' || frequencies::text || ','
         || lengths::text || ']', ',') as postings
     from postings where creator_id = $1 and lexeme = any ($2) group by lexeme order by lexeme`,
    [creator, lexemes],
  );
  return new Map(
    rows.map(({ lexeme, postings }) => [lexeme, JSON.parse(`[${postings.replaceAll('{', '[').replaceAll('}', ']')}]`) as Posting[]]),
  );
}

/** By document, then by position. */
type Scores = Map<DocumentId, Map<number, number>>;

function addScores(scores: Scores, [document, , positions, frequencies, lengths]: Posting, rarity: number, answering: Answering): void {
  const meanLength = Math.max(1, answering.lexemes) / answering.chunks;
  const ofDocument = scores.get(document) ?? new Map<number, number>();
  scores.set(document, ofDocument);
  for (const [at, position] of positions.entries()) {
    const frequency = frequencies[at] ?? 0;
    const length = (lengths[at] ?? 0) / meanLength;
    const score = (rarity * frequency * (saturation + 1)) / (frequency + saturation * (1 - lengthWeight + lengthWeight * length));
    ofDocument.set(position, (ofDocument.get(position) ?? 0) + score);
  }
}

/** The best in order; only those that can be among them are sorted with their names. */
function bestOf(scores: Scores, { live }: Answering, most: number): Hit[] {
  const all = Float64Array.from([...scores.values()].flatMap((ofDocument) => [...ofDocument.values()])).sort();
  const least = all[Math.max(0, all.length - most)] ?? 0;
  const hits: Hit[] = [];
  for (const [document_id, ofDocument] of scores) {
    const generation = live.get(document_id)?.generation ?? 0;
    for (const [position, score] of ofDocument) if (score >= least) hits.push({ document_id, generation, position, score });
  }
  return hits
    .sort((a, b) => b.score - a.score || (a.document_id < b.document_id ? -1 : a.document_id > b.document_id ? 1 : a.position - b.position))
    .slice(0, most);
}
