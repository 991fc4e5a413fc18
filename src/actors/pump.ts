/** A loop that takes up due work from the record, sleeps until the next is due, and wakes when told. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

export interface Pump {
  start(): void;
  /** Stops taking work up; resolves when the round under way has ended. */
  stop(): Promise<void>;
  /** Looks for work now, or in `ms` of wall time. */
  wake(ms?: number): void;
}

/** However quiet, a pump looks again after so many milliseconds: another node may have left work behind. */
export const mostIdleMs = 5_000;
const afterFailureMs = 1_000;

/**
 * Takes up what is due and gives the wall milliseconds until it should be called again; null when it does not know. One that takes up
 * batch after batch asks `goesOn` before each.
 */
export type Round = (goesOn: () => boolean) => Promise<number | null>;

/** A pump that is not started yet; `name` is for the log. */
export function createPump(name: string, round: Round, { clock, log }: { clock: Clock; log: Log }): Pump {
  let running = false;
  let busy: Promise<void> | null = null;
  let again = false;
  let cancel: () => void = () => undefined;
  let alarmAt = Number.POSITIVE_INFINITY;

  function sleep(ms: number): void {
    const at = clock.wall() + ms;
    if (!running || at >= alarmAt) return;
    cancel();
    alarmAt = at;
    cancel = clock.after(ms, () => {
      alarmAt = Number.POSITIVE_INFINITY;
      look();
    });
  }

  function look(): void {
    if (!running) return;
    again = true;
    busy ??= rounds();
  }

  async function rounds(): Promise<void> {
    while (again && running) {
      again = false;
      try {
        sleep(Math.min((await round(() => running)) ?? mostIdleMs, mostIdleMs));
      } catch (error) {
        log.error(`${name}.failed`, error);
        sleep(afterFailureMs);
      }
    }
    // In the same breath as the last look at `again`, or a wake in between would be lost.
    busy = null;
  }

  return {
    start() {
      running = true;
      look();
    },
    async stop() {
      running = false;
      cancel();
      await busy;
    },
    wake(ms = 0) {
      if (ms <= 0) look();
      else sleep(ms);
    },
  };
}
