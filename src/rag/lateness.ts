/** Time that runs out, told apart from a caller who has gone. */
import type { Clock } from '../clock.ts';

/** Fires with the given signal or after some time, and tells which. */
export interface Lateness {
  signal: AbortSignal;
  /** Whether time has run out, and not the caller gone. */
  readonly late: boolean;
  clear(): void;
}

/** Runs out after `ms`, in milliseconds. */
export function createLateness(clock: Clock, ms: number, signal: AbortSignal): Lateness {
  const late = new AbortController();
  const clear = clock.after(ms, () => late.abort(new Error(`No answer within ${ms} ms`)));
  return {
    signal: AbortSignal.any([signal, late.signal]),
    clear,
    get late() {
      return late.signal.aborted && !signal.aborted;
    },
  };
}
