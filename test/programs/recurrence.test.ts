import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { daysOf, readRecurrence } from '../../src/programs/recurrence.ts';

const days = (text: string, start: string, most = 12) => {
  const rule = readRecurrence(text);
  if (typeof rule === 'string') throw new Error(rule);
  return [...take(daysOf(rule, start), most)];
};

function* take<Item>(items: Iterable<Item>, most: number): Generator<Item> {
  let left = most;
  for (const item of items) {
    if (left === 0) return;
    left -= 1;
    yield item;
  }
}

describe('the examples of RFC 5545 §3.8.5.3', () => {
  test.each([
    ['FREQ=DAILY;COUNT=3', '1997-09-02', ['1997-09-02', '1997-09-03', '1997-09-04']],
    ['FREQ=DAILY;INTERVAL=10;COUNT=3', '1997-09-02', ['1997-09-02', '1997-09-12', '1997-09-22']],
    [
      'FREQ=WEEKLY;UNTIL=19970917T000000Z;BYDAY=TU,TH',
      '1997-09-02',
      ['1997-09-02', '1997-09-04', '1997-09-09', '1997-09-11', '1997-09-16'],
    ],
    ['FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO', '1997-08-05', ['1997-08-05', '1997-08-10', '1997-08-19', '1997-08-24']],
    ['FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU', '1997-08-05', ['1997-08-05', '1997-08-17', '1997-08-19', '1997-08-31']],
    ['FREQ=MONTHLY;COUNT=3;BYDAY=1FR', '1997-09-05', ['1997-09-05', '1997-10-03', '1997-11-07']],
    ['FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=3', '1997-09-28', ['1997-09-28', '1997-10-29', '1997-11-28']],
    ['FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3', '1997-09-04', ['1997-09-04', '1997-10-07', '1997-11-06']],
    ['FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=2', '1997-09-02', ['1998-02-13', '1998-03-13']],
    ['FREQ=YEARLY;COUNT=3;BYMONTH=6,7', '1997-06-10', ['1997-06-10', '1997-07-10', '1998-06-10']],
    ['FREQ=YEARLY;BYDAY=20MO;COUNT=2', '1997-05-19', ['1997-05-19', '1998-05-18']],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=2', '2024-01-01', ['2024-02-29', '2028-02-29']],
    ['FREQ=MONTHLY;COUNT=3', '2026-01-31', ['2026-01-31', '2026-03-31', '2026-05-31']],
  ])('%s', (rule, start, expected) => {
    expect(days(rule, start)).toEqual(expected);
  });
});

const weekdays = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const some = <Item>(items: readonly Item[]) => fc.uniqueArray(fc.constantFrom(...items), { minLength: 1, maxLength: 3 });

test('a rule names every day that fits its filters, in order, and no other', () => {
  const filters = fc.record({
    BYDAY: some(weekdays),
    BYMONTHDAY: some([1, 2, 13, 28, 29, 30, 31, -1, -2]),
    BYMONTH: some([1, 2, 6, 7, 12]),
  });
  fc.assert(
    fc.property(filters, fc.integer({ min: 0, max: 1500 }), (given, shift) => {
      const from = Date.UTC(2024, 0, 1) + shift * 86_400_000;
      const text = `FREQ=DAILY;${Object.entries(given)
        .map(([name, value]) => `${name}=${value}`)
        .join(';')}`;
      const expected = Array.from({ length: 731 }, (_, index) => new Date(from + index * 86_400_000)).filter((date) => {
        const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
        return (
          given.BYDAY.includes(weekdays[date.getUTCDay()] as string) &&
          given.BYMONTH.includes(date.getUTCMonth() + 1) &&
          given.BYMONTHDAY.some((day) => date.getUTCDate() === (day > 0 ? day : last + 1 + day))
        );
      });
      const start = new Date(from).toISOString().slice(0, 10);
      expect(days(text, start, expected.length)).toEqual(expected.map((date) => date.toISOString().slice(0, 10)));
    }),
    { numRuns: 50 },
  );
});

test.each([
  ['', /Cannot read/],
  ['FREQ=HOURLY', /FREQ=HOURLY/],
  ['INTERVAL=2', /Name how often/],
  ['FREQ=DAILY;FREQ=DAILY', /Cannot read/],
  ['FREQ=DAILY;INTERVAL=0', /INTERVAL=0/],
  ['FREQ=DAILY;COUNT=2;UNTIL=20270101', /not both/],
  ['FREQ=WEEKLY;BYDAY=2MO', /place of a weekday/],
  ['FREQ=DAILY;BYHOUR=9', /BYHOUR/],
  ['FREQ=MONTHLY;BYMONTHDAY=32', /BYMONTHDAY/],
  ['FREQ=MONTHLY;BYSETPOS=1', /BYSETPOS/],
  ['FREQ=DAILY;constructor=1', /Cannot read/],
])('"%s" is refused in words', (text, words) => {
  expect(readRecurrence(text)).toMatch(words);
});

test('a rule that names no day ends', () => {
  expect(days('FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', '2026-01-01')).toEqual([]);
});
