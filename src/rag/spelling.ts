/** Finds the word that a misspelt one is nearest to. */

/** The nearest word: one letter away, or two of a long word; null when none is that near. */
export function nearestOf(lexeme: string, words: readonly string[]): string | null {
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
