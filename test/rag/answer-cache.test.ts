/** Kept answers: one computation for many askers, on one node and on several. */
import { expect, onTestFinished, test } from 'vitest';
import type { Answer } from '../../src/answers.ts';
import { systemClock } from '../../src/clock.ts';
import { createAnswerCache } from '../../src/rag/answer-cache.ts';
import type { Cache } from '../../src/shared/cache.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { openRedisCache } from '../../src/shared/redis.ts';
import { type ManualClock, manualClock } from '../support/clock.ts';
import { silentLog } from '../support/silent-log.ts';

const never = new AbortController().signal;
const redisUrl = process.env.TEST_REDIS_URL;
const answer: Answer = { text: 'Yes [1]', citations: [], grounded: true, degraded: false, model: 'm', promptVersion: 'p' };

/** A computation that ends when it is let go. */
function slow(keepMs = 3_600_000) {
  const gate = Promise.withResolvers<void>();
  let count = 0;
  return {
    count: () => count,
    letGo: gate.resolve,
    async compute() {
      count += 1;
      await gate.promise;
      return { answer, keepMs };
    },
  };
}

/** Lets everything that waits for nothing but the processor go on. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('many who ask at once wait for one computation, and later ones are given what was kept', async () => {
  const clock = manualClock(0);
  const cache = createAnswerCache(createMemoryCache(clock), clock);
  const computation = slow();
  const asked = Array.from({ length: 50 }, () => cache.once('k', never, computation.compute));
  await settle();
  computation.letGo();
  const given = await Promise.all(asked);
  expect(computation.count()).toBe(1);
  expect(given.filter(({ cached }) => !cached)).toHaveLength(1);
  expect(await cache.once('k', never, computation.compute)).toEqual({ answer, cached: true });
});

test('nodes that share a cache compute once', async () => {
  const clock = manualClock(0);
  const shared = createMemoryCache(clock);
  const [here, there] = [createAnswerCache(shared, clock), createAnswerCache(shared, clock)];
  const computation = slow();
  const first = here.once('k', never, computation.compute);
  await settle();
  const second = there.once('k', never, computation.compute);
  await settle();
  computation.letGo();
  await first;
  for (let looks = 0; looks < 5; looks++) {
    clock.advance(150);
    await settle();
  }
  expect(await second).toEqual({ answer, cached: true });
  expect(computation.count()).toBe(1);
});

/** Turns the clock in small steps until `done`, or for `ms`. */
async function turn(clock: ManualClock, ms: number, done = () => false) {
  for (let turned = 0; turned < ms && !done(); turned += 150) {
    clock.advance(150);
    await settle();
  }
}

test.each([10_000, 119_000])('an answer that takes %d ms is computed by one node all the same', async (ms) => {
  const clock = manualClock(0);
  const shared = createMemoryCache(clock);
  const computation = slow();
  const first = createAnswerCache(shared, clock).once('k', never, computation.compute);
  await settle();
  const second = createAnswerCache(shared, clock).once('k', never, computation.compute);
  await turn(clock, ms);
  expect(computation.count()).toBe(1);
  computation.letGo();
  await first;
  await turn(clock, 300);
  expect(await second).toEqual({ answer, cached: true });
});

test('what a node that died was computing is computed by another within seconds', async () => {
  const clock = manualClock(0);
  const shared = createMemoryCache(clock);
  // A node that has stopped renews nothing: its clock stands still.
  void createAnswerCache(shared, manualClock(0)).once('k', never, () => new Promise(() => {}));
  await settle();
  const computation = slow();
  computation.letGo();
  const asked = createAnswerCache(shared, clock).once('k', never, computation.compute);
  await turn(clock, 60_000, () => computation.count() > 0);
  expect(clock.wall()).toBeLessThanOrEqual(6_300);
  expect(await asked).toEqual({ answer, cached: false });
});

test('a node that was away while another took its turn does not end that one', async () => {
  const clock = manualClock(0);
  // Held still as a whole: its timers do not fire, and time goes on.
  const away = { ...clock, after: () => () => {} };
  const shared = createMemoryCache(clock);
  const [late, second, third] = [slow(0), slow(), slow()];
  const first = createAnswerCache(shared, away).once('k', never, late.compute);
  await settle();
  const asked = createAnswerCache(shared, clock).once('k', never, second.compute);
  await turn(clock, 10_000, () => second.count() > 0);
  late.letGo();
  await first;
  const waiting = createAnswerCache(shared, clock).once('k', never, third.compute);
  await turn(clock, 600);
  expect(third.count()).toBe(0);
  second.letGo();
  await asked;
  await turn(clock, 300);
  expect(await waiting).toEqual({ answer, cached: true });
});

test('an answer that another node keeps just before the turn is taken is not computed again', async () => {
  const clock = manualClock(0);
  const shared = createMemoryCache(clock);
  const other = createAnswerCache(shared, clock);
  let looks = 0;
  const late: Cache = {
    ...shared,
    async get(key) {
      const kept = await shared.get(key);
      if (looks++ === 0) await other.once(key, never, async () => ({ answer, keepMs: 3_600_000 }));
      return kept;
    },
  };
  const computation = slow();
  computation.letGo();
  expect(await createAnswerCache(late, clock).once('k', never, computation.compute)).toEqual({ answer, cached: true });
  expect([computation.count(), await shared.get('k:lease')]).toEqual([0, null]);
});

test('what failed or may not be kept is computed by each', async () => {
  const clock = manualClock(0);
  const cache = createAnswerCache(createMemoryCache(clock), clock);
  await expect(cache.once('k', never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  const computation = slow(0);
  computation.letGo();
  await cache.once('k', never, computation.compute);
  expect(await cache.once('k', never, computation.compute)).toEqual({ answer, cached: false });
  expect(computation.count()).toBe(2);
});

test('who gives up waiting does not stop the others', async () => {
  const clock = manualClock(0);
  const cache = createAnswerCache(createMemoryCache(clock), clock);
  const computation = slow();
  const first = cache.once('k', never, computation.compute);
  await settle();
  const impatient = new AbortController();
  const second = cache.once('k', impatient.signal, computation.compute);
  await settle();
  impatient.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  computation.letGo();
  expect((await first).answer).toEqual(answer);
});

test('when the one who computes gives up, another of those who wait takes over', async () => {
  const clock = manualClock(0);
  const cache = createAnswerCache(createMemoryCache(clock), clock);
  const gate = Promise.withResolvers<never>();
  const first = cache.once('k', never, () => gate.promise);
  await settle();
  const computation = slow();
  computation.letGo();
  const others = [cache.once('k', never, computation.compute), cache.once('k', never, computation.compute)];
  gate.reject(new Error('gone'));
  await expect(first).rejects.toThrow('gone');
  expect((await Promise.all(others)).map((given) => given.answer)).toEqual([answer, answer]);
  expect(computation.count()).toBe(1);
});

test.skipIf(redisUrl === undefined)('nodes that share a Redis compute once, and leave no turn behind', async () => {
  const redis = await openRedisCache({ url: redisUrl ?? '', log: silentLog });
  onTestFinished(() => redis.close());
  const key = `answer:creator_${crypto.randomUUID()}`;
  const computation = slow();
  const first = createAnswerCache(redis, systemClock()).once(key, never, computation.compute);
  await expect.poll(computation.count).toBe(1);
  const second = createAnswerCache(redis, systemClock()).once(key, never, computation.compute);
  // A later count has heard of the turn, and does not prolong it.
  await expect.poll(async () => (await redis.count(`${key}:lease`, 0, 1)).sum).toBeGreaterThan(1);
  expect((await redis.count(`${key}:lease`, 0, 1)).resetMs).toBeLessThanOrEqual(6_000);
  computation.letGo();
  expect([(await first).cached, await second]).toEqual([false, { answer, cached: true }]);
  expect([computation.count(), await redis.get(`${key}:lease`)]).toEqual([1, null]);
});

test('without the cache everybody computes', async () => {
  const down = () => Promise.reject(new Error('down'));
  const broken: Cache = { get: down, set: down, take: down, delete: down, count: down, keys: down, close: down };
  const computation = slow();
  computation.letGo();
  expect(await createAnswerCache(broken, manualClock(0)).once('k', never, computation.compute)).toEqual({ answer, cached: false });
});
