/** Takes a misspelt word of a question for the nearest word that the creator's documents hold. */
import type { Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';
import { createRemember } from './remembered.ts';

/** Shorter words have too many neighbours. */
const leastChars = 5;
const mostWords = 4;

/** So many words of all creators are remembered, some fifty bytes each: reading them takes longer than a question may. */
const mostRemembered = 500_000;
const mostOfOneLetter = 50_000;

/**
 * For each of the lexemes, which no document holds, the nearest one that some document does; those without a near one are left out.
 * `version` is that of the creator's knowledge.
 */
export type CorrectSpelling = (sql: Sql, creator: CreatorId, version: number, lexemes: readonly string[]) => Promise<Map<string, string>>;

/** Corrects spelling by words that it remembers by their first letter, which is rarely wrong. */
export function createCorrectSpelling(): CorrectSpelling {
  const remember = createRemember<readonly string[]>(mostRemembered, (words) => words.length);

  async function wordsWith(sql: Sql, creator: CreatorId, first: string): Promise<string[]> {
    const rows = await sql<{ lexeme: string }>(
      'select distinct lexeme from postings where creator_id = $1 and lexeme >= $2 and lexeme < $3 limit $4',
      [creator, first, `${first}\u{10FFFF}`, mostOfOneLetter],
    );
    return rows.map(({ lexeme }) => lexeme);
  }

  return async function correctSpelling(sql, creator, version, lexemes) {
    const corrections = new Map<string, string>();
    for (const lexeme of lexemes.filter((word) => word.length >= leastChars && /^\p{Script=Latin}+$/u.test(word)).slice(0, mostWords)) {
      const first = lexeme.charAt(0);
      const words = await remember(`${creator}/${first}`, version, () => wordsWith(sql, creator, first));
      const nearest = nearestOf(lexeme, words);
      if (nearest !== null) corrections.set(lexeme, nearest);
    }
    return corrections;
  };
}

function nearestOf(lexeme: string, words: readonly string[]): string | null {
  const reach = lexeme.length >= 7 ? 2 : 1;
  const near = words
    .filter((word) => Math.abs(word.length - lexeme.length) <= reach)
    .map((word) => ({ word, distance: distanceOf(lexeme, word) }))
    .filter(({ distance }) => distance <= reach)
    .sort((a, b) => a.distance - b.distance || a.word.localeCompare(b.word));
  return near[0]?.word ?? null;
}

/** Letters to insert, drop, change or swap with their neighbour (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (before[j - 2] ?? 0) + 1);
      next.push(least);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
