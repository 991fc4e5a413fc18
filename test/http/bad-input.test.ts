/** What strangers send: bodies, lists, tokens and methods that must be refused. */
import { exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { testApp } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';

const database = await testDatabase();
const clock = manualClock(Date.UTC(2026, 0, 1));
const { app, newMember, keyring: keys, tokens, ids } = await testApp(database, clock);
const ana = await newMember();
const ben = await newMember();

async function errorOf(response: Response) {
  const { error } = (await response.json()) as { error: Record<string, unknown> };
  return error;
}

describe('a body that is no acceptable JSON', () => {
  const nested = `${'['.repeat(8_000)}${']'.repeat(8_000)}`;
  const bodies: [string, string | Uint8Array, number][] = [
    ['malformed', '{"display_name":', 400],
    ['empty', '', 400],
    ['not an object', '[]', 400],
    ['null', 'null', 400],
    ['with an unknown key', '{"display_name":"A","role":"owner"}', 400],
    ['with a wrong type', '{"display_name":{"$ne":null}}', 400],
    ['with __proto__', '{"display_name":"A","__proto__":{"role":"owner"}}', 400],
    ['with constructor', '{"display_name":"A","constructor":{}}', 400],
    ['with NUL', '{"display_name":"A\\u0000"}', 400],
    ['with a lone surrogate', '{"display_name":"\\ud800"}', 400],
    ['with a number beyond double', '{"display_name":1e400}', 400],
    ['with a repeated key', '{"display_name":"A","display_name":"B"}', 400],
    ['with a key repeated by an escape', '{"display_name":"A","display_n\\u0061me":"B"}', 400],
    ['nested 8,000 deep', nested, 400],
    ['invalid UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), 400],
    ['of 10 MB', `{"display_name":"${'a'.repeat(10_000_000)}"}`, 413],
  ];
  test.each(bodies)('%s is refused', async (_, body, status) => {
    const response = await app.request('/api/v1/auth/me', {
      method: 'PATCH',
      headers: { Authorization: `Bearer ${ana.pair.access_token}`, 'Content-Type': 'application/json' },
      body: body as BodyInit,
    });
    expect(response.status).toBe(status);
    expect(await errorOf(response)).toMatchObject({ code: status === 413 ? 'TOO_LARGE' : 'INVALID_INPUT', request_id: expect.any(String) });
  });

  test('is cut while it streams when Content-Length lies', async () => {
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        sent += 64 * 1024;
        controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
      },
    });
    const response = await app.request('/api/v1/auth/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Content-Length': '10' },
      body,
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
    expect(sent).toBeLessThan(256 * 1024);
  });

  test.each([
    ['text/plain', {}],
    ['application/x-www-form-urlencoded', {}],
    ['application/json; charset=utf-16', {}],
    ['application/json', { 'Content-Encoding': 'gzip' }],
  ])('sent as %s is not read', async (type, more) => {
    const response = await ana.call('PATCH', '/api/v1/auth/me', '{"display_name":"A"}', { 'Content-Type': type, ...more });
    expect(response.status).toBe(415);
  });

  test('is pointed at, issue by issue', async () => {
    const response = await ana.call('PATCH', `/api/v1/creators/contacts/${ids.uuid()}`, { name: 1, fields: { 'a/b': 1 } });
    expect(await errorOf(response)).toMatchObject({
      code: 'INVALID_INPUT',
      details: { issues: [{ pointer: '/name' }, { pointer: '/fields/a~1b' }] },
    });
  });
});

test.each([
  'limit=0',
  'limit=101',
  'limit=1e9',
  'limit=-1',
  'limit=NaN',
  'limit=1&limit=2',
  'unknown=1',
  'cursor=%00',
  'cursor=abc',
  'cursor=WyJhIl0',
])('a list refuses %s', async (search) => {
  for (const list of ['contacts', 'conversations', 'programs']) {
    expect((await ana.call('GET', `/api/v1/creators/${list}?${search}`)).status).toBe(400);
  }
});

describe('a token', async () => {
  const claims = { sid: ids.uuid(), creator_id: ana.creatorId, role: 'owner', permissions: [] };
  const publicPem = await exportSPKI(keys[0].publicKey);
  const foreign = await generateKeyPair('RS256');
  const now = Math.floor(clock.wall() / 1000);
  const make = (payload: Record<string, unknown>, header: { alg: string } & Record<string, unknown>, key: Parameters<SignJWT['sign']>[0]) =>
    new SignJWT({ iss: 'companero', aud: 'companero:api', sub: ana.memberId, jti: 'x', iat: now, exp: now + 60, ...payload })
      .setProtectedHeader({ typ: 'at+jwt', kid: keys[0].kid, ...header })
      .sign(key);
  const own = keys[0].privateKey;
  const widgetToken = await tokens.issueWidget({
    kind: 'widget',
    creatorId: ana.creatorId,
    sessionId: ids.uuid(),
    conversationId: ids.uuid(),
  });
  const [head, payload, signature] = ana.pair.access_token.split('.') as [string, string, string];
  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

  const bad: Record<string, string> = {
    'that is no token': 'x',
    'with alg none': `${base64({ alg: 'none', typ: 'at+jwt', kid: keys[0].kid })}.${payload}.`,
    'with HS256 over the public key': await make(claims, { alg: 'HS256' }, new TextEncoder().encode(publicPem)),
    'of a foreign key under our kid': await make(claims, { alg: 'RS256' }, foreign.privateKey),
    'of an unknown kid': await make(claims, { alg: 'RS256', kid: 'nobody' }, own),
    'with a path for kid': await make(claims, { alg: 'RS256', kid: '../../dev/null' }, own),
    'that brings its own key': await make(
      claims,
      { alg: 'RS256', kid: 'mine', jwk: { kty: 'RSA' }, jku: 'https://example.org' },
      foreign.privateKey,
    ),
    'with an unknown crit': `${base64({ alg: 'RS256', typ: 'at+jwt', kid: keys[0].kid, crit: ['x'], x: 1 })}.${payload}.${signature}`,
    'of another issuer': await make({ ...claims, iss: 'other' }, { alg: 'RS256' }, own),
    'of another audience': await make({ ...claims, aud: 'companero:widget' }, { alg: 'RS256' }, own),
    'of another typ': await make(claims, { alg: 'RS256', typ: 'widget+jwt' }, own),
    'that has expired': await make({ ...claims, exp: now - 1 }, { alg: 'RS256' }, own),
    'without exp': await make({ ...claims, exp: undefined }, { alg: 'RS256' }, own),
    'whose creator is no id': await make({ ...claims, creator_id: "' or 1=1" }, { alg: 'RS256' }, own),
    'of the widget': widgetToken,
    'that is a refresh token': ana.pair.refresh_token,
    'with a changed payload': `${head}.${base64({ ...claims, sub: ben.memberId })}.${signature}`,
    'of 100 kB': `${head}.${'a'.repeat(100_000)}.${signature}`,
  };
  test.each(Object.entries(bad))('%s opens nothing for members', async (_, token) => {
    const response = await app.request('/api/v1/auth/me', { headers: { Authorization: `Bearer ${token}` } });
    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer');
    expect(await errorOf(response)).toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('that was good stays good to its last second, for its own kind and to the letter', async () => {
    const { pair } = await newMember();
    const ask = (token: string, path = '/api/v1/auth/me') => app.request(path, { headers: { Authorization: `Bearer ${token}` } });
    const good = pair.access_token;
    expect([(await ask(good)).status, (await ask(good)).status]).toEqual([200, 200]);
    expect((await ask(good, '/test-widget/probe')).status).toBe(401);
    const changed = good.slice(0, -3) + (good.at(-3) === 'A' ? 'B' : 'A') + good.slice(-2);
    expect((await ask(changed)).status).toBe(401);
    clock.advance(15 * 60_000 - 1);
    expect((await ask(good)).status).toBe(200);
    clock.advance(1);
    expect((await ask(good)).status).toBe(401);
    clock.set(Date.UTC(2026, 0, 1));
  });

  test('of a sign-in that is not on record opens nothing', async () => {
    const response = await app.request('/api/v1/auth/me', {
      headers: { Authorization: `Bearer ${await make(claims, { alg: 'RS256' }, own)}` },
    });
    expect(await errorOf(response)).toMatchObject({ code: 'SESSION_ENDED' });
  });

  test('of the widget opens the widget, and a member’s does not', async () => {
    const probe = (token: string) => app.request('/test-widget/probe', { headers: { Authorization: `Bearer ${token}` } });
    expect((await probe(widgetToken)).status).toBe(200);
    expect((await probe(ana.pair.access_token)).status).toBe(401);
  });
});

test('every route but the public ones asks for a token', async () => {
  const { paths } = (await (await app.request('/openapi.json')).json()) as {
    paths: Record<string, Record<string, { security?: unknown[] }>>;
  };
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const closed = operation.security?.length !== 0 && path.startsWith('/api/');
      if (!closed) continue;
      const response = await app.request(path.replace(/\{\w+\}/g, ids.uuid()), { method: method.toUpperCase() });
      expect([`${method} ${path}`, response.status]).toEqual([`${method} ${path}`, 401]);
    }
  }
});

describe('methods', () => {
  test('a known path asked with another method names those it has', async () => {
    const response = await app.request('/api/v1/auth/login', { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('Allow')).toBe('POST');
    expect(await errorOf(response)).toMatchObject({ code: 'METHOD_NOT_ALLOWED' });
  });

  test('TRACE is not answered, and an override is not heard', async () => {
    const trace = new Request('http://localhost/api/v1/auth/me');
    Object.defineProperty(trace, 'method', { value: 'TRACE' });
    expect((await app.fetch(trace)).status).toBe(405);
    const override = await app.request('/api/v1/auth/login', { method: 'GET', headers: { 'X-HTTP-Method-Override': 'POST' } });
    expect(override.status).toBe(405);
  });

  test('an unknown path is not found, in the same shape', async () => {
    for (const path of ['/nope', '/api/v1/nope', '/api/v1/auth/../../etc/passwd', '/%00', '/%ff']) {
      const response = await app.request(path);
      expect(response.status).toBe(404);
      expect(await errorOf(response)).toMatchObject({ code: 'NOT_FOUND' });
    }
  });
});

test('answers carry the headers that hold browsers back, and those for members are not stored', async () => {
  const response = await ana.call('GET', '/api/v1/auth/me');
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'cache-control': 'no-store',
    'content-security-policy': expect.stringContaining("default-src 'none'"),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'x-request-id': expect.any(String),
  });
  expect((await app.request('/docs')).headers.get('content-security-policy')).toContain("script-src 'self'");
});
