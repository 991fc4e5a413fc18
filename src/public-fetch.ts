/** `fetch` for addresses that strangers name: it connects to public addresses only, checked at the moment of connecting. */
import { lookup } from 'node:dns';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Readable } from 'node:stream';

/** What a caller may ask: as with `fetch`, a body of text, no redirects. */
export type PublicFetch = (url: string, init: RequestInit) => Promise<Response>;

/** The address is of this machine, a private network or another special range. */
export class NotPublicError extends Error {
  override readonly name = 'NotPublicError';
  readonly code = 'ENOTFOUND';
}

/** Special ranges of the IANA registries (RFC 6890 and its successors), and multicast. */
const special = new BlockList();
for (const range of [
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24',
  '192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3',
].flatMap((line) => line.split(' '))) {
  const [net = '', bits] = range.split('/');
  special.addSubnet(net, Number(bits), 'ipv4');
}
/** Of IPv6 only 2000::/3 is given to anybody; in it, tunnels and documentation. */
const globalUnicast = new BlockList();
globalUnicast.addSubnet('2000::', 3, 'ipv6');
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  special.addSubnet(net, bits, 'ipv6');

/** Whether anybody on the Internet has this IP address. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !special.check(address, 'ipv4');
  return isIP(address) === 6 && globalUnicast.check(address, 'ipv6') && !special.check(address, 'ipv6');
}

/** Resolves a name as usual and refuses it when any of its addresses is not public. */
const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) callback(error ?? new NotPublicError('Cannot resolve the name'), '', 0);
    else if (!addresses.every(({ address }) => isPublicAddress(address)))
      callback(new NotPublicError('The name leads to a private network'), '', 0);
    else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

/**
 * @returns a fetch of https addresses on port 443 that rejects with NotPublicError, redirects not followed
 * @param allowed origins that are asked all the same, though private, without TLS or on another port
 */
export function createPublicFetch(allowed: readonly string[]): PublicFetch {
  return function publicFetch(address, init) {
    const url = new URL(address);
    if (allowed.includes(url.origin)) return ask(url, init, {});
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const isWeb = url.protocol === 'https:' && url.port === '';
    if (!isWeb || (isIP(host) !== 0 && !isPublicAddress(host))) return Promise.reject(new NotPublicError('The address is not public'));
    return ask(url, init, { lookup: publicLookup });
  };
}

function ask(url: URL, { method = 'GET', headers, body, signal }: RequestInit, options: { lookup?: LookupFunction }): Promise<Response> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  const sent = { ...options, method, headers: Object.fromEntries(new Headers(headers)), agent: false, ...(signal ? { signal } : {}) };
  return new Promise((resolve, reject) => {
    const asking = request(url, sent, (incoming) => resolve(responseOf(incoming)));
    // As `fetch` does: the cause tells a connection that never was from one that broke.
    asking.on('error', (cause) => reject(new TypeError('Cannot fetch', { cause })));
    asking.end(typeof body === 'string' ? body : undefined);
  });
}

function responseOf(incoming: IncomingMessage): Response {
  const status = incoming.statusCode ?? 502;
  const headers = new Headers();
  for (const [name, values] of Object.entries(incoming.headersDistinct)) for (const value of values ?? []) headers.append(name, value);
  const bodiless = status < 200 || status === 204 || status === 205 || status === 304;
  if (bodiless) incoming.resume();
  return new Response(bodiless ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>), {
    status: Math.max(200, status),
    headers,
  });
}
