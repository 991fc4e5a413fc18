/** Waiting for what happens by itself. */
import { vi } from 'vitest';

/** Resolves with what `check` gives once it holds. Patient, since a busy machine is no fault of the code; what never comes fails the test. */
export function soon<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: 15_000, interval: 20 });
}
