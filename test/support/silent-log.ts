/** A log that keeps nothing, for tests that do not look at it. */
import type { Log } from '../../src/log.ts';

export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
