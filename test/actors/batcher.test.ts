/** Batches: one request that cannot be answered fails alone, an outage fails all that waited, at once. */
import { describe, expect, it } from 'vitest';
import { createBatcher } from '../../src/actors/batcher.ts';
import { AppError } from '../../src/errors.ts';
import { manualClock } from '../support/clock.ts';

const options = { most: 10, few: 0, lanes: 1, clock: manualClock(0), shareOf: () => 'one' };
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

  const locked = () => new AppError('UNAVAILABLE', 'locked', { cause: Object.assign(new Error('lock timeout'), { code: '55P03' }) });

  it('that waits for a lock of one does not fail the others', async () => {
    const runs: number[][] = [];
    const ask = createBatcher(async (requests: readonly number[]) => {
      runs.push([...requests]);
      if (requests.includes(2)) throw locked();
      return requests;
    }, options);
    expect(await settle([1, 2, 3].map(ask))).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(runs).toEqual([[1, 2, 3], [1], [2], [3]]);
  });

  it('that waits for locks of many is given up after the second, so that nobody waits for a row of timeouts', async () => {
    const runs: number[][] = [];
    const ask = createBatcher(async (requests: readonly number[]) => {
      runs.push([...requests]);
      if (requests.some((request) => request > 1)) throw locked();
      return requests;
    }, options);
    expect(await settle([1, 2, 3, 4, 5].map(ask))).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected', 'rejected']);
    expect(runs).toEqual([[1, 2, 3, 4, 5], [1], [2], [3]]);
  });

  const slow = (few: number) => {
    const clock = manualClock(0);
    const runs: number[][] = [];
    const ends: (() => void)[] = [];
    const ask = createBatcher(
      async (requests: readonly number[]) => {
        runs.push([...requests]);
        await new Promise<void>((resolve) => ends.push(resolve));
        return requests;
      },
      { ...options, few, lanes: 2, clock },
    );
    return { clock, runs, ends, ask };
  };
  const soon = () => new Promise((resolve) => setImmediate(resolve));

  it('is waited for by a few, and has another beside it for more', async () => {
    const { runs, ends, ask } = slow(2);
    const answers = [ask(1)];
    await soon();
    answers.push(ask(2), ask(3));
    await soon();
    expect(runs).toEqual([[1]]);
    answers.push(ask(4));
    await soon();
    expect(runs).toEqual([[1], [2, 3, 4]]);
    answers.push(ask(5));
    await soon();
    ends[0]?.();
    await soon();
    // The lane that is left takes the few.
    expect(runs).toHaveLength(2);
    ends[1]?.();
    await soon();
    expect(runs).toEqual([[1], [2, 3, 4], [5]]);
    ends[2]?.();
    expect(await Promise.all(answers)).toEqual([1, 2, 3, 4, 5]);
  });

  it('that is slow keeps nobody waiting while a lane is free', async () => {
    const { clock, runs, ends, ask } = slow(2);
    const answers = [ask(1)];
    await soon();
    answers.push(ask(2));
    await soon();
    clock.advance(20);
    expect(runs).toEqual([[1], [2]]);
    for (const end of ends) end();
    expect(await Promise.all(answers)).toEqual([1, 2]);
  });
});
