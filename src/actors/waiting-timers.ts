/** Timers that wait for the program to have control again: what a person in control is to know before giving it back. */
import { rowOf, timerOf } from './draft.ts';
import type { Snapshot } from './snapshot.ts';

/** A timer that waits: one that fell due at `dueAt` (milliseconds since 1970) and comes at once, or one with `remainingMs` left, which are counted again. */
export type WaitingTimer = { id: string; dueAt: number } | { id: string; remainingMs: number };

/** The timers of every run that wait, those that come at once first. */
export function waitingTimers(snapshot: Snapshot): WaitingTimer[] {
  const runs = [...(snapshot.callers ?? []), snapshot];
  const due = snapshot.deferred.flatMap((row): WaitingTimer[] => {
    const { depth, timerId } = timerOf(row);
    const armed = runs[depth]?.timers[timerId];
    return armed ? [{ id: row, dueAt: armed.dueAt }] : [];
  });
  const paused = runs.flatMap(({ timers }, depth) =>
    Object.entries(timers).flatMap(([timerId, { remainingMs }]): WaitingTimer[] =>
      remainingMs === undefined ? [] : [{ id: rowOf(depth, timerId), remainingMs }],
    ),
  );
  return [...due, ...paused];
}
