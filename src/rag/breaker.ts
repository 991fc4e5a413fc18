/** Stops asking a service that has just failed, for a while. */
import type { Clock } from '../clock.ts';

/** Open after failures, closed again after a pause, at first for one who tries. */
export interface Breaker {
  /** Whether somebody may ask. */
  readonly closed: boolean;
  /** Whether the caller may ask. After a pause one may, who says how the service answered; the others would only wait with him. */
  pass(): boolean;
  /** Says how the service answered. */
  report(ok: boolean): void;
}

/** A breaker that opens after `failures` in a row, for `pauseMs`. */
export function createBreaker(clock: Clock, failures = 2, pauseMs = 15_000): Breaker {
  let inRow = 0;
  let openUntil = Number.NEGATIVE_INFINITY;
  /** While somebody tries; as long as a pause, should he never say what he heard. */
  let triedUntil = Number.NEGATIVE_INFINITY;
  const isClosed = () => clock.wall() >= Math.max(openUntil, triedUntil);
  return {
    get closed() {
      return isClosed();
    },
    pass() {
      if (!isClosed()) return false;
      if (inRow >= failures) triedUntil = clock.wall() + pauseMs;
      return true;
    },
    report(ok) {
      triedUntil = Number.NEGATIVE_INFINITY;
      inRow = ok ? 0 : inRow + 1;
      if (inRow >= failures) openUntil = clock.wall() + pauseMs;
    },
  };
}
