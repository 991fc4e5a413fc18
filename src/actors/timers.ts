/** The timer pump: claims what is due and turns each timer into an input; only the commit that consumes a timer removes it. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import { claimTimers, type DueTimer, nextTimer } from '../store/turns.ts';
import type { Mailboxes } from './input.ts';
import { createPump, type Pump } from './pump.ts';

/** How long a claim keeps other nodes away; a node that dies leaves its timers to them after that. */
const claimMs = 30_000;
const mostAtOnce = 200;
/** A round ends after this many batches, so that a herd does not keep the pump from stopping. */
const batchesPerRound = 10;

/** The pump of this process. `wake(ms)` when a timer was armed that falls due in `ms` of wall time. */
export function createTimerPump(parts: { db: Database; clock: Clock; log: Log; mailboxes: Mailboxes }): Pump {
  const { db, clock, log, mailboxes } = parts;

  async function fire(timer: DueTimer): Promise<void> {
    const key = { creatorId: timer.creator_id, conversationId: timer.conversation_id };
    try {
      await mailboxes.deliver(key, {
        id: `timer:${timer.timer_id}:${timer.generation}`,
        kind: 'timer',
        timerId: timer.timer_id,
        generation: timer.generation,
        dueAt: timer.due_at.getTime(),
      });
    } catch (error) {
      // The row stays; it is claimed again when this claim has run out.
      log.error('timer.undelivered', error, { creator_id: timer.creator_id, conversation_id: timer.conversation_id });
    }
  }

  async function round(): Promise<number | null> {
    let rested: readonly CreatorId[] = [];
    for (let batches = 0; batches < batchesPerRound; batches += 1) {
      const due = await claimTimers(db, { now: clock.now(), wall: clock.wall(), holdMs: claimMs, most: mostAtOnce, rested });
      await Promise.all(due.map(fire));
      const more = due.length === mostAtOnce || rested.length > 0;
      if (!more) return untilNext();
      // Whoever filled half a batch lets the others go first; when nobody else is left, it is everybody's turn again.
      rested = due.length < mostAtOnce ? [] : [...rested, ...heavy(due)];
    }
    return 0;
  }

  async function untilNext(): Promise<number | null> {
    const next = await nextTimer(db, clock.wall());
    return next === null ? null : clock.wallUntil(next);
  }

  return createPump('timers', round, { clock, log });
}

/** The creators that own at least half of a full batch. */
function heavy(due: readonly DueTimer[]): CreatorId[] {
  const counts = new Map<CreatorId, number>();
  for (const { creator_id } of due) counts.set(creator_id, (counts.get(creator_id) ?? 0) + 1);
  return [...counts].flatMap(([creatorId, count]) => (count * 2 >= mostAtOnce ? [creatorId] : []));
}
