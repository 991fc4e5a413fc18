/** The measures, held against values counted by hand. */
import { describe, expect, test } from 'vitest';
import { groundedness, mean, ndcgAt, recallAt } from '../../src/rag/measures.ts';

const relevance = new Map([
  ['a', 2],
  ['b', 1],
  ['c', 0],
]);

describe('recall', () => {
  test.each([
    [5, ['a', 'b'], 1],
    [1, ['a', 'b'], 0.5],
    [5, ['x', 'c', 'b'], 0.5],
    [2, ['x', 'c', 'b'], 0],
    [5, [], 0],
  ])('at %d of %j is %d', (k, ranked, expected) => expect(recallAt(k, ranked, relevance)).toBe(expected));

  test('of a question that nothing answers is 0', () => expect(recallAt(5, ['a'], new Map())).toBe(0));
});

describe('nDCG with linear gains', () => {
  // 2 / log2(2) + 1 / log2(3)
  const ideal = 2 + 1 / Math.log2(3);
  test.each([
    [['a', 'b'], 1],
    [['b', 'a'], (1 + 2 / Math.log2(3)) / ideal],
    [['x', 'y', 'a'], 1 / ideal],
    [['c', 'x'], 0],
  ])('of %j is %d', (ranked, expected) => expect(ndcgAt(10, ranked, relevance)).toBeCloseTo(expected, 10));

  test('leaves out what comes too late', () => expect(ndcgAt(1, ['x', 'a'], relevance)).toBe(0));
  test('of a question that nothing answers is 0', () => expect(ndcgAt(10, ['a'], new Map())).toBe(0));
});

describe('groundedness', () => {
  const passage = 'You can cancel a session up to 24 hours before it begins.';
  test.each([
    ['You can cancel up to 24 hours before [1].', 1],
    ['You can cancel up to 24 hours before [1]. Bring your dog and a warm blanket [1].', 0.5],
    ['Bring your dog and a warm blanket.', 0],
    ['[1]', 1],
    ['', 1],
  ])('of %j is %d', (answer, expected) => expect(groundedness(answer, [passage])).toBe(expected));

  test('is not had from parts of several passages', () => {
    expect(groundedness('Cancel early and walk slowly.', ['Cancel early.', 'Walk slowly.'])).toBe(0);
  });
});

test('the mean of nothing is 0', () => expect([mean([]), mean([1, 2])]).toEqual([0, 1.5]));
