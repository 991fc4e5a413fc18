/** The effect pump: runs what committed turns have planned, under a lease, and brings each result back as an input. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import {
  type ClaimedEffect,
  claimEffects,
  extendLease,
  nextEffect,
  type PlannedEffect,
  postponeEffect,
  readEffect,
} from '../store/turns.ts';
import type { ConversationKey, EffectResult, Input, Mailboxes } from './input.ts';
import { insist } from './insist.ts';
import { createPump, type Pump } from './pump.ts';

/** How a run of an effect ended: with its one outcome, or with nothing done and another try due. */
export type Conclusion = { outcome: 'done' | 'failed' | 'uncertain'; result: EffectResult } | { outcome: 'retry'; afterMs: number };

/** A planned effect as its runner sees it. */
export interface EffectRun {
  key: ConversationKey;
  effectId: string;
  params: unknown;
  /** Tries so far, this one included. */
  attempts: number;
}

/** Runs one type of effect once. A rejection is a failed try that may be repeated. */
export type RunEffect = (run: EffectRun, signal: AbortSignal) => Promise<Conclusion>;

/** Pumps effects, and stops those whose result no longer counts. */
export interface EffectPump extends Pump {
  /** Stops an effect if it runs here; one whose node is not told brings a result that counts for nothing. */
  abort(effectId: string): void;
}

const leaseMs = 30_000;
/** An effect that takes longer than this has failed; a program's own time limit usually comes first. */
const mostMs = 120_000;
const timedOut = new Error('Took too long');
const mostTries = 3;
const retryMs = 2_000;
const mostAtOnce = 128;
/** A creator with so many under way rests, and so many are claimed at a time: a herd of calls that hang does not keep the others' waiting. */
const share = 12;
/** While a creator has its share under way, the others are looked for this often. */
const restMs = 250;
/** What calls somebody outside is not cut off when the node stops, or nobody could say whether it had arrived; for so long. */
const callsOutside: ReadonlySet<string> = new Set(['send', 'http', 'push']);
const graceMs = 10_000;

/** The pump of this process, with a runner for each type of effect. */
export function createEffectPump(parts: {
  db: Database;
  clock: Clock;
  log: Log;
  /** By type of effect. */
  runners: Readonly<Record<string, RunEffect>>;
  mailboxes: Mailboxes;
}): EffectPump {
  const { db, clock, log } = parts;
  const running = new Map<string, { creatorId: CreatorId; abort: AbortController; ended: Promise<void>; type?: string }>();

  function run(claimed: ClaimedEffect, leasedAt: number): void {
    const abort = new AbortController();
    const ended = runToEnd(claimed, leasedAt, abort).finally(() => {
      running.delete(claimed.id);
      pump.wake();
    });
    running.set(claimed.id, { creatorId: claimed.creator_id, abort, ended });
  }

  async function runToEnd(claimed: ClaimedEffect, leasedAt: number, abort: AbortController): Promise<void> {
    let stop: () => void = () => undefined;
    try {
      const effect = await readEffect(db, claimed);
      // Read too late, it may be on the try of whoever claimed it next.
      if (!effect || clock.wall() >= leasedAt + leaseMs) return;
      Object.assign(running.get(claimed.id) ?? {}, { type: effect.type });
      stop = watch(claimed, effect.attempts, leasedAt, abort);
      await conclude(claimed, effect, abort);
    } catch (error) {
      log.error('effect.undelivered', error, { creator_id: claimed.creator_id, effect_id: claimed.id });
    } finally {
      stop();
    }
  }

  /** Runs it once and brings its outcome home; a failed try is repeated until the tries are used up. */
  async function conclude(claimed: ClaimedEffect, effect: PlannedEffect, abort: AbortController): Promise<void> {
    const key = { creatorId: claimed.creator_id, conversationId: claimed.conversation_id };
    const ended = await tryOnce(
      claimed,
      { key, effectId: claimed.id, params: effect.params, attempts: effect.attempts },
      effect.type,
      abort,
    );
    if (ended.outcome === 'retry') {
      await postponeEffect(db, claimed, effect.attempts, clock.wall() + ended.afterMs);
      return;
    }
    const { outcome, result } = ended;
    const input: Input = { id: `effect:${claimed.id}`, kind: 'effect', effectId: claimed.id, outcome, result };
    // Whatever happens to the record: to run the effect again would be to do it twice. The end of the lease aborts it.
    await insist(parts, key, input, { signal: abort.signal, until: Number.POSITIVE_INFINITY });
  }

  /** Its time counts until it has ended: how long its outcome takes to come home is another matter. */
  async function tryOnce(claimed: ClaimedEffect, run: EffectRun, type: string, abort: AbortController): Promise<Conclusion> {
    const { signal } = abort;
    const stopDeadline = clock.after(mostMs, () => abort.abort(timedOut));
    try {
      const runner = parts.runners[type];
      if (!runner) throw new Error(`Cannot run an effect of type "${type}"`);
      return await runner(run, signal);
    } catch (error) {
      // Stopped here, by a newer turn or because the node stops: whoever claims it next finds out what is left to do.
      if (signal.aborted && signal.reason !== timedOut) return { outcome: 'retry', afterMs: 0 };
      log.error('effect.failed', error, { creator_id: claimed.creator_id, effect_id: claimed.id, attempts: run.attempts });
      return run.attempts < mostTries
        ? { outcome: 'retry', afterMs: retryMs * 2 ** run.attempts }
        : { outcome: 'failed', result: { reason: 'unavailable' } };
    } finally {
      stopDeadline();
    }
  }

  /**
   * Extends the lease while the effect runs, one extension at a time, and stops the run when it is no longer ours: a lease that could not
   * be extended in time has run out for us too, and the number of the try is the fence, since whoever claims the effect next raises it.
   * The result ends the watch.
   */
  function watch(claimed: ClaimedEffect, attempts: number, leasedAt: number, abort: AbortController): () => void {
    const lose = () => abort.abort(new Error('Lease lost'));
    let stopLease = clock.after(leasedAt + leaseMs - clock.wall(), lose);
    let stopExtending = clock.after(leaseMs / 3, extend);
    let stopped = false;

    function extend(): void {
      const until = clock.wall() + leaseMs;
      extendLease(db, claimed, attempts, until)
        .then(
          (held) => (held ? renew(until) : lose()),
          (error) => log.error('effect.lease', error, { creator_id: claimed.creator_id, effect_id: claimed.id }),
        )
        .finally(() => {
          if (!stopped) stopExtending = clock.after(leaseMs / 3, extend);
        });
    }

    function renew(until: number): void {
      if (stopped) return;
      stopLease();
      stopLease = clock.after(until - clock.wall(), lose);
    }

    return () => {
      stopped = true;
      for (const stop of [stopLease, stopExtending]) stop();
    };
  }

  async function round(goesOn: () => boolean): Promise<number | null> {
    while (goesOn()) {
      const most = Math.min(share, mostAtOnce - running.size);
      if (most <= 0) return null;
      const leasedAt = clock.wall();
      const rested = withTheirShare();
      const claimed = await claimEffects(db, { wall: leasedAt, holdMs: leaseMs, most, rested });
      for (const one of claimed) run(one, leasedAt);
      if (claimed.length < most) return restingUntil(rested.length > 0);
    }
    return null;
  }

  function withTheirShare(): CreatorId[] {
    const counts = Map.groupBy(running.values(), ({ creatorId }) => creatorId);
    return [...counts].flatMap(([creatorId, theirs]) => (theirs.length >= share ? [creatorId] : []));
  }

  /** Milliseconds until the next effect may be claimed. That of a creator with its share is no reason to look: the end of one of theirs is. */
  async function restingUntil(someRest: boolean): Promise<number | null> {
    const next = await nextEffect(db);
    return next === null ? null : Math.max(someRest ? restMs : 0, next - clock.wall());
  }

  const pump = createPump('effects', round, { clock, log });
  return {
    ...pump,
    async stop() {
      await pump.stop();
      const stopAll = () => {
        for (const { abort } of running.values()) abort.abort(new Error('Node stops'));
      };
      const calls = [...running.values()].filter(({ type }) => type !== undefined && callsOutside.has(type));
      for (const one of running.values()) if (!calls.includes(one)) one.abort.abort(new Error('Node stops'));
      const ended = Promise.all(Array.from(running.values(), (one) => one.ended));
      const cancel = clock.after(graceMs, stopAll);
      await ended;
      cancel();
    },
    abort(effectId) {
      running.get(effectId)?.abort.abort(new Error('Superseded'));
    },
  };
}
