/** Load on open conversations: a closed loop that finds the rate, and an open one that finds what people wait at a given rate. */

/** One open conversation: says something, and calls back when the whole turn has been answered, in the order of the calls. */
export interface Talker {
  say(answered: () => void): void;
  close(): void;
}

/** Waits that were measured, in milliseconds. */
export interface Waits {
  p50: number;
  p95: number;
  p99: number;
  most: number;
}

/** What a closed loop found. */
export interface Loaded {
  perSecond: number;
  waits: Waits;
}

/** Every conversation speaks again as soon as it is answered. What happens within `warmMs` does not count. */
export async function closedLoop(talkers: readonly Talker[], warmMs: number, ms: number): Promise<Loaded> {
  const waits: number[] = [];
  const from = performance.now() + warmMs;
  const until = from + ms;
  await Promise.all(
    talkers.map(
      (talker) =>
        new Promise<void>((resolve) => {
          let asked = performance.now();
          const answered = () => {
            const now = performance.now();
            if (now > from && now <= until) waits.push(now - asked);
            if (now > until) return resolve();
            asked = now;
            talker.say(answered);
          };
          talker.say(answered);
        }),
    ),
  );
  return { perSecond: (waits.length * 1000) / ms, waits: waitsOf(waits) };
}

/**
 * The conversations speak in turn, so many times a second, whether or not they have been answered. Waits count from the moment
 * the message was due, so a server that falls behind cannot hide it.
 *
 * @param isOver ends it before its time
 */
export async function openLoop(
  talkers: readonly Talker[],
  perSecond: number,
  warmMs: number,
  ms: number,
  isOver: () => boolean = () => false,
): Promise<Waits> {
  const waits: number[] = [];
  const began = performance.now();
  let total = Math.floor((perSecond * (warmMs + ms)) / 1000);
  let said = 0;
  await new Promise<void>((resolve) => {
    let answers = 0;
    const speak = () => {
      if (isOver()) total = said;
      if (total === answers) return resolve();
      const due = Math.min(total, 1 + Math.floor(((performance.now() - began) * perSecond) / 1000));
      for (; said < due; said += 1) {
        const dueAt = (said * 1000) / perSecond;
        (talkers[said % talkers.length] as Talker).say(() => {
          if (dueAt >= warmMs) waits.push(performance.now() - began - dueAt);
          answers += 1;
          if (answers === total) resolve();
        });
      }
      if (said < total) setTimeout(speak, 1);
    };
    speak();
  });
  return waitsOf(waits);
}

/** One message at a time, with a pause in which the server has nothing to do. */
export async function singleMessages(talkers: readonly Talker[], count: number, pauseMs: number): Promise<Waits> {
  const waits: number[] = [];
  for (let n = 0; n < count; n += 1) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    waits.push(await sayOnce(talkers[n % talkers.length] as Talker));
  }
  return waitsOf(waits);
}

/** Says one thing and gives the wait for its answer, in milliseconds. */
export async function sayOnce(talker: Talker): Promise<number> {
  const asked = performance.now();
  await new Promise<void>((resolve) => talker.say(resolve));
  return performance.now() - asked;
}

/** The spread of waits. */
export function waitsOf(waits: number[]): Waits {
  const sorted = Float64Array.from(waits).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), most: at(1) };
}
