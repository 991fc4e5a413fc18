import { describe, expect, it } from 'vitest';
import { rehearse, scriptStart } from '../../src/actors/rehearse.ts';
import { readableTranscript } from '../../src/actors/transcript.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Expectation, Step } from '../../src/programs/script.ts';
import { isWithin } from '../../src/programs/state-names.ts';
import { sleepReset } from '../support/example.ts';

const program = compile(sleepReset);
const play = (steps: readonly Step[], turns?: number) =>
  rehearse(program, { persona: {}, start: scriptStart, steps }, turns === undefined ? {} : { turns });
const night: Step[] = [{ say: 'sleep' }, { say: '7:00' }, { advance: 'next' }, { press: 'good' }];

describe('an expectation', () => {
  it.each<[string, Expectation]>([
    ['the state', { state: 'asleep' }],
    ['how many messages', { outboundAtMost: 4, outboundAtLeast: 4 }],
    ['content that was said', { said: ['praise', 'night 1 of 7'], notSaid: ['miss', 'Seven nights'] }],
    ['points and badges', { points: 10, badges: [] }],
    ['status, control and an expression', { status: 'active', control: 'bot', holds: 'vars.nights == 1 && contact.streak == 1' }],
  ])('of %s comes true', (_name, expected) => {
    expect(play([...night, { expect: expected }]).failures).toEqual([]);
  });

  it.each<[Expectation, string]>([
    [{ state: 'check' }, 'The state is "asleep", not "check"'],
    [{ outboundAtMost: 3 }, '4 messages were sent, more than 3'],
    [{ outboundAtLeast: 5 }, '4 messages were sent, fewer than 5'],
    [{ outcome: 'completed' }, 'The outcome is none, not "completed"'],
    [{ said: ['bye'] }, '"bye" was not said'],
    [{ notSaid: ['praise'] }, '"praise" was said'],
    [{ points: 0 }, 'The number of points is "10", not "0"'],
    [{ badges: ['week'] }, 'The badge "week" was not given'],
    [{ holds: 'vars.nights > 5' }, '"vars.nights > 5" does not hold'],
    [{ holds: 'number(contact.name) > 5' }, '"number(contact.name) > 5" does not hold'],
  ])('%j that does not come true is told in words', (expected, problem) => {
    expect(play([...night, { expect: expected }]).failures).toEqual([{ step: 4, problem }]);
  });
});

it('stops a script that needs too many turns and keeps what was played', () => {
  const { stopped, simulation } = play([...night, { advance: 'P9W' }], 6);
  expect(stopped).toBe('Cannot simulate more than 6 turns');
  expect(simulation.outbound().length).toBeGreaterThan(3);
});

it('reads as a dated transcript in the zone of the contact', () => {
  const { simulation } = play(night);
  expect(readableTranscript(simulation.transcript(), 'Asia/Tokyo').slice(-4)).toEqual([
    'Tue 2026-01-06 16:30  → check  (after nextMorning)',
    'Tue 2026-01-06 16:30  contact: Good',
    'Tue 2026-01-06 16:30  coach: Well done: night 1 of 7.',
    'Tue 2026-01-06 16:30  → asleep  (BUTTON)',
  ]);
});

it('knows a state within another', () => {
  expect(isWithin('week.day', 'week')).toBe(true);
  expect(isWithin('weekend', 'week')).toBe(false);
  expect(isWithin('left.a,right.b', 'right')).toBe(true);
  expect(isWithin(null, 'week')).toBe(false);
});
