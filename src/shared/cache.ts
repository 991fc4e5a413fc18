/** The port to short-lived shared values: one-use tickets, revocations, counters. Kept by `memory.ts` and `redis.ts`. */

/** Values that expire. Keys are built as `kind:creator_{creator_id}:id`. Losing all of them loses no acked input. */
export interface Cache {
  get(key: string): Promise<string | null>;
  /** @param ttlMs milliseconds until the value is gone */
  set(key: string, value: string, ttlMs: number): Promise<void>;
  /** Gets and removes in one step: of many callers only one receives the value. */
  take(key: string): Promise<string | null>;
  delete(key: string): Promise<void>;
  /** Adds `amount` to the counter of a window that starts with its first count. Gives the sum so far and when the window ends. */
  count(key: string, amount: number, windowMs: number): Promise<{ sum: number; resetMs: number }>;
  /** The keys that contain `part`, for jobs that forget: looks at every key there is. */
  keys(part: string): Promise<string[]>;
  close(): Promise<void>;
}
