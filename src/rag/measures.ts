/** What rankings and answers are measured by. */
import { detectLanguage, lexemesOf } from './lexemes.ts';
import { sentencesOf } from './sentences.ts';

/** How relevant documents are to a question, by id; those left out are not. */
export type Relevance = ReadonlyMap<string, number>;

/** The share of the relevant documents among the first `k`. */
export function recallAt(k: number, ranked: readonly string[], relevance: Relevance): number {
  const wanted = [...relevance].filter(([, grade]) => grade > 0).map(([id]) => id);
  if (wanted.length === 0) return 0;
  const first = new Set(ranked.slice(0, k));
  return wanted.filter((id) => first.has(id)).length / wanted.length;
}

/** Normalised discounted cumulative gain of the first `k` (Järvelin and Kekäläinen 2002), with linear gains as trec_eval has them. */
export function ndcgAt(k: number, ranked: readonly string[], relevance: Relevance): number {
  const gain = (grades: readonly number[]) => grades.slice(0, k).reduce((sum, grade, rank) => sum + grade / Math.log2(rank + 2), 0);
  const ideal = gain([...relevance.values()].sort((a, b) => b - a));
  return ideal === 0 ? 0 : gain(ranked.map((id) => relevance.get(id) ?? 0)) / ideal;
}

/** A sentence is supported by a passage that holds this share of its words. */
const enoughWords = 0.6;

/** The share of the answer's sentences that some passage supports; 1 for an answer that says nothing. */
export function groundedness(answer: string, passages: readonly string[]): number {
  const known = passages.map((passage) => {
    const language = detectLanguage(passage);
    return { language, words: new Set(lexemesOf(passage, language)) };
  });
  const plain = answer.replace(/\s?\[\d[\d,\s]*\]/g, '');
  const sentences = sentencesOf(plain)
    .map(({ start, end }) => plain.slice(start, end))
    .filter((sentence) => /[\p{L}\p{N}]/u.test(sentence));
  if (sentences.length === 0) return 1;
  const supported = sentences.filter((sentence) =>
    known.some(({ language, words }) => {
      const said = lexemesOf(sentence, language);
      return said.filter((word) => words.has(word)).length >= enoughWords * said.length;
    }),
  );
  return supported.length / sentences.length;
}

/** The mean; 0 of nothing. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
