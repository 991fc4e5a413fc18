/** The client's address as far as trusted proxies vouch for it. */

/**
 * Each trusted proxy appends the address it saw, so with `hops` proxies the client is the `hops`-th entry from the right;
 * everything further left is the client's own claim and is not read. Of IPv6 only the /64 counts: one customer has all of it.
 *
 * @param peer the connection's other end
 */
export function clientAddress(peer: string | undefined, forwardedFor: string | undefined, hops: number): string {
  const vouched = hops > 0 ? forwardedFor?.split(',').at(-hops)?.trim() : undefined;
  return networkOf(vouched || peer || 'unknown');
}

function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array.from({ length: zeros }, () => '0'), ...last];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
