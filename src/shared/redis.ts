/** Shared state of many nodes in Redis: the cache by keys that expire, the fan-out by publish and subscribe. */
import type { Log } from '../log.ts';
import type { Cache } from './cache.ts';
import type { FanOut } from './fan-out.ts';
import { createMemoryFanOut } from './memory.ts';
import { connectRedis, type RedisClient, withinPatience } from './redis-client.ts';

/** Topics remembered for later while nothing can be published. Beyond that the next news of a topic tells its listeners of the gap. */
const mostUnsaid = 100_000;

/** One step on the server, so that a window that has begun always ends. */
const countScript = `
  local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
  if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
  return {sum, redis.call('PTTL', KEYS[1])}`;

/**
 * A cache in Redis. While Redis is down every call rejects with AppError UNAVAILABLE, within two seconds; it recovers by itself.
 *
 * @param options.url `redis://…` or `rediss://…`
 */
export async function openRedisCache(options: { url: string; log: Log }): Promise<Cache> {
  const client = await connectRedis(options.url, 'cache', false, options.log);
  return {
    get: (key) => withinPatience(client.get(key)),
    async set(key, value, ttlMs) {
      await withinPatience(client.set(key, value, { expiration: { type: 'PX', value: Math.max(1, Math.ceil(ttlMs)) } }));
    },
    take: (key) => withinPatience(client.getDel(key)),
    async delete(key) {
      await withinPatience(client.del(key));
    },
    async count(key, amount, windowMs) {
      const script = { keys: [key], arguments: [String(amount), String(Math.max(1, Math.ceil(windowMs)))] };
      const [sum, resetMs] = (await withinPatience(client.eval(countScript, script))) as [number, number];
      return { sum, resetMs };
    },
    async keys(part) {
      const found = new Set<string>();
      const pages = client.scanIterator({ MATCH: `*${part}*`, COUNT: 1_000 });
      for (let page = await withinPatience(pages.next()); !page.done; page = await withinPatience(pages.next())) {
        for (const key of page.value) found.add(key);
      }
      return [...found];
    },
    close: async () => end(client),
  };
}

/**
 * A fan-out over Redis with two connections a process, one to publish and one that holds all subscriptions and renews them after a
 * loss. Within this node news goes directly, so a node alone works on while Redis is down.
 *
 * @param options.nodeId a new UUID for this process: tells what it hears from others from its own echo
 * @param options.onError hears what a subscriber threw
 */
export async function openRedisFanOut(options: {
  url: string;
  log: Log;
  nodeId: string;
  onError: (error: unknown) => void;
}): Promise<FanOut> {
  const { url, log, nodeId, onError } = options;
  const [publisher, subscriber] = await Promise.all([connectRedis(url, 'publish', false, log), connectRedis(url, 'subscribe', true, log)]);
  const local = createMemoryFanOut(onError);
  /** Who is to be told, by topic, when something may have been lost. */
  const subscribers = new Map<string, Set<() => void>>();
  /** Topics whose news could not be published; their subscribers elsewhere do not know that there was any. */
  const unsaid = new Set<string>();
  let dropped = 0;

  function relay(packet: string, topic: string): void {
    if (packet.startsWith(nodeId)) return;
    try {
      local.publish(topic, JSON.parse(packet.slice(nodeId.length)));
    } catch {
      // Nothing, or nothing that can be read: something was said that nobody heard.
      tellMissed(topic);
    }
  }

  function tellMissed(topic: string): void {
    for (const missed of subscribers.get(topic) ?? []) missed();
  }

  /** Asked anew whenever the connection comes back, should the first attempt be lost with it. */
  function askFor(topic: string): Promise<void> {
    return subscriber.subscribe(topic, relay).catch((error: unknown) => {
      log.warn('redis.subscribe.failed', { reason: error instanceof Error ? error.name : 'unknown' });
      subscriber.once('ready', () => {
        if (subscribers.has(topic)) void askFor(topic).then(() => tellMissed(topic));
      });
    });
  }

  function release(topic: string, missed: () => void): void {
    const left = subscribers.get(topic);
    left?.delete(missed);
    if (left === undefined || left.size > 0) return;
    subscribers.delete(topic);
    subscriber.unsubscribe(topic, relay).catch(() => {
      // the connection is gone, and the subscription with it
    });
  }

  function send(topic: string, news: string): void {
    publisher.publish(topic, nodeId + news).catch(() => {
      if (unsaid.size < mostUnsaid) unsaid.add(topic);
      dropped += 1;
      // Logged at 1, 10, 100, …: an outage must not flood the log.
      if (Math.log10(dropped) % 1 === 0) log.warn('redis.publish.dropped', { dropped });
    });
  }

  publisher.on('ready', () => {
    const topics = [...unsaid];
    unsaid.clear();
    // Nothing where news should be tells of the gap.
    for (const topic of topics) send(topic, '');
  });
  // Emitted once the subscriptions are in force again.
  subscriber.on('ready', () => {
    for (const topic of subscribers.keys()) tellMissed(topic);
  });

  return {
    publish(topic, news) {
      local.publish(topic, news);
      send(topic, JSON.stringify(news));
    },
    async subscribe(topic, hear, missed = () => undefined) {
      const stop = await local.subscribe(topic, hear);
      const own = () => missed();
      subscribers.set(topic, (subscribers.get(topic) ?? new Set()).add(own));
      await withinPatience(askFor(topic)).catch(() => log.warn('redis.subscribe.late'));
      let stopped = false;
      return () => {
        if (stopped) return;
        stopped = true;
        stop();
        release(topic, own);
      };
    },
    async close() {
      await local.close();
      end(publisher);
      end(subscriber);
    },
  };
}

/** Ends a connection at once; what still waits for an answer is rejected. */
function end(client: RedisClient): void {
  if (client.isOpen) client.destroy();
}
