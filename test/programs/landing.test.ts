import { describe, expect, it } from 'vitest';
import {
  beginningAt,
  landingOf,
  leavesOf,
  migrationBetween,
  missingVariables,
  reversed,
  variablesAfter,
} from '../../src/programs/landing.ts';
import { makeDefinition, sleepReset } from '../support/example.ts';

describe('somebody lands', () => {
  it.each([
    ['where they were, if the state is there', {}, 'asleep', { how: 'stays' }],
    ['where the map leads', { asleep: 'check' }, 'asleep', { how: 'enters', path: ['check'] }],
    ['by the state around their own', { week: 'check' }, { week: { day: 'one' } }, { how: 'enters', path: ['check'] }],
    ['nowhere if the state is gone', {}, { week: 'day' }, { how: 'stranded', missing: ['week.day'] }],
    ['nowhere if the map leads nowhere', { asleep: 'dream' }, 'asleep', { how: 'stranded', missing: ['asleep'] }],
    [
      'nowhere if parallel parts would part',
      { 'two.a.x': 'check', 'two.b.y': 'start' },
      { two: { a: 'x', b: 'y' } },
      { how: 'stranded', missing: ['two.a.x', 'two.b.y'] },
    ],
  ])('%s', (_name, states, value, landing) => {
    expect(landingOf(sleepReset, states as Record<string, string>, value)).toEqual(landing);
  });

  it('in every part of a parallel state', () => {
    expect(leavesOf({ both: { left: 'one', right: { deep: 'two' } } })).toEqual(['both.left.one', 'both.right.deep.two']);
    expect(leavesOf('')).toEqual([]);
  });
});

describe('variables', () => {
  const to = makeDefinition({
    variables: { nights: { type: 'number', default: 0 }, mood: { type: 'number' }, note: { type: 'text', default: 'none' } },
  });

  it('are kept where they fit, begin with what the migration says, or with their default, and none is thrown away', () => {
    const defaults = { nights: 0, mood: 0, note: 'none' };
    expect(variablesAfter(to, defaults, { mood: 3 }, { nights: 4, old: 'kept' })).toEqual({
      nights: 4,
      mood: 3,
      note: 'none',
      old: 'kept',
    });
    expect(variablesAfter(to, defaults, { mood: 'good' }, { nights: 'four' })).toEqual({ nights: 0, mood: 0, note: 'none' });
  });

  it('that begin with nothing are named', () => {
    expect(missingVariables(to, sleepReset, { from: 1 })).toEqual(['mood']);
    expect(missingVariables(to, sleepReset, { from: 1, variables: { mood: 3 } })).toEqual([]);
  });
});

it('the way back leads to states that only the older version has', () => {
  expect(reversed({ missed: 'again', asleep: 'asleep' }, sleepReset)).toEqual({ again: 'missed' });
  const newer = makeDefinition({ migrations: [{ from: 1, states: { missed: 'again' } }] });
  const [one, two] = [
    { version: 1, definition: sleepReset },
    { version: 2, definition: newer },
  ];
  expect(migrationBetween(one, two).states).toEqual({ missed: 'again' });
  expect(migrationBetween(two, one)).toEqual({ from: 2, states: { again: 'missed' } });
  expect(migrationBetween(one, one)).toEqual({ from: 1 });
});

it('a machine begins in any of its states', () => {
  expect(beginningAt(sleepReset, ['check']).machine.initial).toBe('check');
  expect(sleepReset.machine.initial).toBe('start');
});
