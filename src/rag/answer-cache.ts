/** Keeps answers for a while, and lets many who ask the same at once wait for one computation, on this node and on others. */
import type { Clock } from '../clock.ts';
import type { Cache } from '../shared/cache.ts';

/** An answer, with what belongs to it, and how long others may be given it, in milliseconds; 0 when nobody else may. */
export interface Computed<Answer extends object> {
  answer: Answer;
  keepMs: number;
}

/** Answers by key; anything that JSON can hold. */
export interface AnswerCache<Answer extends object> {
  /**
   * The kept answer, or that of whoever computes it already, or a computed one. While the cache is down everybody computes.
   *
   * @param compute called once at most
   * @throws what `compute` throws · the signal's reason
   */
  once(key: string, signal: AbortSignal, compute: () => Promise<Computed<Answer>>): Promise<{ answer: Answer; cached: boolean }>;
}

/** So long others wait for an answer whose node has died. While it lives it renews its lease, however long the answer takes. */
const leaseMs = 6_000;
const renewMs = 2_000;
const lookMs = 150;

/** What a computation came to for those who wait for it: an answer, nothing they may have, or a failure that is not theirs. */
type Outcome<Answer> = Answer | 'compute alone' | 'ask again';

/** Answers kept in the shared cache. */
export function createAnswerCache<Answer extends object>(cache: Cache, clock: Clock): AnswerCache<Answer> {
  /** What this node looks up or computes at present. */
  const asking = new Map<string, Promise<Outcome<Answer>>>();

  const look = async (key: string): Promise<Answer | null> => {
    const text = await cache.get(key);
    return text === null ? null : (JSON.parse(text) as Answer);
  };

  /** The kept answer, or how this node may give up its turn to compute it. */
  async function keptOrMine(key: string, signal: AbortSignal): Promise<Answer | (() => Promise<void>)> {
    const lease = `${key}:lease`;
    try {
      for (;;) {
        const kept = await look(key);
        if (kept !== null) return kept;
        const begun = clock.wall();
        if ((await cache.count(lease, 1, leaseMs)).sum === 1) {
          // Another node may have ended its turn since the look.
          const justKept = await look(key);
          if (justKept === null) return holdLease(cache, clock, lease, begun);
          await cache.delete(lease).catch(ignoreLoss);
          return justKept;
        }
        await within(signal, new Promise<void>((resolve) => clock.after(lookMs, resolve)));
      }
    } catch {
      // without the cache everybody computes for himself
      signal.throwIfAborted();
      return async () => {};
    }
  }

  async function computeForAll(
    key: string,
    compute: () => Promise<Computed<Answer>>,
    giveUp: () => Promise<void>,
  ): Promise<Computed<Answer>> {
    try {
      const computed = await compute();
      if (computed.keepMs > 0) await cache.set(key, JSON.stringify(computed.answer), computed.keepMs).catch(ignoreLoss);
      return computed;
    } finally {
      await giveUp();
    }
  }

  async function askForAll(key: string, signal: AbortSignal, compute: () => Promise<Computed<Answer>>) {
    const told = Promise.withResolvers<Outcome<Answer>>();
    asking.set(key, told.promise);
    let outcome: Outcome<Answer> = 'ask again';
    try {
      const found = await keptOrMine(key, signal);
      if (typeof found === 'object') {
        outcome = found;
        return { answer: found, cached: true };
      }
      const { answer, keepMs } = await computeForAll(key, compute, found);
      outcome = keepMs > 0 ? answer : 'compute alone';
      return { answer, cached: false };
    } finally {
      asking.delete(key);
      told.resolve(outcome);
    }
  }

  return {
    async once(key, signal, compute) {
      for (let outcome = asking.get(key); outcome !== undefined; outcome = asking.get(key)) {
        const other = await within(signal, outcome);
        if (other === 'compute alone') return { answer: (await compute()).answer, cached: false };
        if (other !== 'ask again') return { answer: other, cached: true };
      }
      return askForAll(key, signal, compute);
    },
  };
}

/** Renews a lease taken at `begun`, until it is given up. Once it has run out it may be another's, and is left alone. */
function holdLease(cache: Cache, clock: Clock, lease: string, begun: number): () => Promise<void> {
  let until = begun + leaseMs;
  let cancel = () => {};

  function renew(): void {
    const now = clock.wall();
    if (now >= until) return;
    cancel = clock.after(renewMs, renew);
    cache.set(lease, '1', leaseMs).then(() => {
      until = now + leaseMs;
    }, ignoreLoss);
  }
  cancel = clock.after(renewMs, renew);

  return async function giveUp() {
    cancel();
    if (clock.wall() < until) await cache.delete(lease).catch(ignoreLoss);
  };
}

/** @throws the signal's reason, once it has fired */
async function within<T>(signal: AbortSignal, waited: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([waited, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
}

/** What could not be kept is computed again. */
function ignoreLoss(): void {}
