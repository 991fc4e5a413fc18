/** Remembers what was read from the database for as long as a creator's knowledge has the same version. */

/** Gives what is remembered under the key at this version, or looks it up. */
export type Remember<T> = (key: string, version: number, lookUp: () => Promise<T>) => Promise<T>;

/**
 * A memory that forgets what has not been asked for longest.
 *
 * @param most the sum of `sizeOf` that is remembered; a single larger one is remembered too, until the next
 */
export function createRemember<T>(most: number, sizeOf: (value: T) => number): Remember<T> {
  const kept = new Map<string, { version: number; value: T }>();
  let size = 0;

  function forget(key: string): void {
    const entry = kept.get(key);
    if (entry === undefined) return;
    size -= sizeOf(entry.value);
    kept.delete(key);
  }

  return async function remember(key, version, lookUp) {
    const known = kept.get(key);
    const value = known?.version === version ? known.value : await lookUp();
    forget(key);
    for (const [oldest] of kept) {
      if (size + sizeOf(value) <= most) break;
      forget(oldest);
    }
    // Last in the map: asked for last.
    kept.set(key, { version, value });
    size += sizeOf(value);
    return value;
  };
}
