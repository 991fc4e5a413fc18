/** The pace of sending: how fast one account and one person may be written to, counted by all nodes together. */
import type { CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Cache } from '../shared/cache.ts';
import type { Capabilities } from './channel.ts';
import { stableUuid } from './stable-id.ts';

/** Takes one message's turn: 0 when it may go now, else the milliseconds to wait. */
export type TakeTurn = (to: { creatorId: CreatorId; id: string }, externalId: string, capabilities: Capabilities) => Promise<number>;

/**
 * Counts in windows that start with their first message: a second for the account, a burst's worth for the person. What finds no room is
 * sent to the windows after, each to its own, so that many who wait do not all come back at once. Where the count cannot be had, nothing
 * waits: the provider's own refusals slow us down then.
 */
export function createPace({ cache, log }: { cache: Pick<Cache, 'count'>; log: Log }): TakeTurn {
  async function room(key: string, most: number, windowMs: number): Promise<number> {
    const { sum, resetMs } = await cache.count(key, 1, windowMs);
    return sum <= most ? 0 : resetMs + Math.floor((sum - most - 1) / most) * windowMs;
  }

  return async function takeTurn({ creatorId, id }, externalId, { perSecond, perPerson: { burst, everyMs } }) {
    const key = `pace:creator_${creatorId}`;
    try {
      // A person's id may be a phone number: it stays out of the cache.
      const waitMs = await room(`${key}:${stableUuid(id, externalId)}`, burst, burst * everyMs);
      return waitMs > 0 ? waitMs : await room(`${key}:${id}`, perSecond, 1_000);
    } catch (error) {
      log.warn('pace.uncounted', { creator_id: creatorId, connection_id: id, name: (error as Error).name });
      return 0;
    }
  };
}
