import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Definition } from '../../src/programs/definition.ts';
import { explore } from '../../src/programs/explore.ts';
import { intervalOf, minus, plus, spanInWords } from '../../src/programs/intervals.ts';
import { shortestTranscript } from '../../src/programs/shortest.ts';
import { sleepReset } from '../support/example.ts';

const entered = (definition: Definition) =>
  new Set(explore(definition).legs.flatMap(({ outcome }) => outcome.deeds.flatMap((deed) => (deed.kind === 'entered' ? [deed.path] : []))));

it('meets every state of the example, those that are only passed too', () => {
  expect([...entered(sleepReset)].sort()).toEqual(['', 'asleep', 'check', 'counted', 'done', 'help', 'lost', 'missed', 'start']);
  expect(explore(sleepReset).complete).toBe(true);
});

it('finds the shortest way to the end, and says what it rests on', () => {
  const { legs } = explore(sleepReset);
  const leg = legs.find(({ outcome }) => outcome.deeds.some((deed) => deed.kind === 'entered' && deed.path === 'done'));
  expect(leg && shortestTranscript(sleepReset, leg).slice(-5)).toEqual([
    '+24 h  contact: [Good]',
    '+24 h  if vars.nights >= 7',
    '+24 h  coach: Well done: night {{ vars.nights }} of 7.',
    '+24 h  coach: Seven nights. You did it.',
    '+24 h  → done',
  ]);
});

it('follows regions side by side, history, and timers that outlive their state', () => {
  const read = (name: string) => JSON.parse(readFileSync(new URL(`./right/${name}.json`, import.meta.url), 'utf8')) as Definition;
  expect(entered(read('nested-parallel-and-history'))).toContain('both.right.two');
  const { machine } = sleepReset;
  const timed = {
    ...sleepReset,
    machine: {
      ...machine,
      states: {
        ...machine.states,
        start: {
          entry: [{ type: 'setTimer', params: { id: 't', delay: 'noReply', event: 'EVENT.late' } }],
          on: { MESSAGE: 'asleep' },
          after: { helpLimit: 'asleep' },
        },
        asleep: { on: { 'EVENT.late': 'check' }, after: { nextMorning: 'lost' } },
      },
    },
  } as unknown as Definition;
  expect(entered(timed)).toContain('check');
});

it('counts with spans of time', () => {
  expect(intervalOf({ for: 'PT2H' })).toEqual({ min: 7_200_000, max: 7_200_000 });
  expect(intervalOf({ until: { time: '09:00', weekdays: ['mon', 'wed', 'fri'] } })).toEqual({ min: 0, max: 3 * 86_400_000 });
  expect(intervalOf({ until: { time: '09:00', weekdays: ['sun'] } }).max).toBe(7 * 86_400_000);
  expect(intervalOf({ between: ['PT1H', 'PT3H'] }).max).toBe(3 * 3_600_000);
  expect(minus({ min: 10, max: 20 }, { min: 5, max: 15 })).toEqual({ min: 0, max: 15 });
  expect(plus({ min: 1, max: 2 }, { min: 3, max: 4 })).toEqual({ min: 4, max: 6 });
  expect([1000, 600_000, 31 * 3_600_000, 8 * 86_400_000, Number.POSITIVE_INFINITY].map(spanInWords)).toEqual([
    '1 s',
    '10 min',
    '31 h',
    '8 days',
    'any time',
  ]);
});
