/** Each creator's share of the models: so many answers at once, so many tokens a day. */
import type { CreatorId } from '../ids.ts';
import type { Cache } from '../shared/cache.ts';

/** What one creator may use. */
export interface ShareLimits {
  /** Answers written at once on this node; further ones are quoted. */
  atOnce: number;
  /** Tokens read and written within a day, over all nodes. */
  tokensPerDay: number;
}

/** Enough for some thousand answers a day. */
export const defaultShare: ShareLimits = { atOnce: 4, tokensPerDay: 5_000_000 };

const dayMs = 86_400_000;

/** A place among those whom a model writes for. */
export interface Place {
  /** Counts tokens read or written, as they are: what a model wrote before it failed has been written too. */
  spend(tokens: number): void;
  /** Leaves the place. Never rejects. */
  done(): Promise<void>;
}

/** The shares of all creators. */
export interface ModelShare {
  /** Takes a place; null when the creator's share is used up. While the cache is down tokens are not counted. */
  take(creator: CreatorId): Promise<Place | null>;
}

/** Shares counted in the cache: losing it forgets what was used. */
export function createModelShare(cache: Cache, limits: ShareLimits = defaultShare): ModelShare {
  const busy = new Map<CreatorId, number>();

  function leave(creator: CreatorId): void {
    const left = (busy.get(creator) ?? 1) - 1;
    if (left === 0) busy.delete(creator);
    else busy.set(creator, left);
  }

  return {
    async take(creator) {
      if ((busy.get(creator) ?? 0) >= limits.atOnce) return null;
      busy.set(creator, (busy.get(creator) ?? 0) + 1);
      const count = async (tokens: number) => {
        const counted = await cache.count(`model-tokens:creator_${creator}:day`, tokens, dayMs).catch(() => {
          // without the cache nothing is counted, and nothing refused
          return { sum: 0 };
        });
        return counted.sum;
      };
      if ((await count(0)) >= limits.tokensPerDay) {
        leave(creator);
        return null;
      }
      let spent = 0;
      return {
        spend(tokens) {
          spent += tokens;
        },
        async done() {
          leave(creator);
          await count(spent);
        },
      };
    },
  };
}
