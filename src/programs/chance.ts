/** Chance that can be repeated: drawn from words instead of a source of random values. */
import { createHash } from 'node:crypto';

/** A number from 0 up to but not including 1, the same for the same words and spread evenly over different ones. */
export function chanceOf(...words: readonly string[]): number {
  return createHash('sha256').update(JSON.stringify(words)).digest().readUIntBE(0, 6) / 2 ** 48;
}
