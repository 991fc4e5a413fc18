/** Secrets that name where they belong: opaque texts of which only the digest is kept. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isUuid } from '../ids.ts';

/** 32 unguessable bytes. */
const secretBytes = 32;

/** A new text `<prefix><ids><secret>` in base64url, with the UUIDs it names in the open, and the digest to keep. */
export function newSecret(prefix: string, uuids: readonly string[]): { text: string; digest: string } {
  const named = uuids.map((uuid) => Buffer.from(uuid.replaceAll('-', ''), 'hex'));
  const text = `${prefix}${Buffer.concat([...named, crypto.getRandomValues(new Uint8Array(secretBytes))]).toString('base64url')}`;
  return { text, digest: digestOf(text) };
}

/** The UUIDs a text names and its digest; undefined for what has not the shape. Says nothing about whether the secret is right. */
export function readSecret(prefix: string, count: number, text: string): { uuids: string[]; digest: string } | undefined {
  if (!text.startsWith(prefix) || text.length > 200) return undefined;
  const body = text.slice(prefix.length);
  const bytes = Buffer.from(body, 'base64url');
  if (bytes.byteLength !== 16 * count + secretBytes || bytes.toString('base64url') !== body) return undefined;
  const uuids = Array.from({ length: count }, (_, index) => {
    const hex = bytes.toString('hex', 16 * index, 16 * (index + 1));
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  });
  return uuids.every(isUuid) ? { uuids, digest: digestOf(text) } : undefined;
}

/** Compares without telling by time where two digests differ. */
export function sameDigest(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.byteLength === right.byteLength && timingSafeEqual(left, right);
}

/** A secret of 256 random bits needs no slow hash. */
function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
