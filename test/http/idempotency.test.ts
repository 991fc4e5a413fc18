/** `Idempotency-Key`: what is asked twice is done once, on every route that creates or sends. */
import { Hono } from 'hono';
import * as v from 'valibot';
import { beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { createApp } from '../../src/http/app.ts';
import type { AppEnv } from '../../src/http/env.ts';
import { askedId, createOnce } from '../../src/http/idempotency.ts';
import { idempotentRoutes } from '../../src/http/idempotent-routes.ts';
import { body } from '../../src/http/validate.ts';
import { systemIds } from '../../src/ids.ts';
import { createRetentionPump } from '../../src/privacy/retention.ts';
import { createSeal } from '../../src/seal.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { quietLog } from '../support/quiet-log.ts';
import { talkingWorkspace } from '../support/talking-workspace.ts';
import { wholeServer } from '../support/whole-server.ts';

const { app, ask } = await wholeServer({ OUTBOUND_ALLOW: 'http://127.0.0.1:1' });

// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const creators = '/api/v1/creators';

let token: string;
let creatorId: string;
let conversationId: string;
beforeAll(async () => {
  ({ token, creatorId, conversationId } = await talkingWorkspace(ask));
});

const post = (path: string, json: unknown, key: string) => ask(token, 'POST', path, json, { 'Idempotency-Key': key });
const outcome = async (answer: Promise<Response>) => {
  const response = await answer;
  return { status: response.status, replayed: response.headers.get('Idempotency-Replayed'), text: await response.text() };
};

function form(text: string): FormData {
  const upload = new FormData();
  upload.set('title', 'Sleep');
  upload.set('file', new File([text], 'sleep.md'));
  return upload;
}

describe('the same request under the same key', () => {
  const scopes = ['contacts.read'];
  const requests: [string, string, (n: number) => unknown, number][] = [
    ['a broadcast', `${creators}/broadcasts`, (n) => ({ content: { en: { text: `Hello ${n}` } }, at: '2099-01-01T09:00:00Z' }), 202],
    ['a webhook', `${creators}/webhooks`, (n) => ({ url: `http://127.0.0.1:1/${n}`, events: ['message'] }), 201],
    ['an API key', '/api/v1/auth/api-keys', (n) => ({ name: `k${n}`, scopes }), 201],
    ['a prompt', '/api/v1/ai/prompts', (n) => ({ template: `Be brief ${n}` }), 201],
    ['an invitation', '/api/v1/auth/members', (n) => ({ email: `m${n}@example.org`, display_name: 'M', role: 'viewer' }), 201],
    ['a program', `${creators}/programs`, (n) => ({ definition: { meta: { id: `p${n}` } } }), 201],
    ['a connection', '/api/v1/channels/connections', (n) => ({ channel: 'webhook', url: `http://127.0.0.1:1/${n}` }), 201],
    ['a document', `${creators}/documents`, (n) => form(`# Sleep\n\n${n} hours`), 202],
  ];
  test.each(requests)('adds %s once and answers the same again, and another one is refused', async (_, path, make, status) => {
    const key = `key ${path}`.replace(' ', '-');
    const first = await outcome(post(path, make(1), key));
    expect(first).toMatchObject({ status, replayed: null });
    expect(await outcome(post(path, make(1), key))).toEqual({ ...first, replayed: 'true' });
    const other = await outcome(post(path, make(2), key));
    expect([other.status, JSON.parse(other.text).error.message]).toEqual([
      409,
      `Choose another Idempotency-Key: "${key}" was used for another request`,
    ]);
    // Without a key it is another one.
    expect((await outcome(ask(token, 'POST', path, make(3)))).text).not.toBe(first.text);
  });

  test('keeps the ETag', async () => {
    const make = () => post(`${creators}/programs`, { definition: { meta: { id: 'tagged' } } }, 'etag');
    expect([(await make()).headers.get('ETag'), (await make()).headers.get('ETag')]).toEqual(['"1"', '"1"']);
  });

  test('writes a message once, and takes no other words', async () => {
    const path = `${creators}/conversations/${conversationId}/messages`;
    const first = await outcome(post(path, { text: 'Hello' }, 'words'));
    expect(await outcome(post(path, { text: 'Hello' }, 'words'))).toEqual({ ...first, replayed: 'true' });
    expect((await outcome(post(path, { text: 'Other words' }, 'words'))).status).toBe(409);
    expect((await outcome(post(path, { text: 'Other words' }, 'other'))).text).not.toBe(first.text);
  });

  test('counts by route, and by who asks', async () => {
    expect((await post('/api/v1/ai/prompts', { template: 'One' }, 'shared')).status).toBe(201);
    expect((await post('/api/v1/auth/api-keys', { name: 'k', scopes }, 'shared')).status).toBe(201);
    const account = { email: 'ben@example.org', password: 'a long unlikely phrase', display_name: 'Ben' };
    const ben = (await read(await ask(null, 'POST', '/api/v1/auth/register', account))).access_token;
    const his = await ask(ben, 'POST', '/api/v1/ai/prompts', { template: 'One' }, { 'Idempotency-Key': 'shared' });
    expect([his.status, his.headers.get('Idempotency-Replayed')]).toEqual([201, null]);
  });

  test('may be sent again after it was refused', async () => {
    expect((await post('/api/v1/ai/prompts', { template: '' }, 'corrected')).status).toBe(400);
    expect((await post('/api/v1/ai/prompts', { template: 'Better' }, 'corrected')).status).toBe(201);
  });

  test('begins one widget session, where the key cannot be guessed', async () => {
    const path = `/api/v1/channels/widget/${creatorId}/sessions`;
    const begin = (key: string) => ask(null, 'POST', path, {}, { 'Idempotency-Key': key });
    expect((await begin('1')).status).toBe(400);
    const key = crypto.randomUUID();
    const first = await outcome(begin(key));
    expect(first.status).toBe(201);
    expect(await outcome(begin(key))).toEqual({ ...first, replayed: 'true' });
  });
});

test.each(['', 'with space', 'x'.repeat(256), 'é'])('the key %j is refused', async (key) => {
  const headers = new Headers({ Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' });
  headers.set('Idempotency-Key', key);
  const request = app.request('/api/v1/ai/prompts', { method: 'POST', headers, body: '{"template":"x"}' });
  expect((await request).status).toBe(400);
});

describe('a request', async () => {
  const clock = manualClock(Date.UTC(2026, 0, 1));
  const seal = await createSeal(new Uint8Array(32).fill(1));
  const database = await testDatabase();
  const creator = await testCreator(database);
  const asker = { creatorId: creator, id: 'somebody' };
  let gate = Promise.withResolvers<void>();
  let done = 0;
  let failing = false;
  /** The ids under which the route was asked. */
  const asked: string[] = [];
  const appWith = (key: typeof seal) => {
    const once = createOnce({ database, seal: key, clock, log: quietLog });
    const routes = new Hono<AppEnv>().post(
      '/api/v1/ai/prompts',
      (c, next) => once(c, asker, next),
      body(v.strictObject({})),
      async (c) => {
        await gate.promise;
        asked.push(askedId(c));
        if (failing) throw new AppError('UNAVAILABLE', 'Connection lost');
        return c.json({ done: ++done }, 201);
      },
    );
    const deps = { log: quietLog, clock, ids: systemIds, connInfo: () => ({ remote: {} }), trustedProxyHops: 0, timeLimitMs: 1_000 };
    return createApp(deps, [{ path: '/', routes }]);
  };
  const server = appWith(seal);
  const send = (key: string, to = server) =>
    Promise.resolve(
      to.request('/api/v1/ai/prompts', {
        method: 'POST',
        headers: { 'Idempotency-Key': key, 'Content-Type': 'application/json' },
        body: '{}',
      }),
    );
  const claimed = (key: string) =>
    expect.poll(() => database.tenant(creator, (sql) => sql('select 1 from idempotency_keys where key = $1', [key]))).toHaveLength(1);

  test('is not begun again while it is under way', async () => {
    const first = send('way');
    await claimed('way');
    const second = await send('way');
    expect([second.status, (await read(second)).error.details, second.headers.get('Retry-After')]).toEqual([
      409,
      { retry_after_ms: 1_000 },
      '1',
    ]);
    gate.resolve();
    expect(await read(await first)).toEqual({ done: 1 });
    expect(await read(await send('way'))).toEqual({ done: 1 });
    const [row] = await database.tenant(creator, (sql) => sql<{ status: number; sealed_answer: string }>('select * from idempotency_keys'));
    expect(row).toMatchObject({ status: 201, sealed_answer: expect.stringMatching(/^[\w-]+\.[\w-]+$/) });
  });

  test('that went on after its time is not done again', async () => {
    gate = Promise.withResolvers();
    const first = send('late');
    await claimed('late');
    clock.advance(1_000);
    expect((await first).status).toBe(503);
    expect((await send('late')).status).toBe(409);
    gate.resolve();
    await expect
      .poll(() => database.tenant(creator, (sql) => sql("select 1 from idempotency_keys where key = 'late' and status is not null")))
      .toHaveLength(1);
    const again = await read(await send('late'));
    expect(again.error.message).toBe('Look for what the first request with this Idempotency-Key made: its answer is not kept');
    expect(done).toBe(2);
  });

  test('whose answer was sealed by a key that has gone is not done again', async () => {
    await send('rotated');
    const other = appWith(await createSeal(new Uint8Array(32).fill(2)));
    expect((await send('rotated', other)).status).toBe(409);
    expect(done).toBe(3);
  });

  test('that was cut off with its process is done after two minutes, and every one is forgotten after a day', async () => {
    await database.tenant(creator, (sql) =>
      sql(
        "insert into idempotency_keys (creator_id, route, asker, key, claimed_at) values ($1, '/api/v1/ai/prompts', 'somebody', 'cut', $2)",
        [creator, new Date(clock.wall())],
      ),
    );
    expect((await send('cut')).status).toBe(409);
    clock.advance(2 * 60_000 + 1);
    expect(await read(await send('cut'))).toEqual({ done: 4 });
    expect(await read(await send('cut'))).toEqual({ done: 4 });
    clock.advance(24 * 60 * 60_000 + 1);
    expect(await read(await send('cut'))).toEqual({ done: 5 });
    const pump = createRetentionPump({ database, clock, log: quietLog });
    pump.start();
    await pump.stop();
    expect(await database.tenant(creator, (sql) => sql('select key from idempotency_keys'))).toEqual([{ key: 'cut' }]);
  });

  test('goes by one id for a day, however often it is tried after it failed or was cut off', async () => {
    failing = true;
    asked.length = 0;
    for (let n = 0; n < 2; n += 1) expect((await send('tried')).status).toBe(503);
    await database.tenant(creator, (sql) =>
      sql("update idempotency_keys set claimed_at = $1 where key = 'tried'", [new Date(clock.wall() - 23 * 60 * 60_000)]),
    );
    failing = false;
    expect((await send('tried')).status).toBe(201);
    clock.advance(24 * 60 * 60_000 + 1);
    expect((await send('tried')).status).toBe(201);
    expect((await send('another')).status).toBe(201);
    expect([asked[1], asked[2]]).toEqual([asked[0], asked[0]]);
    expect(new Set(asked).size).toBe(3);
  });
});

/** POST routes that take no key, and why. */
const exceptions: [string, string[], string][] = [
  [
    '/api/v1/auth',
    ['register', 'confirm', 'login', 'refresh', 'password/forgot', 'password/reset'],
    'no creator is known to whom a key belongs',
  ],
  ['/api/v1/auth', ['logout', 'reauthenticate', 'password/change'], 'done twice is done once'],
  ['/api/v1/auth', ['email/confirm', 'members/join'], 'the token is good for one use'],
  ['/api/v1/auth/privacy', ['export', 'contacts/{id}/export'], 'reads only'],
  ['/api/v1/creators/programs/{id}', ['check', 'simulations', 'forecasts', 'replays'], 'computes only'],
  ['/api/v1/creators/contacts', ['import'], 'contacts are found again by the ids in their rows'],
  ['/api/v1/creators/live', ['tickets'], 'a ticket is good for one use, for a minute'],
  ['/api/v1/ai', ['query', 'search', 'evaluations'], 'asks only, and may stream'],
  ['/api/v1/ai', ['models/pull'], 'fetches nothing that is there'],
  ['/api/v1/callbacks', ['{creator_id}/{conversation_id}/{effect_id}/{event}'], 'the address names one thing that happens once'],
  ['/api/v1/channels', ['whatsapp/{connection_id}/webhook', 'telegram/{connection_id}/webhook'], 'the provider names each message'],
  ['/api/v1/channels', ['webhook/{connection_id}'], 'each message has an id of its own'],
  ['/api/v1/channels', ['link', 'widget/{creator_id}/link'], 'a key is good for one use, for ten minutes'],
  ['/api/v1/channels/widget/{creator_id}', ['tickets'], 'a ticket is good for one use, for a minute'],
  ['/api/v1/channels/widget/{creator_id}', ['push/subscriptions'], 'the endpoint names the subscription'],
];

test('every POST that creates or sends takes a key, says so in OpenAPI, and the others are known', async () => {
  const { paths } = await read(await Promise.resolve(app.request('/openapi.json')));
  const posts = Object.keys(paths).filter((path) => 'post' in paths[path]);
  const takes = posts.filter((path) => paths[path].post.parameters?.some(({ name }: { name: string }) => name === 'Idempotency-Key'));
  expect(takes.sort()).toEqual([...idempotentRoutes].sort());
  const excepted = exceptions.flatMap(([under, ends]) => ends.map((end) => `${under}/${end}`));
  expect(posts.filter((path) => !takes.includes(path)).sort()).toEqual(excepted.sort());
  for (const path of takes) expect([path, '409' in paths[path].post.responses]).toEqual([path, true]);
});
