/** Seeded randomness: the same seed gives the same history. */
import { type Ids, uuidV7 } from '../../src/ids.ts';

export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  below(below: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
  ids: Ids;
}

/** Mulberry32, by Tommy Ettinger (public domain): small, and good enough to choose what goes wrong next. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick<T>(from: readonly T[]): T {
      return from[below(from.length)] as T;
    },
    ids: {
      uuid<Id extends string>() {
        return uuidV7(
          1_790_000_000_000,
          Uint8Array.from({ length: 10 }, () => below(256)),
        ) as Id;
      },
    },
  };
}
