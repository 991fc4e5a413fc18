/** A clock that stands still until it is turned. */
import type { Clock } from '../../src/clock.ts';

export interface ManualClock extends Clock {
  /** Turns both clocks by `ms` and calls what falls due, in order. */
  advance(ms: number): void;
  /** Turns conversation time to an instant, wall time by as much. */
  set(at: number): void;
}

/** A clock that stands at `at` (milliseconds since 1970) until it is turned. */
export function manualClock(at: number): ManualClock {
  let now = at;
  let alarms: { at: number; call: () => void }[] = [];
  const clock: ManualClock = {
    now: () => now,
    wall: () => now,
    wallUntil: (instant) => Math.max(0, instant - now),
    after(ms, call) {
      const alarm = { at: now + ms, call };
      alarms.push(alarm);
      return () => {
        alarms = alarms.filter((other) => other !== alarm);
      };
    },
    advance(ms) {
      const until = now + ms;
      for (;;) {
        const [next] = alarms.filter((alarm) => alarm.at <= until).sort((a, b) => a.at - b.at);
        if (!next) break;
        alarms = alarms.filter((alarm) => alarm !== next);
        now = Math.max(now, next.at);
        next.call();
      }
      now = until;
    },
    set(instant) {
      clock.advance(instant - now);
    },
  };
  return clock;
}
