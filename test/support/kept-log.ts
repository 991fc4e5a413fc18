/** A Log that keeps every line, for tests of what is in them and what must not be. */
import type { Log } from '../../src/log.ts';

/** Lines as text; an error with its stack. */
export function keptLog(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const keep = (...parts: unknown[]) =>
    void lines.push(parts.map((part) => (part instanceof Error ? part.stack : JSON.stringify(part))).join(' '));
  return { log: { info: keep, warn: keep, error: keep }, lines };
}
