/** Accounts over HTTP: register, sign in, limits, sessions, passwords and keys. */
import { describe, expect, test } from 'vitest';
import { testApp } from '../../support/app.ts';
import { manualClock } from '../../support/clock.ts';
import { testDatabase } from '../../support/database.ts';

const database = await testDatabase();
const clock = manualClock(Date.UTC(2026, 0, 1));
const { app, newMember } = await testApp(database, clock, { trustedProxyHops: 1 });
const password = 'a long unlikely phrase';

let address = 0;
/** Each call comes from an address of its own unless it names one. */
function post(path: string, json: unknown, from = `198.51.100.${address++ % 250}-${address}`): Promise<Response> {
  const headers = { 'Content-Type': 'application/json', 'X-Forwarded-For': `203.0.113.9, ${from}` };
  return Promise.resolve(app.request(`/api/v1/auth${path}`, { method: 'POST', headers, body: JSON.stringify(json) }));
}
const register = (email: string, from?: string) => post('/register', { email, password, display_name: 'Ana' }, from);
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();

describe('register', () => {
  test('opens a workspace and signs its owner in', async () => {
    const response = await register('Ana@Example.org ');
    expect(response.status).toBe(201);
    expect(response.headers.get('Cache-Control')).toBe('no-store');
    const answer = await read(response);
    expect(answer).toMatchObject({ creator: { name: 'Ana' }, member: { email: 'ana@example.org', role: 'owner' }, expires_in: 900 });
    const me = await app.request('/api/v1/auth/me', { headers: { Authorization: `Bearer ${answer.access_token}` } });
    expect(await read(me)).toMatchObject({ creator: answer.creator, member: answer.member });
  });

  test('knows a mail address in every spelling', async () => {
    expect((await register('one@example.org')).status).toBe(201);
    for (const spelling of ['one@example.org', 'ONE@example.org', ' one@Example.org ']) {
      const response = await register(spelling);
      expect([response.status, (await read(response)).error.code]).toEqual([409, 'EMAIL_TAKEN']);
    }
  });

  test('lets one of many at the same moment have the address', async () => {
    const responses = await Promise.all(Array.from({ length: 5 }, () => register('race@example.org')));
    expect(responses.map((response) => response.status).sort()).toEqual([201, 409, 409, 409, 409]);
  });

  test.each([
    ['a mail address with a line break', { email: 'a@example.org\r\nBcc: b@example.org' }],
    ['a mail address that is none', { email: 'nobody' }],
    ['an object for a mail address', { email: { $ne: null } }],
    ['a password of 11 characters', { password: 'x7Kp9_mQz2L' }],
    ['a password of 257 bytes', { password: 'é'.repeat(129) }],
    ['a password of 500 kB', { password: 'é'.repeat(250_000) }],
    ['a common password', { password: 'password123456' }],
    ['a common password in disguise', { password: 'P4ssw0rd!2024' }],
    ['a role', { role: 'admin' }],
    ['an empty name', { display_name: '  ' }],
  ])('refuses %s', async (_, change) => {
    const response = await post('/register', { email: 'bad@example.org', password, display_name: 'Ana', ...change });
    expect([400, 413]).toContain(response.status);
  });

  test('takes a password exactly as sent', async () => {
    const odd = ' 🌧 spaces and rain  ';
    expect((await post('/register', { email: 'odd@example.org', password: odd, display_name: 'Ana' })).status).toBe(201);
    expect((await post('/login', { email: 'odd@example.org', password: odd.trim() })).status).toBe(401);
    expect((await post('/login', { email: 'odd@example.org', password: odd })).status).toBe(200);
  });
});

describe('login', () => {
  test('answers an unknown address and a wrong password alike', async () => {
    await register('known@example.org');
    const bodies = await Promise.all(
      ['known@example.org', 'unknown@example.org'].map(async (email) => {
        const response = await post('/login', { email, password: 'not the right phrase' });
        const { request_id: _, ...error } = (await read(response)).error;
        return [response.status, error];
      }),
    );
    expect(bodies[0]).toEqual(bodies[1]);
    expect(bodies[0]?.[0]).toBe(401);
  });

  test('rows 5 and 20: is slowed for an address that guesses, whatever it claims to be', async () => {
    const statuses = [];
    for (let guess = 0; guess < 11; guess++)
      statuses.push((await post('/login', { email: `g${guess}@example.org`, password }, '192.0.2.77')).status);
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
    const limited = await post('/login', { email: 'x@example.org', password }, '192.0.2.77');
    expect(Number(limited.headers.get('Retry-After'))).toBeGreaterThan(0);
  });

  test('is slowed for an account tried from everywhere, but not for where it signed in before', async () => {
    const email = 'victim@example.org';
    await register(email);
    expect((await post('/login', { email, password }, '192.0.2.80')).status).toBe(200);
    for (let guess = 0; guess < 20; guess++) await post('/login', { email, password: 'not the right phrase' });
    expect((await post('/login', { email, password })).status).toBe(429);
    expect((await post('/login', { email, password }, '192.0.2.80')).status).toBe(200);
    clock.advance(15 * 60_000);
    expect((await post('/login', { email, password })).status).toBe(200);
  });
});

describe('sessions', () => {
  test('end at logout: the access token dies at once', async () => {
    const { call, pair } = await newMember();
    expect((await call('POST', '/api/v1/auth/logout')).status).toBe(204);
    const after = await call('GET', '/api/v1/auth/me');
    expect([after.status, (await read(after)).error.code]).toEqual([401, 'SESSION_ENDED']);
    expect((await post('/refresh', { refresh_token: pair.refresh_token })).status).toBe(401);
  });

  test('are listed and ended one by one, by their member only', async () => {
    const ana = await newMember();
    const ben = await newMember();
    const email = (await read(await ana.call('GET', '/api/v1/auth/me'))).member.email;
    const other = await read(await post('/login', { email, password }));
    const { items } = await read(await ana.call('GET', '/api/v1/auth/sessions'));
    expect(items).toHaveLength(2);
    const elsewhere = items.find((item: { current: boolean }) => !item.current);
    const foreign = await ben.call('DELETE', `/api/v1/auth/sessions/${elsewhere.id}`);
    expect(foreign.status).toBe(404);
    expect((await ana.call('DELETE', `/api/v1/auth/sessions/${elsewhere.id}`)).status).toBe(204);
    const dead = await app.request('/api/v1/auth/me', { headers: { Authorization: `Bearer ${other.access_token}` } });
    expect(dead.status).toBe(401);
  });

  test('refresh with the refresh token only', async () => {
    const { pair, call } = await newMember();
    expect((await post('/refresh', { refresh_token: pair.access_token })).status).toBe(401);
    expect((await call('POST', '/api/v1/auth/refresh', {})).status).toBe(400);
    const next = await read(await post('/refresh', { refresh_token: pair.refresh_token }));
    expect(next.refresh_token).not.toBe(pair.refresh_token);
  });
});

test('PATCH me changes the name and nothing else', async () => {
  const { call } = await newMember();
  expect((await read(await call('PATCH', '/api/v1/auth/me', { display_name: 'Bea' }))).member.display_name).toBe('Bea');
  for (const field of ['role', 'creator_id', 'email', 'id'])
    expect((await call('PATCH', '/api/v1/auth/me', { [field]: 'owner' })).status).toBe(400);
});

test('a change of the password asks for the present one', async () => {
  const { call } = await newMember();
  const change = (current_password: string, new_password: string) =>
    call('POST', '/api/v1/auth/password/change', { current_password, new_password });
  expect((await change('wrong', 'another long phrase')).status).toBe(403);
  expect((await change(password, 'password123456')).status).toBe(400);
  expect((await change(password, 'another long phrase')).status).toBe(204);
});

test('the published keys hold no private part', async () => {
  const { keys } = await read(await app.request('/.well-known/jwks.json'));
  expect(keys).toHaveLength(1);
  expect(Object.keys(keys[0]).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  expect(Buffer.from(keys[0].n, 'base64url')).toHaveLength(3072 / 8);
});
