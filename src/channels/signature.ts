/** HMAC-SHA-256 over bytes, as providers sign their requests, and comparisons that tell nothing by their time. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** The signature in lower-case hex. */
export function sign(secret: string, ...pieces: readonly (string | Uint8Array)[]): string {
  const mac = createHmac('sha256', secret);
  for (const piece of pieces) mac.update(piece);
  return mac.digest('hex');
}

/** Whether both texts are the same, in a time that depends on neither. */
export function sameText(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Whether the hex signature, of either case, is the one of these bytes. */
export function isSigned(hex: string | undefined, secret: string, ...pieces: readonly (string | Uint8Array)[]): boolean {
  return hex !== undefined && /^[0-9a-f]{64}$/i.test(hex) && sameText(hex.toLowerCase(), sign(secret, ...pieces));
}
