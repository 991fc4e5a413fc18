/** Keeps answers for a while, and lets many who ask the same at once wait for one computation, on this node and on others. */
import type { Answer } from '../answers.ts';
import type { Clock } from '../clock.ts';
import type { Cache } from '../shared/cache.ts';

/** An answer and whether another may be given it. */
export interface Computed {
  answer: Answer;
  keep: boolean;
}

/** Answers by key. */
export interface AnswerCache {
  /**
   * The kept answer, or that of whoever computes it already, or a computed one. While the cache is down everybody computes.
   *
   * @param compute called once at most
   * @throws what `compute` throws · the signal's reason
   */
  once(key: string, signal: AbortSignal, compute: () => Promise<Computed>): Promise<{ answer: Answer; cached: boolean }>;
}

const keepMs = 3_600_000;
/** As long as an answer may take; then another computes it. */
const leaseMs = 60_000;
const lookMs = 150;

/** Answers kept in the shared cache. */
export function createAnswerCache(cache: Cache, clock: Clock): AnswerCache {
  /** What this node computes at present; null when it came to nothing that others may have. */
  const computing = new Map<string, Promise<Answer | null>>();

  const look = async (key: string): Promise<Answer | null> => {
    const text = await cache.get(key);
    return text === null ? null : (JSON.parse(text) as Answer);
  };
  /** Whether nobody on any node computes it. */
  const lead = async (key: string) => (await cache.count(`${key}:lease`, 1, leaseMs)).sum === 1;

  async function computeFor(key: string, compute: () => Promise<Computed>): Promise<Computed> {
    const told = Promise.withResolvers<Answer | null>();
    computing.set(key, told.promise);
    let kept: Answer | null = null;
    try {
      const computed = await compute();
      if (computed.keep) {
        kept = computed.answer;
        await cache.set(key, JSON.stringify(kept), keepMs).catch(ignoreLoss);
      }
      return computed;
    } finally {
      computing.delete(key);
      told.resolve(kept);
      await cache.delete(`${key}:lease`).catch(ignoreLoss);
    }
  }

  return {
    async once(key, signal, compute) {
      try {
        for (;;) {
          const kept = (await look(key)) ?? (await within(signal, computing.get(key) ?? null));
          if (kept !== null) return { answer: kept, cached: true };
          if (computing.has(key)) continue;
          if (await lead(key)) break;
          await within(signal, new Promise<void>((resolve) => clock.after(lookMs, resolve)));
        }
      } catch {
        // without the cache everybody computes for himself
        signal.throwIfAborted();
      }
      return { answer: (await computeFor(key, compute)).answer, cached: false };
    },
  };
}

async function within<T>(signal: AbortSignal, waited: Promise<T> | null): Promise<T | null> {
  if (waited === null) return null;
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.throwIfAborted();
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([waited, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
}

/** What could not be kept is computed again. */
function ignoreLoss(): void {}
