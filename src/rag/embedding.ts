/** The port to embeddings, and the one built in: hashed words and letter groups, no model, no download. */
import { wordsOf } from './lexemes.ts';

/** Turns text into vectors of one model. */
export interface Embedder {
  /** Names model, version and dimensions: vectors of different names are never compared. */
  readonly model: string;
  /** How much its ranking counts beside that by words, which counts 1. */
  readonly weight: number;
  /**
   * L2-normalised vectors, one a text.
   *
   * @param purpose passages and questions are embedded differently by some models
   * @throws AppError UNAVAILABLE when the model cannot be reached · the signal's reason
   */
  embed(texts: readonly string[], purpose: 'passage' | 'question', signal: AbortSignal): Promise<number[][]>;
}

const dimensions = 384;

/**
 * Letters in common, not meaning: it finds misspelt and compounded words that stemming misses. Deterministic and instant.
 * A third of the words' weight: it may bring in what words miss, never outrank what words put first.
 */
export const builtInEmbedder: Embedder = {
  model: 'letters-1-384',
  weight: 0.3,
  embed: async (texts) => texts.map(embedByLetters),
};

function embedByLetters(text: string): number[] {
  const counts = new Map<string, number>();
  for (const word of wordsOf(text)) {
    for (const feature of featuresOf(word)) counts.set(feature, (counts.get(feature) ?? 0) + 1);
  }
  const vector = new Array<number>(dimensions).fill(0);
  for (const [feature, count] of counts) {
    const hash = fnv1a(feature);
    // Long features say more than short ones; the sign keeps collisions from adding up.
    const weight = (1 + Math.log(count)) * Math.max(0.2, feature.length - 2);
    vector[hash % dimensions] = (vector[hash % dimensions] ?? 0) + (hash & 0x10000 ? weight : -weight);
  }
  const norm = Math.hypot(...vector) || 1;
  return vector.map((value) => Number((value / norm).toFixed(6)));
}

function featuresOf(word: string): string[] {
  if (word.length < 4) return [];
  const padded = `^${word}$`;
  return Array.from({ length: padded.length - 3 }, (_, at) => padded.slice(at, at + 4));
}

/** FNV-1a, 32 bits. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
