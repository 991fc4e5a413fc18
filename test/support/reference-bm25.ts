/** A plain BM25 in memory with Porter stemming: what any ranking of ours must not fall behind. */
import { stopwords } from '@orama/stopwords/english';
import { porterStem } from './porter.ts';

const k1 = 1.2;
const b = 0.75;
const stops = new Set(stopwords);

const termsOf = (text: string) => (text.toLowerCase().match(/[a-z0-9]+/g) ?? []).filter((word) => !stops.has(word)).map(porterStem);

/** Ranks the numbers of the passages for a question, best first. */
export function referenceBm25(passages: readonly string[]): (question: string) => number[] {
  const counted = passages.map((passage) => {
    const counts = new Map<string, number>();
    const terms = termsOf(passage);
    for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
    return { counts, length: terms.length };
  });
  const mean = counted.reduce((sum, { length }) => sum + length, 0) / counted.length;
  const inverse = (term: string) => {
    const df = counted.filter(({ counts }) => counts.has(term)).length;
    return Math.log(1 + (counted.length - df + 0.5) / (df + 0.5));
  };
  return (question) => {
    const terms = [...new Set(termsOf(question))].map((term) => [term, inverse(term)] as const);
    return counted
      .map(({ counts, length }, at) => {
        const score = terms.reduce((sum, [term, rarity]) => {
          const tf = counts.get(term) ?? 0;
          return sum + (rarity * tf * (k1 + 1)) / (tf + k1 * (1 - b + (b * length) / mean));
        }, 0);
        return { at, score };
      })
      .filter(({ score }) => score > 0)
      .sort((x, y) => y.score - x.score || x.at - y.at)
      .map(({ at }) => at);
  };
}
