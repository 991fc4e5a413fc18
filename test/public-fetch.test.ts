/** Calls to addresses that strangers name: what is refused, when it is kept and when it is called. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, test } from 'vitest';
import { checkPublic, createPublicFetch, isPublicAddress, NotPublicError, type Resolve } from '../src/public-fetch.ts';

/** Names as an attacker could register them. */
const names: Record<string, string[]> = {
  'public.example': ['93.184.216.34'],
  'both.example': ['93.184.216.34', '10.0.0.1'],
  'loopback.example': ['127.0.0.1'],
  '127.0.0.1.nip.example': ['127.0.0.1'],
  'metadata.example': ['169.254.169.254'],
  'cgnat.example': ['100.64.0.1'],
  'ula.example': ['fd00::1'],
  'mapped.example': ['::ffff:10.0.0.1'],
  'nat64.example': ['64:ff9b::a00:1'],
  'sixtofour.example': ['2002:a00:1::'],
  'empty.example': [],
  'coach.example': ['93.184.216.34'],
};
const resolve: Resolve = async (name) => {
  const addresses = names[name];
  if (addresses === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
  return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
};
const options = { allowed: [], ownHosts: ['coach.example'], resolve };

async function listen(handler: RequestListener): Promise<{ port: number; hits: () => number }> {
  let hits = 0;
  const server = createServer((request, response) => {
    hits += 1;
    handler(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, hits: () => hits };
}

const refused = [
  'http://public.example',
  'https://127.0.0.1',
  'https://2130706433',
  'https://0x7f.1',
  'https://[::1]',
  'https://[::ffff:169.254.169.254]',
  'https://93.184.216.34',
  'https://127.0.0.1.nip.example',
  'https://user@public.example',
  'https://user:secret@public.example',
  'https://public.example:22',
  'https://public.example:8443',
  'https://public.example.',
  'https://localhost',
  'https://printer.localhost',
  'https://intranet',
  'https://both.example',
  'https://loopback.example',
  'https://metadata.example',
  'https://cgnat.example',
  'https://ula.example',
  'https://mapped.example',
  'https://nat64.example',
  'https://sixtofour.example',
  'https://empty.example',
  'https://unknown.example',
  'ftp://public.example',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'not an address',
  '',
];

describe('row 42: an address of a stranger', () => {
  test.each(refused)('%s is refused when it is kept', async (address) => {
    await expect(checkPublic(address, options)).rejects.toBeInstanceOf(NotPublicError);
  });

  test.each(refused.filter((address) => URL.canParse(address)))('%s is not called', async (address) => {
    const fetch = createPublicFetch(options);
    const failure: unknown = await fetch(address, {}).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    if (!address.includes('unknown')) {
      expect(failure instanceof TypeError ? failure.cause : failure).toBeInstanceOf(NotPublicError);
    }
  });

  test('is kept when it is public, and when the operator allows it', async () => {
    await checkPublic('https://public.example/hooks?id=1', options);
    await checkPublic('http://10.0.0.7:8080/x', { ...options, allowed: ['http://10.0.0.7:8080'] });
    await expect(checkPublic('http://10.0.0.7:8081/x', { ...options, allowed: ['http://10.0.0.7:8080'] })).rejects.toThrow();
  });

  test('whose name leads elsewhere the second time is caught at the moment of connecting', async () => {
    const inside = await listen((_, response) => response.end('inside'));
    let asked = 0;
    const rebinding: Resolve = async () => [{ address: asked++ === 0 ? '93.184.216.34' : '127.0.0.1', family: 4 }];
    await checkPublic('https://rebind.example', { allowed: [], resolve: rebinding });
    const failure: unknown = await createPublicFetch({ allowed: [], resolve: rebinding })('https://rebind.example', {}).catch(
      (error: unknown) => error,
    );
    expect((failure as TypeError).cause).toBeInstanceOf(NotPublicError);
    expect([asked, inside.hits()]).toEqual([2, 0]);
  });
});

test('row 44: our own names are not called', async () => {
  await expect(checkPublic('https://coach.example/api/v1/auth/login', options)).rejects.toBeInstanceOf(NotPublicError);
  await expect(createPublicFetch(options)('https://coach.example/api/v1/auth/login', {})).rejects.toBeInstanceOf(NotPublicError);
});

test('row 43: a redirect is an answer, never followed', async () => {
  const inside = await listen((_, response) => response.end('secret'));
  const outside = await listen((_, response) => {
    response.writeHead(302, { Location: `http://127.0.0.1:${inside.port}/` });
    response.end();
  });
  const origin = `http://127.0.0.1:${outside.port}`;
  const response = await createPublicFetch({ allowed: [origin, `http://127.0.0.1:${inside.port}`] })(origin, {});
  expect([response.status, inside.hits()]).toEqual([302, 0]);
});

test.each([
  ['1.1.1.1', true],
  ['192.168.1.1', false],
  ['172.31.255.255', false],
  ['172.32.0.1', true],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['2606:4700::1111', true],
  ['fe80::1', false],
  ['ff02::1', false],
  ['2001:db8::1', false],
  ['::', false],
  ['nonsense', false],
])('%s is public: %s', (address, expected) => expect(isPublicAddress(address)).toBe(expected));
