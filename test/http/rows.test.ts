/** What a reviewer would try against accounts and the edge, by the numbers of docs/security.md, over the server as it is composed. */
import { exportSPKI, importJWK, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { wholeServer } from '../support/whole-server.ts';

const { app, ask } = await wholeServer({ TRUSTED_PROXY_HOPS: '0' });
const password = 'a long unlikely phrase';
let count = 0;

// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const statusOf = async (response: Promise<Response>) => (await response).status;
const login = (json: unknown, headers: Record<string, string> = {}) => ask(null, 'POST', '/api/v1/auth/login', json, headers);

async function newOwner() {
  const email = `reviewer${count++}@example.org`;
  const answer = await read(await ask(null, 'POST', '/api/v1/auth/register', { email, password, display_name: 'Ana' }));
  return { email, token: answer.access_token as string, refresh: answer.refresh_token as string, creatorId: answer.creator.id as string };
}
let ana: Awaited<ReturnType<typeof newOwner>>;
beforeAll(async () => {
  ana = await newOwner();
});
const me = (token: string) => statusOf(ask(token, 'GET', '/api/v1/auth/me'));
const patchMe = (body: string, headers: Record<string, string> = {}) =>
  Promise.resolve(
    app.request('/api/v1/auth/me', {
      method: 'PATCH',
      headers: { Authorization: `Bearer ${ana.token}`, 'Content-Type': 'application/json', ...headers },
      body,
    }),
  );

describe('signing in', () => {
  test('row 2: a mail address is one identity in every spelling, and takes no line break', async () => {
    for (const email of [ana.email.toUpperCase(), ` ${ana.email} `]) expect(await statusOf(login({ email, password }))).toBe(200);
    expect(await statusOf(login({ email: `${ana.email}\r\nBcc: x@example.org`, password }))).toBe(400);
  });

  test('row 3: a password of 1 MB is refused before it is hashed', async () => {
    const started = performance.now();
    expect([400, 413]).toContain(await statusOf(login({ email: ana.email, password: 'x'.repeat(1_000_000) })));
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  test.each([{ email: { $ne: null }, password }, { email: ['a@example.org'], password }, { email: 1, password }, [], 'x', null])(
    'row 4: %j is no sign-in',
    async (json) => expect(await statusOf(login(json))).toBe(400),
  );

  test('row 9: a refresh twice at the same moment gives the same pair, and one rotation', async () => {
    const owner = await newOwner();
    const refresh = () => ask(null, 'POST', '/api/v1/auth/refresh', { refresh_token: owner.refresh });
    const [first, second] = await Promise.all([refresh(), refresh()].map(async (answer) => read(await answer)));
    expect(first).toEqual(second);
  });

  test('row 10: an old refresh token ends its family, the newest included', async () => {
    const owner = await newOwner();
    const refresh = (token: string) => ask(null, 'POST', '/api/v1/auth/refresh', { refresh_token: token });
    const second = await read(await refresh(owner.refresh));
    const third = await read(await refresh(second.refresh_token));
    expect(await statusOf(refresh(owner.refresh))).toBe(401);
    expect(await statusOf(refresh(third.refresh_token))).toBe(401);
    expect(await me(third.access_token)).toBe(401);
  });

  test('row 11: a refresh token opens nothing as a bearer', async () => expect(await me(ana.refresh)).toBe(401));
});

describe('a token', async () => {
  const jwk = (await read(await Promise.resolve(app.request('/.well-known/jwks.json')))).keys[0];
  const pem = await exportSPKI((await importJWK(jwk, 'RS256')) as CryptoKey);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const payload = () => ana.token.split('.')[1] ?? '';
  const signature = () => ana.token.split('.')[2] ?? '';
  const withHeader = (header: object) => `${part(header)}.${payload()}.${signature()}`;

  const forged: [string, () => Promise<string> | string][] = [
    ['with alg none', () => `${part({ alg: 'none', typ: 'at+jwt', kid: jwk.kid })}.${payload()}.`],
    [
      'with HS256 over the public key',
      () =>
        new SignJWT(JSON.parse(Buffer.from(payload(), 'base64url').toString()))
          .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: jwk.kid })
          .sign(new TextEncoder().encode(pem)),
    ],
    ['with PS256', () => withHeader({ alg: 'PS256', typ: 'at+jwt', kid: jwk.kid })],
    ['with a path for a key', () => withHeader({ alg: 'RS256', typ: 'at+jwt', kid: '../../dev/null' })],
    ['with SQL for a key', () => withHeader({ alg: 'RS256', typ: 'at+jwt', kid: "' or 1=1 --" })],
    ['with a key elsewhere', () => withHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'x', jku: 'https://evil.example/keys' })],
  ];
  test.each(forged)('row 6: %s opens nothing', async (_, make) => expect(await me(await make())).toBe(401));

  test('row 7: with an unknown crit, claims given twice or 1 MB long opens nothing', async () => {
    const twice = `{"sub":"x",${Buffer.from(payload(), 'base64url').toString().slice(1)}`;
    expect(await me(withHeader({ alg: 'RS256', typ: 'at+jwt', kid: jwk.kid, crit: ['exp'] }))).toBe(401);
    expect(
      await me(`${part({ alg: 'RS256', typ: 'at+jwt', kid: jwk.kid })}.${Buffer.from(twice).toString('base64url')}.${signature()}`),
    ).toBe(401);
    expect(await me(`${ana.token}${'a'.repeat(1_000_000)}`)).toBe(401);
  });

  test('row 8: of the widget opens no route of members', async () => {
    const session = await read(await ask(null, 'POST', `/api/v1/channels/widget/${ana.creatorId}/sessions`, {}));
    expect(await me(session.session_token)).toBe(401);
  });
});

describe('a body', () => {
  test.each([{ role: 'owner' }, { creator_id: 'x' }, { email_verified: true }, { email: 'b@example.org' }])(
    'row 14: cannot add %j to me',
    async (more) => {
      expect(await statusOf(patchMe(JSON.stringify({ display_name: 'A', ...more })))).toBe(400);
    },
  );

  test.each([
    ['NUL', '{"display_name":"\\u0000"}'],
    ['a lone surrogate', '{"display_name":"\\ud800"}'],
    ['a number beyond double', '{"display_name":1e400}'],
    ['a key twice', '{"display_name":"A","display_name":"B"}'],
  ])('row 17: with %s is refused', async (_, body) => expect(await statusOf(patchMe(body))).toBe(400));

  test('row 17: with 10 000 levels is refused', async () => {
    const text = `{"definition":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
    const headers = { Authorization: `Bearer ${ana.token}`, 'Content-Type': 'application/json' };
    expect((await app.request('/api/v1/creators/programs', { method: 'POST', headers, body: text })).status).toBe(400);
  });

  test.each(['__proto__', 'constructor', 'prototype'])('row 18: with the key %s is refused', async (key) => {
    expect(await statusOf(patchMe(`{"display_name":"A","${key}":{}}`))).toBe(400);
  });

  test('row 19: as text or compressed is not read', async () => {
    expect(await statusOf(patchMe('{"display_name":"A"}', { 'Content-Type': 'text/plain' }))).toBe(415);
    expect([413, 415]).toContain(await statusOf(patchMe('{"display_name":"A"}', { 'Content-Encoding': 'gzip' })));
  });
});

test.each(['limit=1e9', 'limit=-1', 'limit=NaN', 'cursor=tampered', 'cursor=%00'])('row 16: a list refuses %s', async (search) => {
  for (const list of ['contacts', 'conversations', 'programs', 'documents']) {
    expect([list, await statusOf(ask(ana.token, 'GET', `/api/v1/creators/${list}?${search}`))]).toEqual([list, 400]);
  }
  expect(await statusOf(ask(ana.token, 'GET', `/api/v1/auth/audit?${search}`))).toBe(400);
});

test('row 21: a method override is not heard', async () => {
  expect(await statusOf(ask(null, 'GET', '/api/v1/auth/login', undefined, { 'X-HTTP-Method-Override': 'POST' }))).toBe(405);
});

test('there is no account but those that were registered, and no key of an operator', async () => {
  for (const email of ['admin@example.org', 'root@example.org', 'demo@companero.example']) {
    expect(await statusOf(login({ email, password: 'admin' }))).toBe(401);
  }
  expect(await statusOf(ask('co_admin', 'PUT', `/api/v1/operator/creators/${crypto.randomUUID()}/suspension`, { suspended: true }))).toBe(
    401,
  );
});

test('no secret a client sends stands in a table, and strings of SQL are strings', async () => {
  const hostile = "'; drop table members; --";
  const owner = await newOwner();
  expect(await statusOf(ask(owner.token, 'PATCH', '/api/v1/auth/me', { display_name: hostile }))).toBe(200);
  expect((await read(await ask(owner.token, 'GET', '/api/v1/auth/me'))).member.display_name).toBe(hostile);
});
