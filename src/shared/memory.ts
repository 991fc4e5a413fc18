/** Shared state of a single process: a bounded cache and a fan-out that calls its subscribers. What runs without Redis. */
import type { Clock } from '../clock.ts';
import type { Cache } from './cache.ts';
import type { FanOut } from './fan-out.ts';

interface Entry {
  value: string;
  /** Wall time in milliseconds at which the entry is gone. */
  until: number;
}

/** How many of the oldest entries are looked at to find room. */
const sweepWidth = 100;

/**
 * A cache in this process. Bounded: when full, the entry written longest ago makes room.
 *
 * @param maxEntries how many entries it holds at most
 */
export function createMemoryCache(clock: Clock, maxEntries = 100_000): Cache {
  const entries = new Map<string, Entry>();

  function alive(key: string): Entry | undefined {
    const entry = entries.get(key);
    if (entry === undefined || entry.until > clock.wall()) return entry;
    entries.delete(key);
    return undefined;
  }

  function put(key: string, entry: Entry): void {
    entries.delete(key);
    if (entries.size >= maxEntries) makeRoom();
    entries.set(key, entry);
  }

  /** Drops what has expired among the oldest; if nothing there has, the oldest itself. */
  function makeRoom(): void {
    const now = clock.wall();
    let seen = 0;
    for (const [key, entry] of entries) {
      if (seen++ === sweepWidth) break;
      if (entry.until <= now) entries.delete(key);
    }
    const oldest = entries.keys().next();
    if (entries.size >= maxEntries && !oldest.done) entries.delete(oldest.value);
  }

  return {
    get: async (key) => alive(key)?.value ?? null,
    set: async (key, value, ttlMs) => put(key, { value, until: clock.wall() + ttlMs }),
    async take(key) {
      const value = alive(key)?.value ?? null;
      entries.delete(key);
      return value;
    },
    async delete(key) {
      entries.delete(key);
    },
    async count(key, amount, windowMs) {
      const entry = alive(key) ?? { value: '0', until: clock.wall() + windowMs };
      const sum = Number(entry.value) + amount;
      // Written back in place: a counter that goes on must not outlive, by its activity, the entries written after it.
      if (entries.has(key)) entries.set(key, { ...entry, value: String(sum) });
      else put(key, { ...entry, value: String(sum) });
      return { sum, resetMs: entry.until - clock.wall() };
    },
    keys: async (part) => [...entries.keys()].filter((key) => key.includes(part) && alive(key) !== undefined),
    close: async () => entries.clear(),
  };
}

/**
 * A fan-out within this process. News is heard after the publisher has gone on, in the order of publishing.
 *
 * @param onError hears what a subscriber threw; the others still hear the news
 */
export function createMemoryFanOut(onError: (error: unknown) => void): FanOut {
  const topics = new Map<string, Set<(news: unknown) => void>>();

  function tell(topic: string, news: unknown): void {
    for (const hear of topics.get(topic) ?? []) {
      try {
        hear(news);
      } catch (error) {
        onError(error);
      }
    }
  }

  return {
    publish(topic, news) {
      if (topics.has(topic)) queueMicrotask(() => tell(topic, news));
    },
    async subscribe(topic, hear) {
      // Wrapped, so that the same function may subscribe twice and end each on its own.
      const listener = (news: unknown) => hear(news);
      const listeners = topics.get(topic) ?? new Set();
      topics.set(topic, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic);
      };
    },
    close: async () => topics.clear(),
  };
}
