/** What browsers may do on a page of ours that has the chat on it. */
import type { Context } from 'hono';

const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; media-src 'self' https:; connect-src 'self'; " +
  "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Lets the page run our scripts, show pictures of a creator's own site, and ask the person for the microphone and the place. */
export function setChatPageHeaders(c: Context): void {
  c.header('Content-Security-Policy', contentPolicy);
  c.header('Permissions-Policy', 'camera=(), geolocation=(self), microphone=(self), payment=()');
  c.header('Referrer-Policy', 'strict-origin-when-cross-origin');
  c.header('Cache-Control', 'no-cache');
}
