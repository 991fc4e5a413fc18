import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addDuration,
  durationMs,
  instantOf,
  isQuiet,
  isZone,
  localClock,
  localDate,
  localTime,
  nextMoment,
  parseDuration,
  quietEnds,
  shiftLocalDate,
} from '../../src/programs/schedule.ts';

const iso = (instant: number) => new Date(instant).toISOString();
const hour = 3_600_000;

describe('durations', () => {
  test.each([
    ['PT30M', 30 * 60_000],
    ['P1DT2H', 26 * hour],
    ['P8W', 56 * 24 * hour],
    ['PT20H', 20 * hour],
    ['PT0S', 0],
    ['P1M', 30 * 24 * hour],
  ])('%s', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  test.each(['', 'P', 'PT', 'P1DT', '1D', 'P-1D', '-P1D', 'P1.5D', 'p1d', 'P1H', 'PT1D', 'P1D ', 'P99999999999D', 'PT1S2M'])(
    '"%s" is none',
    (text) => {
      expect(parseDuration(text)).toBeNull();
      expect(() => durationMs(text)).toThrow(RangeError);
    },
  );

  test('days keep the local time over a change of daylight saving, hours do not', () => {
    const eve = Date.parse('2026-03-28T10:00:00Z');
    expect(iso(addDuration(eve, 'P1D', 'Europe/Lisbon'))).toBe('2026-03-29T09:00:00.000Z');
    expect(iso(addDuration(eve, 'PT24H', 'Europe/Lisbon'))).toBe('2026-03-29T10:00:00.000Z');
    expect(iso(addDuration(eve, 'P1D', 'Africa/Maputo'))).toBe('2026-03-29T10:00:00.000Z');
  });

  test('a month ends where the next one is shorter', () => {
    expect(iso(addDuration(Date.parse('2026-01-31T12:00:00Z'), 'P1M', 'UTC'))).toBe('2026-02-28T12:00:00.000Z');
  });
});

describe('local times', () => {
  test.each([
    ['an ordinary one', '2026-06-01', '07:30', 'Europe/Lisbon', '2026-06-01T06:30:00.000Z'],
    ['a skipped one moves forward', '2026-03-29', '01:30', 'Europe/Lisbon', '2026-03-29T01:30:00.000Z'],
    ['a doubled one is the first', '2026-10-25', '01:30', 'Europe/Lisbon', '2026-10-25T00:30:00.000Z'],
    ['a skipped one west of UTC', '2026-03-08', '02:30', 'America/New_York', '2026-03-08T07:30:00.000Z'],
    ['a doubled one west of UTC', '2026-11-01', '01:30', 'America/New_York', '2026-11-01T05:30:00.000Z'],
    ['a half hour change', '2026-10-04', '02:15', 'Australia/Lord_Howe', '2026-10-03T15:45:00.000Z'],
    ['far east of UTC', '2026-06-01', '00:00', 'Pacific/Kiritimati', '2026-05-31T10:00:00.000Z'],
    ['without daylight saving', '2026-03-29', '01:30', 'Africa/Maputo', '2026-03-28T23:30:00.000Z'],
  ])('%s', (_name, date, time, zone, instant) => {
    expect(iso(instantOf(date, time, zone))).toBe(instant);
  });

  test('the daily moment is the next one after now, on the days it is meant for', () => {
    const friday = Date.parse('2026-03-27T08:00:00Z');
    const daily = (rule: Parameters<typeof nextMoment>[2]) => iso(nextMoment(friday, 'Europe/Lisbon', rule));
    expect(daily({ time: '09:00' })).toBe('2026-03-27T09:00:00.000Z');
    expect(daily({ time: '08:00' })).toBe('2026-03-28T08:00:00.000Z');
    expect(daily({ time: '07:45', plus: 'PT30M' })).toBe('2026-03-27T08:15:00.000Z');
    expect(daily({ time: '09:00', weekdays: [1, 7] })).toBe('2026-03-29T08:00:00.000Z');
    expect(daily({ time: '23:50', plus: 'PT30M' })).toBe('2026-03-28T00:20:00.000Z');
  });
});

const zones = [
  'UTC',
  'Europe/Lisbon',
  'Africa/Maputo',
  'America/New_York',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'America/Sao_Paulo',
  'Africa/Casablanca',
];
const anyZone = fc.constantFrom(...zones);
const anyInstant = fc.integer({ min: Date.parse('2015-01-01'), max: Date.parse('2037-01-01') });
const anyTime = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map(([h, m]) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`);

describe('in every zone, at every moment', () => {
  test('the next daily moment is later, within two days and a bit, and at its time unless that was skipped', () => {
    fc.assert(
      fc.property(anyInstant, anyZone, anyTime, (instant, zone, time) => {
        const moment = nextMoment(instant, zone, { time });
        expect(moment).toBeGreaterThan(instant);
        expect(moment - instant).toBeLessThanOrEqual(50 * hour);
        if (localClock(moment, zone) !== time) {
          // Only a time that the clock jumped over: an hour before it the day reads less, and no instant of the day reads it.
          expect(localTime(moment, zone).hour * 60 + localTime(moment, zone).minute).toBeGreaterThan(
            Number(time.slice(0, 2)) * 60 + Number(time.slice(3)) - 1,
          );
        }
      }),
    );
  });

  test('quiet hours end where it is no longer quiet', () => {
    fc.assert(
      fc.property(anyInstant, anyZone, anyTime, anyTime, (instant, zone, from, to) => {
        const quiet = { from, to };
        const end = quietEnds(instant, zone, quiet);
        if (!isQuiet(instant, zone, quiet)) expect(end).toBe(instant);
        else expect(end).toBeGreaterThan(instant);
        expect(end - instant).toBeLessThanOrEqual(26 * hour);
      }),
    );
  });

  test('a day later is the same time of day on the next date, unless that was skipped or doubled', () => {
    fc.assert(
      fc.property(anyInstant, anyZone, (instant, zone) => {
        const later = addDuration(instant, 'P1D', zone);
        const isSameClock = localClock(later, zone) === localClock(instant, zone);
        if (isSameClock) expect(localDate(later, zone)).toBe(shiftLocalDate(localDate(instant, zone), 1));
        expect(Math.abs(later - instant - 24 * hour)).toBeLessThanOrEqual(26 * hour);
      }),
    );
  });
});

describe('quiet hours', () => {
  const at = (clock: string) => Date.parse(`2026-06-01T${clock}:00Z`);
  test.each([
    ['21:29', false],
    ['21:30', true],
    ['23:59', true],
    ['00:00', true],
    ['06:29', true],
    ['06:30', false],
  ])('from 21:30 to 06:30, at %s: %s', (clock, quiet) => {
    expect(isQuiet(at(clock), 'UTC', { from: '21:30', to: '06:30' })).toBe(quiet);
  });

  test('the same time twice is never quiet', () => {
    expect(isQuiet(at('12:00'), 'UTC', { from: '12:00', to: '12:00' })).toBe(false);
  });

  test('they end at their end in the zone of the contact', () => {
    expect(iso(quietEnds(Date.parse('2026-03-28T23:00:00Z'), 'Europe/Lisbon', { from: '21:30', to: '06:30' }))).toBe(
      '2026-03-29T05:30:00.000Z',
    );
  });
});

test.each([
  ['Europe/Lisbon', true],
  ['Mars/Base', false],
  ['', false],
  ['x'.repeat(1000), false],
])('is "%s" a zone: %s', (zone, known) => {
  expect(isZone(zone)).toBe(known);
});
