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

/** The shares of all creators. */
export interface ModelShare {
  /** Takes a place; null when the creator's share is used up. The caller says how many tokens it took. */
  take(creator: CreatorId): Promise<{ done(tokens: number): Promise<void> } | null>;
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
      const key = `model-tokens:creator_${creator}:day`;
      if ((busy.get(creator) ?? 0) >= limits.atOnce) return null;
      busy.set(creator, (busy.get(creator) ?? 0) + 1);
      try {
        const { sum } = await cache.count(key, 0, dayMs);
        if (sum < limits.tokensPerDay) {
          return {
            async done(tokens) {
              leave(creator);
              await cache.count(key, tokens, dayMs);
            },
          };
        }
      } catch (error) {
        leave(creator);
        throw error;
      }
      leave(creator);
      return null;
    },
  };
}
