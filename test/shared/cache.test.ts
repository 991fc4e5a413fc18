/** The contract of Cache, on every adapter: in memory, and Redis where TEST_REDIS_URL names one. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import type { Cache } from '../../src/shared/cache.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { openRedisCache } from '../../src/shared/redis.ts';
import { silentLog } from '../support/silent-log.ts';

let now = 1_800_000_000_000;
const clock: Clock = { now: () => now, wall: () => now, after: () => () => undefined, wallUntil: () => 0 };
const redisUrl = process.env.TEST_REDIS_URL;

const adapters: [string, () => Promise<Cache>][] = [['in memory', async () => createMemoryCache(clock)]];
if (redisUrl !== undefined) adapters.push(['Redis', () => openRedisCache({ url: redisUrl, log: silentLog })]);

describe.each(adapters)('a cache %s', (_, open) => {
  let cache: Cache;
  beforeAll(async () => {
    cache = await open();
  });
  afterAll(() => cache.close());
  const newKey = () => `test:creator_${randomUUID()}:key`;

  it('gives what was set, and nothing for what was not', async () => {
    const key = newKey();
    expect(await cache.get(key)).toBeNull();
    await cache.set(key, 'one', 60_000);
    await cache.set(key, 'dos ñ', 60_000);
    expect(await cache.get(key)).toBe('dos ñ');
    await cache.delete(key);
    expect(await cache.get(key)).toBeNull();
  });

  it('gives a value to one taker only', async () => {
    const key = newKey();
    await cache.set(key, 'ticket', 60_000);
    const taken = await Promise.all([cache.take(key), cache.take(key), cache.take(key)]);
    expect(taken.filter((value) => value !== null)).toEqual(['ticket']);
    expect(await cache.get(key)).toBeNull();
  });

  it('counts within a window that starts with the first count', async () => {
    const key = newKey();
    expect((await cache.count(key, 2, 60_000)).sum).toBe(2);
    const { sum, resetMs } = await cache.count(key, 3, 600_000);
    expect(sum).toBe(5);
    expect(resetMs).toBeGreaterThan(50_000);
    expect(resetMs).toBeLessThanOrEqual(60_000);
  });

  it('counts on from what a counter was set to, in the window it was set with', async () => {
    const key = newKey();
    await cache.count(key, 1, 1_000);
    await cache.set(key, '1', 60_000);
    const { sum, resetMs } = await cache.count(key, 1, 1_000);
    expect(sum).toBe(2);
    expect(resetMs).toBeGreaterThan(50_000);
  });

  it('counts all of many at once', async () => {
    const key = newKey();
    const sums = await Promise.all(Array.from({ length: 50 }, () => cache.count(key, 1, 60_000)));
    expect(Math.max(...sums.map((counted) => counted.sum))).toBe(50);
  });

  it('names the keys of one creator, those of counters too, and no other', async () => {
    const part = `:creator_${randomUUID()}:`;
    const mine = Array.from({ length: 30 }, (_, index) => `test${part}${index}`);
    await Promise.all([
      ...mine.map((key) => cache.set(key, 'x', 60_000)),
      cache.count(`limit${part}a`, 1, 60_000),
      cache.set(newKey(), 'x', 60_000),
    ]);
    expect((await cache.keys(part)).sort()).toEqual([...mine, `limit${part}a`].sort());
  });
});

describe('a cache in memory', () => {
  it('forgets when the time is over', async () => {
    const cache = createMemoryCache(clock);
    await cache.set('a', '1', 1_000);
    await cache.count('c', 1, 1_000);
    now += 999;
    expect(await cache.get('a')).toBe('1');
    now += 1;
    expect([await cache.get('a'), await cache.take('a')]).toEqual([null, null]);
    expect(await cache.count('c', 1, 500)).toEqual({ sum: 1, resetMs: 500 });
  });

  it('holds no more than it may: expired entries go first, then the oldest', async () => {
    const cache = createMemoryCache(clock, 2);
    await cache.set('old', '1', 10_000);
    await cache.set('short', '2', 10);
    now += 10;
    await cache.set('new', '3', 10_000);
    expect([await cache.get('old'), await cache.get('new')]).toEqual(['1', '3']);
    await cache.set('newer', '4', 10_000);
    expect([await cache.get('old'), await cache.get('new'), await cache.get('newer')]).toEqual([null, '3', '4']);
  });
});

describe('a cache in a Redis that is down', () => {
  it('rejects at once, with a code to retry on', async () => {
    const cache = await openRedisCache({ url: 'redis://127.0.0.1:1', log: silentLog });
    await expect(cache.get('k')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(cache.count('k', 1, 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await cache.close();
  });
});
