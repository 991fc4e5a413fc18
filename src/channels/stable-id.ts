/** UUIDs that are the same for the same words: what a repeated webhook makes, it makes once. */
import { createHash } from 'node:crypto';

/** A UUID v8 (RFC 9562 §5.8) out of a SHA-256 of the words. */
export function stableUuid<Id extends string>(...words: readonly string[]): Id {
  const bytes = createHash('sha256').update(JSON.stringify(words)).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}` as Id;
}
