/** Stops asking a service that has just failed, for a while. */
import type { Clock } from '../clock.ts';

/** Open after failures, closed again after a pause. */
export interface Breaker {
  /** Whether to ask. */
  readonly closed: boolean;
  /** Says how the service answered. */
  report(ok: boolean): void;
}

/** A breaker that opens after `failures` in a row, for `pauseMs`. */
export function createBreaker(clock: Clock, failures = 2, pauseMs = 15_000): Breaker {
  let inRow = 0;
  let openUntil = Number.NEGATIVE_INFINITY;
  return {
    get closed() {
      return clock.wall() >= openUntil;
    },
    report(ok) {
      inRow = ok ? 0 : inRow + 1;
      if (inRow >= failures) openUntil = clock.wall() + pauseMs;
    },
  };
}
