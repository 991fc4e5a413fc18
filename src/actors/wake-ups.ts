/** Wake-ups between nodes: who has armed a timer, planned an effect or called one off tells the others, who would find it seconds later by themselves. */
import type { Clock } from '../clock.ts';
import { type FanOut, wakeUpsTopic } from '../shared/fan-out.ts';
import type { EffectPump } from './effects.ts';
import { mostIdleMs, type Pump } from './pump.ts';
import type { TurnAftermath } from './turn.ts';

/** The wake-ups of this process. */
export interface WakeUps {
  /** Tells the other nodes what a committed turn has left to do, if they would not look in time by themselves, and what to stop. */
  tell(aftermath: TurnAftermath): void;
  /** Starts to hear the others; resolves when it does. */
  start(): Promise<void>;
  /** Tells the other nodes to look now: what this one has given back, because it stops, is theirs. */
  leave(): void;
}

/** Turns of so many milliseconds share one wake-up. */
const gatherMs = 100;
/** Others look so much later than the node that knows: most often there is nothing left for them. */
const graceMs = 250;

/** When something falls due, wall milliseconds since 1970, by the pump it falls to. */
type Dues = Partial<Record<'timers' | 'effects', number>>;

/** Wake-ups for both pumps. `nodeId` tells its own news from that of others. */
export function createWakeUps(parts: { fanOut: FanOut; clock: Clock; nodeId: string; timers: Pump; effects: EffectPump }): WakeUps {
  const { fanOut, clock, nodeId } = parts;
  let gathered: Dues | null = null;

  function gather(pump: keyof Dues, at: number): void {
    if (at - clock.wall() >= mostIdleMs) return;
    if (gathered === null) {
      gathered = {};
      clock.after(gatherMs, publish);
    }
    gathered[pump] = Math.min(gathered[pump] ?? at, at);
  }

  function publish(): void {
    fanOut.publish(wakeUpsTopic, { from: nodeId, ...gathered });
    gathered = null;
  }

  function hear(news: unknown): void {
    const { from, cancelled = [], ...dues } = news as Dues & { from: string; cancelled?: readonly string[] };
    if (from === nodeId) return;
    for (const effectId of cancelled) parts.effects.abort(effectId);
    for (const pump of ['timers', 'effects'] as const) {
      const at = dues[pump];
      if (at !== undefined) parts[pump].wake(Math.max(0, at - clock.wall()) + graceMs);
    }
  }

  return {
    tell({ planned, cancelled, nextDueAt }) {
      // Not gathered: whoever is answered hears every word that is written meanwhile.
      if (cancelled.length > 0) fanOut.publish(wakeUpsTopic, { from: nodeId, cancelled });
      if (planned) gather('effects', clock.wall());
      if (nextDueAt !== null) gather('timers', clock.wall() + clock.wallUntil(nextDueAt));
    },
    async start() {
      // Also when news may have been lost: then whatever is due is looked for at once.
      await fanOut.subscribe(wakeUpsTopic, hear, () => {
        parts.timers.wake();
        parts.effects.wake();
      });
    },
    leave() {
      const now = clock.wall();
      fanOut.publish(wakeUpsTopic, { from: nodeId, timers: now, effects: now });
    },
  };
}
