/** A Log that keeps silent. */
import type { Log } from '../../src/log.ts';

export const quietLog: Log = { info() {}, warn() {}, error() {} };
