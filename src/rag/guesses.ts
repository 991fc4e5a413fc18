/** Takes a word of a question that stands in no document for words that do: the two it is made of, the nearest by its letters, or one that shares its beginning. */
import type { Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';
import { lexemesOf } from './lexemes.ts';
import { createRemember } from './remembered.ts';
import { nearestOf } from './spelling.ts';

/** A lexeme that no document holds, and the language it is one of. */
export interface UnknownLexeme {
  lexeme: string;
  language: string | null;
}

/** Lexemes that documents hold, for one that none does. */
export type Guesses = ReadonlyMap<string, readonly string[]>;

/** For each of the lexemes those that stand in its place; one without any is left out. `version` is that of the creator's knowledge. */
export type GuessWords = (sql: Sql, creator: CreatorId, version: number, unknown: readonly UnknownLexeme[]) => Promise<Guesses>;

/** Shorter words have too many neighbours, shorter parts are parts of anything, shorter beginnings begin anything. */
const leastChars = 5;
const leastPart = 4;
const leastBeginning = 6;
const mostWords = 4;
/** What German puts between the parts of a word. */
const links = ['', 's', 'es', 'n', 'en'];

/** So many words of all creators are remembered, some fifty bytes each: reading them takes longer than a question may. */
const mostRemembered = 500_000;
const mostOfOneLetter = 50_000;

/** Guesses by words that it remembers by their first letter, which is rarely wrong. */
export function createGuessWords(): GuessWords {
  const remember = createRemember<readonly string[]>(mostRemembered, (words) => words.length);

  async function wordsWith(sql: Sql, creator: CreatorId, first: string): Promise<string[]> {
    const rows = await sql<{ lexeme: string }>(
      'select distinct lexeme from postings where creator_id = $1 and lexeme >= $2 and lexeme < $3 limit $4',
      [creator, first, `${first}\u{10FFFF}`, mostOfOneLetter],
    );
    return rows.map(({ lexeme }) => lexeme);
  }

  return async function guessWords(sql, creator, version, unknown) {
    const guesses = new Map<string, readonly string[]>();
    for (const { lexeme, language } of unknown.filter(isGuessable).slice(0, mostWords)) {
      const parts = await partsOf(sql, creator, lexeme, language);
      if (parts !== null) {
        guesses.set(lexeme, parts);
        continue;
      }
      const first = lexeme.charAt(0);
      const words = await remember(`${creator}/${first}`, version, () => wordsWith(sql, creator, first));
      const near = nearestOf(lexeme, words) ?? sharingBeginning(lexeme, words);
      if (near !== null) guesses.set(lexeme, [near]);
    }
    return guesses;
  };
}

function isGuessable({ lexeme }: UnknownLexeme): boolean {
  return lexeme.length >= leastChars && /^\p{Script=Latin}+$/u.test(lexeme);
}

/** The two words of which both stand in a document and the shorter is longest; null when there are none. */
async function partsOf(sql: Sql, creator: CreatorId, lexeme: string, language: string | null): Promise<string[] | null> {
  const cuts = cutsOf(lexeme, language);
  if (cuts.length === 0) return null;
  const rows = await sql<{ lexeme: string }>(
    `select w.lexeme from unnest($2::text[]) as w (lexeme)
     where exists (select 1 from postings p where p.creator_id = $1 and p.lexeme = w.lexeme)`,
    [creator, [...new Set(cuts.flat())]],
  );
  const known = new Set(rows.map((row) => row.lexeme));
  return cuts.find((parts) => parts.every((part) => known.has(part))) ?? null;
}

/** The ways to cut a word in two, the most even first. */
function cutsOf(lexeme: string, language: string | null): string[][] {
  const cuts: { parts: string[]; shorter: number }[] = [];
  for (let at = leastPart; at <= lexeme.length - leastPart; at++) {
    for (const link of links.filter((letters) => lexeme.startsWith(letters, at))) {
      const written = [lexeme.slice(0, at), lexeme.slice(at + link.length)];
      const parts = written.flatMap((part) => lexemesOf(part, language));
      const shorter = Math.min(...written.map((part) => part.length));
      if (shorter >= leastPart && parts.length === 2) cuts.push({ parts, shorter });
    }
  }
  return cuts.sort((a, b) => b.shorter - a.shorter).map(({ parts }) => parts);
}

/** The word nearest in length that begins with this one or begins it. */
function sharingBeginning(lexeme: string, words: readonly string[]): string | null {
  if (lexeme.length < leastBeginning) return null;
  const by = (word: string) => Math.abs(word.length - lexeme.length);
  return words
    .filter((word) => word.length >= leastBeginning && (word.startsWith(lexeme) || lexeme.startsWith(word)))
    .reduce<string | null>((best, word) => {
      const nearer = best === null || by(word) < by(best) || (by(word) === by(best) && word < best);
      return nearer ? word : best;
    }, null);
}
