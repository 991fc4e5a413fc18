/** Time as an input: the conversation clock that programs live by, and the wall clock that leases and tokens live by. */

export interface Clock {
  /** Conversation time in milliseconds since 1970: what timers, quiet hours and `now` in expressions mean. May run faster than the wall. */
  now(): number;
  /** Wall time in milliseconds since 1970: leases, tokens, limits. */
  wall(): number;
  /** Milliseconds of wall time until conversation time reaches `at`; 0 when it has. */
  wallUntil(at: number): number;
  /** Calls back once after `ms` of wall time; the returned function cancels. Never keeps the process alive. */
  after(ms: number, call: () => void): () => void;
}

/**
 * The clock of a serving process. With a `rate` above 1 conversation time runs that many times faster than the wall,
 * counted from `anchor`, so that a program of weeks can be tried in minutes.
 *
 * @param anchor wall time in milliseconds at which both clocks agreed
 */
export function systemClock(rate = 1, anchor = 0): Clock {
  const now = () => (rate === 1 ? Date.now() : Math.floor(anchor + (Date.now() - anchor) * rate));
  return {
    now,
    wall: () => Date.now(),
    wallUntil: (at) => Math.max(0, Math.ceil((at - now()) / rate)),
    after(ms, call) {
      const timer = setTimeout(call, Math.min(ms, 2 ** 31 - 1));
      if (typeof timer === 'object') timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

let written = { at: Number.NaN, text: '' };

/** An instant (milliseconds since 1970) in ISO 8601, UTC. What happens together is written once: the last one is kept. */
export function instantText(at: number): string {
  if (at !== written.at) written = { at, text: new Date(at).toISOString() };
  return written.text;
}
