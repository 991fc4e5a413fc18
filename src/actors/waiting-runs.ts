/** Runs that wait for a sub-program: kept whole in the snapshot, their timers going on, and put in front when something is for them. */
import { clearTimer, type Draft, programKey, rowOf } from './draft.ts';
import { isBroadcast, keepHeld } from './posting.ts';
import { emptySnapshot, heldStill, type Snapshot, type WaitingRun, withControl } from './snapshot.ts';

/** A run as it is laid aside. */
export type LaidAside = Omit<WaitingRun, 'invokeId'>;

/** The parts of a snapshot that belong to one run. */
const partsOfRun = [
  'machine',
  'question',
  'offer',
  'timers',
  'held',
  'answers',
  'waiting',
  'calendar',
  'following',
  'left',
  'promises',
] as const;

/** How many runs wait below the one in front. */
export function depthOf({ snapshot }: Draft): number {
  return snapshot.callers?.length ?? 0;
}

/** The run in front, to be laid aside. */
function frontOf(draft: Draft): LaidAside {
  const parts = Object.fromEntries(partsOfRun.map((part) => [part, draft.snapshot[part]])) as Pick<Snapshot, (typeof partsOfRun)[number]>;
  return { ...parts, program: draft.programRef as NonNullable<Draft['programRef']>, state: draft.state };
}

/** Puts a run in front, over those in `callers`. Who has control is the same for all runs. */
function putInFront(draft: Draft, run: LaidAside, callers: readonly WaitingRun[]): void {
  for (const part of partsOfRun) Object.assign(draft.snapshot, { [part]: run[part] });
  draft.snapshot.machine = run.machine && withControl(run.machine, draft.snapshot.control);
  draft.snapshot.callers = callers;
  draft.programRef = run.program;
  draft.program = draft.programs.get(programKey(run.program)) ?? null;
  draft.state = run.state;
}

/** The front is empty for a sub-program; the run that was there waits for it at its invoke. */
export function layAside(draft: Draft, invokeId: string): void {
  const waiting = { ...frontOf(draft), invokeId };
  const callers = [...(draft.snapshot.callers ?? []), waiting];
  for (const part of partsOfRun) Object.assign(draft.snapshot, { [part]: emptySnapshot[part] });
  draft.snapshot.callers = callers;
}

/** Puts the run in front again that waits for the one that has ended; its invoke, null where none waits. One whose program is gone is let go, with those around it. */
export function takeUpCaller(draft: Draft): string | null {
  const { callers = [] } = draft.snapshot;
  const caller = callers.at(-1);
  if (!caller) return null;
  if (!draft.programs.has(programKey(caller.program))) {
    dropCallers(draft);
    return null;
  }
  const broadcasts = Object.entries(draft.snapshot.held).filter(([, held]) => isBroadcast(held));
  const carried = broadcasts.flatMap(([timerId, held]) => {
    const armed = draft.snapshot.timers[timerId];
    clearTimer(draft, timerId);
    return armed ? [{ timerId, held, armed }] : [];
  });
  putInFront(draft, caller, callers.slice(0, -1));
  for (const { timerId, held, armed } of carried) keepHeld(draft, timerId, held, armed);
  return caller.invokeId;
}

/**
 * Has the run at a depth take something: it is in front meanwhile, with what runs for it laid over it. Where it does not wait any more
 * for that afterwards, it stays in front.
 */
export function inRun(draft: Draft, depth: number, work: () => void): void {
  const { callers = [] } = draft.snapshot;
  const run = callers[depth];
  if (!run) {
    work();
    return;
  }
  draft.above = [...callers.slice(depth + 1), { ...frontOf(draft), invokeId: '' }];
  putInFront(draft, run, callers.slice(0, depth));
  work();
  const above = draft.above;
  const front = above.at(-1);
  draft.above = [];
  if (front) putInFront(draft, front, [...callers.slice(0, depth), { ...frontOf(draft), invokeId: run.invokeId }, ...above.slice(0, -1)]);
}

/** Does something to every run, the one in front last; to that one alone while one that waits is in front. */
export function everyRun(draft: Draft, work: (draft: Draft) => void): void {
  const from = draft.above.length > 0 ? depthOf(draft) : 0;
  for (let depth = from; depth <= depthOf(draft); depth += 1) inRun(draft, depth, () => work(draft));
}

/** Lets go of whatever runs for the run in front: nobody waits for it any more. */
export function dropAbove(draft: Draft): void {
  for (const [index, run] of draft.above.entries()) letGo(draft, run, depthOf(draft) + 1 + index);
  draft.above = [];
}

/** Lets go of the runs that wait for the one in front. */
export function dropCallers(draft: Draft): void {
  for (const [depth, run] of (draft.snapshot.callers ?? []).entries()) letGo(draft, run, depth);
  draft.snapshot.callers = [];
}

function letGo(draft: Draft, { timers, answers }: LaidAside, depth: number): void {
  for (const timerId of Object.keys(timers)) {
    const row = rowOf(depth, timerId);
    draft.timersSet.delete(row);
    draft.timersCleared.add(row);
    draft.snapshot.deferred = draft.snapshot.deferred.filter((id) => id !== row);
  }
  for (const { effect, src } of Object.values(answers)) {
    if (src !== 'program' && effect !== heldStill) draft.effectsEnded.push({ id: effect, status: 'cancelled', result: null });
  }
}

/** The depth of the run that waits for an effect; that of the front where none below does. */
export function depthOfEffect(draft: Draft, effectId: string): number {
  const { callers = [] } = draft.snapshot;
  const depth = callers.findIndex(({ answers }) => Object.values(answers).some(({ effect }) => effect === effectId));
  return depth < 0 ? callers.length : depth;
}
