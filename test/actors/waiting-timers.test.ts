import { expect, it } from 'vitest';
import { emptySnapshot } from '../../src/actors/snapshot.ts';
import { waitingTimers } from '../../src/actors/waiting-timers.ts';

const armed = (dueAt: number) => ({ generation: 1, dueAt, anchor: 0, event: null });

it('tells what waits for the program to have control: what fell due, and what is left of what was stopped, in every run', () => {
  const caller = { timers: { day: armed(50), week: { ...armed(70), remainingMs: 30 } } };
  const snapshot = {
    ...emptySnapshot,
    control: 'human' as const,
    timers: { goes: armed(90), hour: armed(40), stopped: { ...armed(60), remainingMs: 20 } },
    deferred: ['1/hour', 'day', 'gone'],
    callers: [caller as never],
  };
  expect(waitingTimers(snapshot)).toEqual([
    { id: '1/hour', dueAt: 40 },
    { id: 'day', dueAt: 50 },
    { id: 'week', remainingMs: 30 },
    { id: '1/stopped', remainingMs: 20 },
  ]);
});
