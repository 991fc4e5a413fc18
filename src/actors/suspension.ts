/** What becomes of armed timers while the program does not have control: each says `pause`, `keep` or `drop`. */
import { armTimer, clearTimer, type Draft, delayOf, rowInFront } from './draft.ts';

/**
 * The program loses control. A timer that says `drop` is cleared; one that says `pause` stops, its row gone and what is left of it kept;
 * one that says `keep`, or nothing, goes on and waits once it is due.
 */
export function suspendTimers(draft: Draft): void {
  for (const [timerId, armed] of Object.entries(draft.snapshot.timers)) {
    const rule = delayOf(draft, timerId)?.whileHuman ?? 'keep';
    if (rule === 'drop') clearTimer(draft, timerId);
    if (rule !== 'pause') continue;
    const remainingMs = Math.max(0, armed.dueAt - draft.surroundings.now);
    draft.snapshot.timers = { ...draft.snapshot.timers, [timerId]: { ...armed, remainingMs } };
    const row = rowInFront(draft, timerId);
    draft.timersSet.delete(row);
    draft.timersCleared.add(row);
  }
}

/** The program has control again: what was paused has as much time left as then. */
export function resumeTimers(draft: Draft): void {
  const { now } = draft.surroundings;
  for (const [timerId, { remainingMs, ...armed }] of Object.entries(draft.snapshot.timers)) {
    if (remainingMs !== undefined) armTimer(draft, timerId, { ...armed, dueAt: now + remainingMs, anchor: now });
  }
}
