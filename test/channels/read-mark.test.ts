import { expect, it } from 'vitest';
import { createReadMark } from '../../src/channels/read-mark.ts';

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

it('writes once for what comes while a write is under way, and nothing for what has been read', async () => {
  const kept: number[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const mark = createReadMark(
    async (seq) => {
      kept.push(seq);
      await promise;
    },
    () => {},
  );
  for (const seq of [0, 3, 4, 9, 5]) mark.take(seq);
  resolve();
  await settle();
  mark.take(9);
  await settle();
  expect(kept).toEqual([3, 9]);
});

it('goes on after a write that failed, and tells of it', async () => {
  const failed: unknown[] = [];
  const kept: number[] = [];
  const mark = createReadMark(
    async (seq) => {
      if (seq === 1) throw new Error('no database');
      kept.push(seq);
    },
    (error) => failed.push(error),
  );
  mark.take(1);
  await settle();
  mark.take(2);
  await settle();
  expect(failed).toHaveLength(1);
  expect(kept).toEqual([2]);
});
