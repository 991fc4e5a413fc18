/** `fetch` for addresses that strangers name: it connects to public addresses only, checked at the moment of connecting. */
import { lookup } from 'node:dns/promises';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Readable } from 'node:stream';

/** What a caller may ask: as with `fetch`, a body of text or bytes, no redirects. */
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

/** All addresses of a name; rejects when there is none. */
export type Resolve = (hostname: string) => Promise<readonly { address: string; family: number }[]>;

const resolveBySystem: Resolve = (hostname) => lookup(hostname, { all: true });

/** Resolves a name at the moment of connecting and connects to what was checked, so that a second answer cannot differ from the first. */
function checkedLookup(resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    checkName(resolve, hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (options.all) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 0),
    );
  };
}

type Addresses = readonly [{ address: string; family: number }, ...{ address: string; family: number }[]];

/** The addresses of a name, every one of them public. @throws NotPublicError */
async function checkName(resolve: Resolve, hostname: string): Promise<Addresses> {
  const addresses = await resolve(hostname);
  const [first, ...others] = addresses;
  if (first === undefined) throw new NotPublicError('Cannot resolve the name');
  if (!addresses.every(({ address }) => isPublicAddress(address))) throw new NotPublicError('The name leads to a private network');
  return [first, ...others];
}

/** What the addresses of strangers are held against. */
export interface PublicFetchOptions {
  /** Origins that are asked all the same, though private, without TLS or on another port. */
  allowed: readonly string[];
  /** Host names of this installation: it does not call itself. */
  ownHosts?: readonly string[];
  /** How names become addresses; the system's own unless told. */
  resolve?: Resolve;
}

/** Whether an address has the form that is called at all: https on port 443, a name with a dot, no user, none of our own. */
function isWebAddress(url: URL, ownHosts: readonly string[]): boolean {
  const host = url.hostname;
  const isName = isIP(host.replace(/^\[|\]$/g, '')) === 0 && /^[^.].*\.[^.\d][^.]*$/.test(host) && !host.endsWith('.localhost');
  const isPlain = url.protocol === 'https:' && url.port === '' && url.username === '' && url.password === '';
  return isPlain && isName && !ownHosts.includes(host);
}

/**
 * Checks an address before it is kept, as each call will check it again.
 *
 * @throws NotPublicError it is none that `createPublicFetch` would call now
 */
export async function checkPublic(
  address: string,
  { allowed, ownHosts = [], resolve = resolveBySystem }: PublicFetchOptions,
): Promise<void> {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url !== null && allowed.includes(url.origin) && url.username === '') return;
  if (url === null || !isWebAddress(url, ownHosts)) throw new NotPublicError('The address is not public');
  await checkName(resolve, url.hostname).catch((cause: unknown) => {
    throw cause instanceof NotPublicError ? cause : new NotPublicError('Cannot resolve the name', { cause });
  });
}

/** @returns a fetch of https addresses on port 443 that rejects with NotPublicError, redirects not followed */
export function createPublicFetch({ allowed, ownHosts = [], resolve = resolveBySystem }: PublicFetchOptions): PublicFetch {
  return function publicFetch(address, init) {
    const url = new URL(address);
    if (allowed.includes(url.origin)) return ask(url, init, {});
    if (!isWebAddress(url, ownHosts)) return Promise.reject(new NotPublicError('The address is not public'));
    return ask(url, init, { lookup: checkedLookup(resolve) });
  };
}

function ask(url: URL, { method = 'GET', headers, body, signal }: RequestInit, options: { lookup?: LookupFunction }): Promise<Response> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  const sent = { ...options, method, headers: Object.fromEntries(new Headers(headers)), agent: false, ...(signal ? { signal } : {}) };
  return new Promise((resolve, reject) => {
    const asking = request(url, sent, (incoming) => resolve(responseOf(incoming)));
    // As `fetch` does: the cause tells a connection that never was from one that broke.
    asking.on('error', (cause) => reject(new TypeError('Cannot fetch', { cause })));
    asking.end(typeof body === 'string' || body instanceof Uint8Array ? body : undefined);
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
