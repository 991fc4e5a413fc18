/** What the widget does when its socket closes or a call fails: one table, and the waiting time between tries. */

/** What follows: try again, begin another session, or stop. `minimumMs` is the shortest wait. */
export interface AfterClose {
  next: 'retry' | 'renew' | 'stop';
  minimumMs: number;
  /** Whether the message in flight is to blame: always, or when it happens again. */
  blames: 'never' | 'repeated' | 'always';
}

const retry: AfterClose = { next: 'retry', minimumMs: 0, blames: 'never' };

const closeTable: Readonly<Record<number, AfterClose>> = {
  1008: { next: 'retry', minimumMs: 5_000, blames: 'repeated' },
  1009: { next: 'retry', minimumMs: 0, blames: 'always' },
  1013: { next: 'retry', minimumMs: 5_000, blames: 'never' },
  4401: { next: 'renew', minimumMs: 0, blames: 'never' },
  4403: { next: 'stop', minimumMs: 0, blames: 'never' },
};

/** What a WebSocket close code asks for. Every code that is not in the contract means: try again. */
export function afterClose(code: number): AfterClose {
  return closeTable[code] ?? retry;
}

/** What a failed call asks for, by its HTTP status; 0 is a server that was not reached. */
export function afterStatus(status: number): AfterClose {
  if (status === 401) return { ...retry, next: 'renew' };
  if (status === 400 || status === 403 || status === 404) return { ...retry, next: 'stop' };
  return status === 429 ? { ...retry, minimumMs: 5_000 } : retry;
}

/**
 * Exponential backoff with jitter: between half and all of 0.5 s, 1 s, 2 s, … 30 s.
 *
 * @param attempt tries that failed so far, from 0
 * @param random at least 0, below 1
 */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(30_000, 500 * 2 ** Math.min(attempt, 10));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
