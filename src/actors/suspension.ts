/** What becomes of a run while the program does not have control: of its timers as each says (`pause`, `keep` or `drop`), of the answers it asked for. */
import { resumeAnswers, suspendAnswers } from './answering.ts';
import { dueAgain } from './calendar.ts';
import { armTimer, clearTimer, type Draft, delayOf, rowInFront } from './draft.ts';

/** The program loses control. */
export function suspend(draft: Draft): void {
  suspendTimers(draft);
  suspendAnswers(draft);
}

/** The program has control again. */
export function resume(draft: Draft): void {
  resumeTimers(draft);
  resumeAnswers(draft);
}

/**
 * The program does not have control: a timer that says `drop` is cleared; one that says `pause` stops, its row gone and what is left of it
 * kept; one that says `keep`, or nothing, goes on and waits once it is due. What has stopped already stays as it is.
 */
export function suspendTimers(draft: Draft): void {
  for (const [timerId, armed] of Object.entries(draft.snapshot.timers)) {
    const rule = delayOf(draft, timerId)?.whileHuman ?? 'keep';
    if (rule === 'drop') clearTimer(draft, timerId);
    if (rule !== 'pause' || armed.remainingMs !== undefined) continue;
    const remainingMs = Math.max(0, armed.dueAt - draft.surroundings.now);
    draft.snapshot.timers = { ...draft.snapshot.timers, [timerId]: { ...armed, remainingMs } };
    const row = rowInFront(draft, timerId);
    draft.timersSet.delete(row);
    draft.timersCleared.add(row);
  }
}

/** What was paused has as much time left as then, but for what waits for a moment of the calendar. */
function resumeTimers(draft: Draft): void {
  const { program, surroundings } = draft;
  for (const [timerId, { remainingMs, cameAt: _passed, ...armed }] of Object.entries(draft.snapshot.timers)) {
    if (remainingMs === undefined) continue;
    const delay = delayOf(draft, timerId);
    if (program && delay?.calendar) armTimer(draft, timerId, { ...armed, dueAt: dueAgain(draft, program, delay, armed.anchor) });
    else armTimer(draft, timerId, { ...armed, dueAt: surroundings.now + remainingMs, anchor: surroundings.now });
  }
}
