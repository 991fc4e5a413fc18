import { describe, expect, it } from 'vitest';
import { createTokenBucket } from '../../src/channels/token-bucket.ts';

describe('createTokenBucket', () => {
  it('gives the whole burst at once, then tells how long to wait', () => {
    const take = createTokenBucket(3, 2);
    expect([take(0), take(0), take(0), take(0)]).toEqual([0, 0, 0, 500]);
  });

  it('fills at its rate and no higher than its burst', () => {
    const take = createTokenBucket(2, 1);
    take(0);
    take(0);
    expect(take(1000)).toBe(0);
    expect(take(1000)).toBe(1000);
    expect([take(60_000), take(60_000), take(60_000)]).toEqual([0, 0, 1000]);
  });

  it('does not empty when the clock goes back', () => {
    const take = createTokenBucket(2, 1);
    take(5000);
    expect(take(0)).toBe(0);
  });
});
