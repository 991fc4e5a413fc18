/** Takes a misspelt word of a question for the nearest word that the creator's documents hold. */
import type { Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';

/** Shorter words have too many neighbours. */
const leastChars = 4;
const mostWords = 4;

/** For each of the lexemes, which no document holds, the nearest one that some document does; those without a near one are left out. */
export async function correctSpelling(sql: Sql, creator: CreatorId, lexemes: readonly string[]): Promise<Map<string, string>> {
  const corrections = new Map<string, string>();
  for (const lexeme of lexemes.filter((word) => word.length >= leastChars && /^\p{Script=Latin}+$/u.test(word)).slice(0, mostWords)) {
    const reach = lexeme.length >= 7 ? 2 : 1;
    // The first letter is rarely wrong, and keeps the search to one stretch of the index.
    const rows = await sql<{ lexeme: string }>(
      `select distinct lexeme from postings
       where creator_id = $1 and lexeme >= $2 and lexeme < $3 and length(lexeme) between $4 and $5 limit 20000`,
      [creator, lexeme[0], `${lexeme[0]}\u{10FFFF}`, lexeme.length - reach, lexeme.length + reach],
    );
    const nearest = rows
      .map((row) => ({ ...row, distance: distanceOf(lexeme, row.lexeme) }))
      .filter(({ distance }) => distance <= reach)
      .sort((a, b) => a.distance - b.distance || a.lexeme.localeCompare(b.lexeme));
    if (nearest[0] !== undefined) corrections.set(lexeme, nearest[0].lexeme);
  }
  return corrections;
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
