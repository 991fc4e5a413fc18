/** Batches: one request that cannot be answered fails alone, an outage fails all that waited, at once. */
import { describe, expect, it } from 'vitest';
import { createBatcher } from '../../src/actors/batcher.ts';
import { AppError } from '../../src/errors.ts';

const options = { most: 10, lanes: 1, shareOf: () => 'one' };
const settle = (requests: Promise<unknown>[]) => Promise.allSettled(requests).then((all) => all.map(({ status }) => status));

describe('a batch', () => {
  it('that fails for one is tried again one by one', async () => {
    const runs: number[][] = [];
    const ask = createBatcher(async (requests: readonly number[]) => {
      runs.push([...requests]);
      if (requests.includes(2)) throw new Error('not this one');
      return requests;
    }, options);
    expect(await settle([1, 2, 3].map(ask))).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(runs).toEqual([[1, 2, 3], [1], [2], [3]]);
  });

  it('that meets an outage is given up at once, so that nobody waits for a row of timeouts', async () => {
    const runs: number[] = [];
    const ask = createBatcher(async (requests: readonly number[]) => {
      runs.push(requests.length);
      throw new AppError('UNAVAILABLE', 'down');
    }, options);
    expect(await settle([1, 2, 3].map(ask))).toEqual(['rejected', 'rejected', 'rejected']);
    expect(runs).toEqual([3]);
  });
});
