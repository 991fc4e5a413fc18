/** The client's address as far as trusted proxies vouch for it. */

/**
 * Each trusted proxy appends the address it saw, so with `hops` proxies the client is the `hops`-th entry from the right;
 * everything further left is the client's own claim and is not read.
 *
 * @param peer the connection's other end
 */
export function clientAddress(peer: string | undefined, forwardedFor: string | undefined, hops: number): string {
  const vouched = hops > 0 ? forwardedFor?.split(',').at(-hops)?.trim() : undefined;
  return vouched || peer || 'unknown';
}
