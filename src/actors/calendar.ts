/** The calendar of a run: one timer for the next moment of each point, which moves, as calendar delays do, when what it counts from changes. */
import type { CalendarFacts, DelayFacts, Program } from '../programs/program.ts';
import { armTimer, clearTimer, type Draft, delayOf, scopeOf } from './draft.ts';
import type { ArmedTimer } from './snapshot.ts';

/** Arms the next moment of every point, and disarms those that have none any more. */
function armCalendar(draft: Draft, program: Program): void {
  for (const point of program.calendar) armPoint(draft, point);
}

function armPoint(draft: Draft, point: CalendarFacts): void {
  const { now } = draft.surroundings;
  const { began, last } = calendarOf(draft);
  const armed = draft.snapshot.timers[point.timerId];
  const next = point.next(scopeOf(draft), { after: now, began, last: last[point.id] ?? null });
  // One that is due now and not yet given stays: it is about to be.
  if (armed !== undefined && armed.dueAt <= now) return;
  if (next === null) clearTimer(draft, point.timerId);
  else if (armed?.dueAt !== next.at) {
    armTimer(draft, point.timerId, { dueAt: next.at, anchor: now, event: `CALENDAR.${point.id}` });
    draft.snapshot.calendar = { began, last, armed: { ...calendarOf(draft).armed, [point.id]: next.local } };
  }
}

function calendarOf(draft: Draft): NonNullable<Draft['snapshot']['calendar']> {
  return draft.snapshot.calendar ?? { began: draft.surroundings.now, last: {}, armed: {} };
}

/** Begins the calendar of a run. */
export function beginCalendar(draft: Draft, program: Program): void {
  if (program.calendar.length === 0) return;
  draft.snapshot.calendar = { began: draft.surroundings.now, last: {}, armed: {} };
  armCalendar(draft, program);
}

/**
 * Notes that a point's moment has come and whether it is to be given: not when it is too late for it, and not to somebody in the
 * middle of something where its mode is `skip`. Arms the moment after it.
 */
export function takeMoment(draft: Draft, timerId: string, dueAt: number): 'given' | 'skipped' | 'none' {
  const point = draft.program?.calendar.find((candidate) => candidate.timerId === timerId);
  if (!point) return 'none';
  const { began, last, armed } = calendarOf(draft);
  draft.snapshot.calendar = { began, armed, last: { ...last, [point.id]: armed[point.id] ?? '' } };
  armPoint(draft, point);
  const isLate = point.lateMs !== null && draft.surroundings.now - dueAt > point.lateMs;
  const isBusy = draft.snapshot.question !== null || Object.keys(draft.snapshot.answers).length > 0;
  if (isLate || (point.mode === 'skip' && isBusy)) return 'skipped';
  if (point.mode === 'interrupt') {
    draft.snapshot.question = null;
    draft.snapshot.offer = null;
  }
  return 'given';
}

/** Whether nothing moves a timer any more: its moment has come, or it is paused and is computed when it goes on. */
function isFixed({ dueAt, cameAt = dueAt, remainingMs }: ArmedTimer, now: number): boolean {
  return cameAt <= now || remainingMs !== undefined;
}

/** Calendar delays keep rule and anchor: a changed zone or field moves what is armed. */
export function recomputeCalendar(draft: Draft): void {
  const { program } = draft;
  if (draft.status !== 'active' || !program) return;
  armCalendar(draft, program);
  for (const [timerId, armed] of Object.entries(draft.snapshot.timers)) {
    const delay = delayOf(draft, timerId);
    if (!delay?.calendar || isFixed(armed, draft.surroundings.now)) continue;
    const dueAt = dueAgain(draft, program, delay, armed.anchor);
    if (dueAt !== armed.dueAt) armTimer(draft, timerId, { ...armed, dueAt });
  }
}

/**
 * When a calendar delay falls due by what is known now, milliseconds since 1970. A date may have passed; a moment of every day that has passed by
 * such a change was never there, and the next one counts: nobody is told good morning in the evening because they have travelled.
 */
export function dueAgain(draft: Draft, program: Program, delay: DelayFacts, anchor: number): number {
  const { now } = draft.surroundings;
  const dueAt = program.dueAt(delay.name, scopeOf(draft), anchor);
  return delay.recurring && dueAt <= now ? program.dueAt(delay.name, scopeOf(draft), now) : dueAt;
}
