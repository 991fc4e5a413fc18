import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advance, type Fact, levelOf, noProgress, type Recorded, recount, streakOn } from '../../src/programs/progress.ts';

const rules = {
  streak: { event: 'done', grace: 1 },
  points: [
    { id: 'did', state: 'done', points: 10, atMost: { times: 1, per: 'day' as const } },
    { id: 'first', state: 'done', points: 50, reason: 'first time', atMost: { times: 1, per: 'ever' as const } },
  ],
  milestones: { began: { state: 'done' }, hundred: { points: 100 }, week: { streak: 3 } },
};
const day = (index: number) => new Date(Date.UTC(2026, 10, 1) + index * 86_400_000).toISOString().slice(0, 10);
const on = (index: number, ...facts: Fact[]): Recorded => ({
  program: 'p',
  at: Date.UTC(2026, 10, 1) + index * 86_400_000,
  day: day(index),
  facts,
});
const done: Fact = { entered: 'done' };
const count = (...record: Recorded[]) => recount(noProgress, record, () => rules);

describe('the fold over recorded turns', () => {
  test('pays once a day and once ever, as the rules say', () => {
    const { progress, earned } = count(on(0, done, done), on(0, done), on(1, done));
    expect(progress.points).toBe(70);
    expect(earned.filter(({ what }) => what === 'points').map(({ amount, name }) => [amount, name])).toEqual([
      [10, 'did'],
      [50, 'first time'],
      [10, 'did'],
    ]);
  });

  test('keeps a streak over grace days and begins again after more', () => {
    expect(count(on(0, done), on(2, done), on(3, done)).progress).toMatchObject({
      streak: { count: 3 },
      milestones: { week: expect.any(String) },
    });
    const { progress } = count(on(0, done), on(3, done));
    expect(progress.streak).toEqual({ count: 1, day: day(3) });
    expect([4, 5, 6].map((index) => streakOn(progress, day(index), { grace: 1 }))).toEqual([1, 1, 0]);
  });

  // 1 November 2026 is a Sunday.
  test.each([
    ['weeks from Monday', 'P1W', [0, 1, 7, 8, 14], 3, 15, 3, 29, 0],
    ['months', 'P1M', [0, 29, 30, 61], 3, 91, 3, 122, 0],
  ] as const)('counts a streak in %s, once in each', (_name, period, days, counted, soon, then, late, after) => {
    const rule = { event: 'done', period };
    const { progress } = recount(
      noProgress,
      days.map((index) => on(index, done)),
      () => ({ streak: rule }),
    );
    expect(progress.streak.count).toBe(counted);
    expect([streakOn(progress, day(soon), rule), streakOn(progress, day(late), rule)]).toEqual([then, after]);
  });

  test('reaches a milestone once, and gives a badge once', () => {
    const { progress, earned } = count(
      on(0, done, { badge: 'b' }, { badge: 'b' }, { award: 40, reason: 'x' }),
      on(1, { award: 5, reason: 'x' }),
    );
    expect(Object.keys(progress.milestones)).toEqual(['began', 'hundred']);
    expect(progress.badges).toEqual(['b']);
    expect(earned.filter(({ what }) => what === 'milestone' || what === 'badge')).toHaveLength(3);
  });

  test('counts old turns again under new rules, and keeps what is no result of rules', () => {
    const record = [on(0, done), on(1, done)];
    const before = { ...recount(noProgress, record, () => rules).progress, buckets: { s: 'a' } };
    const twice = { ...rules, points: [{ id: 'did', state: 'done', points: 20 }] };
    expect(recount(before, record, () => twice).progress).toMatchObject({ points: 40, buckets: { s: 'a' } });
    expect(recount(before, record, () => undefined).progress.points).toBe(0);
  });

  const fact = fc.oneof(
    fc.constantFrom<Fact>(done, { entered: 'other' }, { badge: 'b' }),
    fc.integer({ min: -5, max: 40 }).map((award): Fact => ({ award, reason: 'r' })),
  );
  const records = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.array(fact, { maxLength: 4 })), { maxLength: 12 }).map((turns) => {
    let at = 0;
    return turns.map(([later, facts]) => {
      at += later;
      return on(at, ...facts);
    });
  });

  test('gives turn by turn what it gives from the record, and its account adds up to the points', () => {
    fc.assert(
      fc.property(records, (record) => {
        const { progress, earned } = count(...record);
        let running = noProgress;
        for (const { facts, ...moment } of record) for (const one of facts) running = advance(running, one, rules, moment);
        expect(running).toEqual(progress);
        expect(earned.filter(({ what }) => what === 'points').reduce((sum, { amount }) => sum + amount, 0)).toBe(progress.points);
      }),
    );
  });
});

test('the level is the highest that the points reach', () => {
  const levels = [
    { id: 'two', title: 'Two', from: 100 },
    { id: 'one', title: 'One', from: 0 },
  ];
  expect([levelOf(-1, levels), levelOf(0, levels)?.id, levelOf(99, levels)?.id, levelOf(100, levels)?.id, levelOf(5)]).toEqual([
    null,
    'one',
    'one',
    'two',
    null,
  ]);
});
