/** The timer pump: claims what is due and turns each timer into an input; only the commit that consumes a timer removes it. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import { claimTimers, type DueTimer, nextTimer } from '../store/turns.ts';
import type { Input, Mailboxes } from './input.ts';
import { insist } from './insist.ts';
import { createPump, type Pump } from './pump.ts';

/** How long a claim keeps other nodes away; a node that dies leaves its timers to them after that. */
const claimMs = 30_000;
const mostAtOnce = 100;
/** Batches under way at a time: the next is claimed while the last is committed. */
const mostBatches = 4;
/** Looking past a herd for the timers of others takes its time, so no more than a tenth of all time goes into it. */
const othersShare = 10;

/** The pump of this process. `wake(ms)` when a timer was armed that falls due in `ms` of wall time. */
export function createTimerPump(parts: { db: Database; clock: Clock; log: Log; mailboxes: Mailboxes }): Pump {
  const { db, clock, log } = parts;

  let stopping = new AbortController();

  async function fire(timer: DueTimer, until: number): Promise<void> {
    const key = { creatorId: timer.creator_id, conversationId: timer.conversation_id };
    try {
      const input: Input = {
        id: `timer:${timer.timer_id}:${timer.generation}`,
        kind: 'timer',
        timerId: timer.timer_id,
        generation: timer.generation,
        dueAt: timer.due_at.getTime(),
      };
      await insist(parts, key, input, { signal: stopping.signal, until });
    } catch (error) {
      // The row stays; it is claimed again when this claim has run out.
      log.error('timer.undelivered', error, { creator_id: timer.creator_id, conversation_id: timer.conversation_id });
    }
  }

  /** In the order in which they fell due, which after an outage is what a conversation sees of the time that has passed. */
  async function claim(rested: readonly CreatorId[]): Promise<DueTimer[]> {
    const due = await claimTimers(db, { now: clock.now(), wall: clock.wall(), holdMs: claimMs, most: mostAtOnce, rested });
    return due.sort((one, other) => one.due_at.getTime() - other.due_at.getTime());
  }

  /** Wall time from which the timers of others may be looked for. */
  let othersFrom = 0;

  /** What is due to others than those who fill half of a full batch: a herd does not keep them waiting until it has passed. */
  async function claimPast(batch: readonly DueTimer[]): Promise<DueTimer[]> {
    const herds = heavy(batch);
    const began = clock.wall();
    if (herds.length === 0 || began < othersFrom) return [];
    const others = await claim(herds);
    // Another herd goes on by turns with the first.
    othersFrom = others.length === mostAtOnce ? began : clock.wall() + (clock.wall() - began) * othersShare;
    return others;
  }

  /** Lasts as one of `underWay` until every timer of the batch has been taken. */
  function fireAll(batch: readonly DueTimer[], underWay: Set<Promise<void>>): void {
    if (batch.length === 0) return;
    const until = clock.wall() + claimMs;
    const fired: Promise<void> = Promise.all(batch.map((timer) => fire(timer, until))).then(() => void underWay.delete(fired));
    underWay.add(fired);
  }

  async function round(goesOn: () => boolean): Promise<number | null> {
    const underWay = new Set<Promise<void>>();
    try {
      while (goesOn()) {
        const due = await claim([]);
        fireAll(due, underWay);
        if (due.length < mostAtOnce) return await untilNext();
        fireAll(await claimPast(due), underWay);
        while (underWay.size >= mostBatches) await Promise.race(underWay);
      }
      return null;
    } finally {
      await Promise.all(underWay);
    }
  }

  async function untilNext(): Promise<number | null> {
    const next = await nextTimer(db, clock.wall());
    return next === null ? null : clock.wallUntil(next);
  }

  const pump = createPump('timers', round, { clock, log });
  return {
    ...pump,
    start() {
      stopping = new AbortController();
      pump.start();
    },
    stop() {
      stopping.abort();
      return pump.stop();
    },
  };
}

/** The creators that own at least half of a batch. */
function heavy(due: readonly DueTimer[]): CreatorId[] {
  const counts = new Map<CreatorId, number>();
  for (const { creator_id } of due) counts.set(creator_id, (counts.get(creator_id) ?? 0) + 1);
  return [...counts].flatMap(([creatorId, count]) => (count * 2 >= mostAtOnce ? [creatorId] : []));
}
