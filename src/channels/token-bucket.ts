/** A token bucket: so many at once, so many a second for ever. */

/** Takes one token. 0 when there was one, else the milliseconds until the next. */
export type TokenBucket = (now: number) => number;

/** @param burst tokens the full bucket holds · `perSecond` how fast it fills */
export function createTokenBucket(burst: number, perSecond: number): TokenBucket {
  let tokens = burst;
  let filledAt = Number.NEGATIVE_INFINITY;
  return function take(now) {
    tokens = Math.min(burst, tokens + Math.max(0, (now - filledAt) / 1000) * perSecond);
    filledAt = now;
    if (tokens >= 1) {
      tokens -= 1;
      return 0;
    }
    return Math.ceil(((1 - tokens) / perSecond) * 1000);
  };
}
