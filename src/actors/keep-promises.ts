/** Promises of the run in front, held against what a turn has made of it: what is broken is on record and told to the creator's webhooks. */
import { armTimer, clearTimer, type Draft, scopeOf } from './draft.ts';
import { planEffect } from './invoking.ts';
import { judgePromises, noPromises, saidIn } from './promise-watch.ts';

const prefix = 'promise:';

/** Whether a timer is only there so that somebody looks when a promise has run out. */
export function isPromiseTimer(timerId: string): boolean {
  return timerId.startsWith(prefix);
}

/** Looks at the run after an input, and arms a look at the moment at which what is promised must have come. */
export function keepPromises(draft: Draft): void {
  const { program, snapshot } = draft;
  const hasRun = draft.status === 'active' || draft.before.status === 'active';
  if (!program?.definition.promises?.length || !snapshot.machine || !hasRun) return;
  const before = snapshot.promises ?? noPromises;
  const sight = { state: draft.state, said: saidIn(draft.decisions), scope: scopeOf(draft) };
  const { memory, breaches } = judgePromises(program, before, sight);
  for (const { promise, problem } of breaches) {
    draft.broken.push({ promise, problem });
    planEffect(draft, { type: 'event', lane: 'event', params: { event: 'promise-broken', data: { promise, problem } } });
  }
  // What has ended promises nothing more.
  snapshot.promises = draft.status === 'active' ? memory : undefined;
  if (draft.status !== 'active') return;
  for (const id of Object.keys(before.due)) if (!(id in memory.due)) clearTimer(draft, prefix + id);
  for (const [id, at] of Object.entries(memory.due)) {
    if (before.due[id] !== at) armTimer(draft, prefix + id, { dueAt: at + 1, anchor: draft.surroundings.now, event: null });
  }
}
