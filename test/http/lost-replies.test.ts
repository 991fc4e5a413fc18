/** Replies of the record that are lost after it has done what it was asked: whoever asks again under the same key finds it done, once. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Database } from '../../src/database.ts';
import { AppError } from '../../src/errors.ts';
import { signedHeaders } from '../../src/webhooks/signature.ts';
import { talkingWorkspace } from '../support/talking-workspace.ts';
import { wholeServer } from '../support/whole-server.ts';

/** Statements whose next transactions are committed and not answered, as many as `left`. */
const lost = vi.hoisted(() => ({ statement: null as RegExp | null, left: 0 }));

vi.mock('../../src/store/pglite.ts', async (original) => {
  const real = await original<typeof import('../../src/store/pglite.ts')>();
  const lose = () => {
    lost.left -= 1;
    throw new AppError('UNAVAILABLE', 'Connection lost');
  };
  const isMeant = (text: string) => lost.left > 0 && lost.statement?.test(text) === true;
  return {
    ...real,
    async openPglite(options: Parameters<typeof real.openPglite>[0]): Promise<Database> {
      const db = await real.openPglite(options);
      return {
        ...db,
        async tenant(creator, work) {
          let meant = false;
          const result = await db.tenant(creator, (sql) =>
            work((text, params) => {
              meant ||= isMeant(text);
              return sql(text, params);
            }),
          );
          return meant ? lose() : result;
        },
        async routing(text, params) {
          const meant = isMeant(text);
          const rows = await db.routing(text, params);
          return meant ? lose() : (rows as never);
        },
      };
    },
  };
});

/** An endpoint, and how it was called. */
const told = { url: '', calls: [] as { headers: IncomingHttpHeaders; body: string }[] };
const endpoint = createServer(async (request, response) => {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  told.calls.push({ headers: request.headers, body: Buffer.concat(pieces).toString('utf8') });
  response.end();
});
await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
told.url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/`;
afterAll(() => endpoint.close());

const { ask } = await wholeServer({ OUTBOUND_ALLOW: `http://127.0.0.1:1,${new URL(told.url).origin}` });

// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const creators = '/api/v1/creators';

let token: string;
let creatorId: string;
let conversation: string;
beforeAll(async () => {
  ({ token, creatorId, conversationId: conversation } = await talkingWorkspace(ask));
});

/** How many there are in a list of the API. */
const count = async (path: string) => (await read(await ask(token, 'GET', `${path}?limit=100`))).items.length;

interface Creating {
  path: () => string;
  json: unknown;
  /** The list in which what is made appears. */
  list: () => string;
  statement: RegExp;
  /** Replies lost before the caller hears of it: a turn asks once more by itself. */
  times?: number;
  bearer?: () => string | null;
}

const creating: [string, Creating][] = [
  [
    'a webhook',
    {
      path: () => `${creators}/webhooks`,
      json: { url: 'http://127.0.0.1:1/', events: ['message'] },
      list: () => `${creators}/webhooks`,
      statement: /insert into webhooks/,
    },
  ],
  [
    'an API key',
    {
      path: () => '/api/v1/auth/api-keys',
      json: { name: 'k', scopes: ['contacts.read'] },
      list: () => '/api/v1/auth/api-keys',
      statement: /insert into api_keys/,
    },
  ],
  [
    'an invitation',
    {
      path: () => '/api/v1/auth/members',
      json: { email: 'm@example.org', display_name: 'M', role: 'viewer' },
      list: () => '/api/v1/auth/members',
      statement: /insert into members/,
    },
  ],
  [
    'a program',
    {
      path: () => `${creators}/programs`,
      json: { definition: { meta: { id: 'other' } } },
      list: () => `${creators}/programs`,
      statement: /insert into programs/,
    },
  ],
  [
    'a connection',
    {
      path: () => '/api/v1/channels/connections',
      json: { channel: 'webhook', url: 'http://127.0.0.1:1/' },
      list: () => '/api/v1/channels/connections',
      statement: /insert into connections/,
    },
  ],
  [
    'a message of a member',
    {
      path: () => `${creators}/conversations/${conversation}/messages`,
      json: { text: 'Hello' },
      list: () => `${creators}/conversations/${conversation}/messages`,
      statement: /commit_turns/,
      times: 2,
    },
  ],
  [
    'a widget session',
    {
      path: () => `/api/v1/channels/widget/${creatorId}/sessions`,
      json: {},
      list: () => `${creators}/conversations`,
      statement: /insert into conversations/,
      bearer: () => null,
    },
  ],
];

test.each(creating)('%s is made once', async (_name, { path, json, list, statement, times = 1, bearer = () => token }) => {
  const before = await count(list());
  const key = { 'Idempotency-Key': crypto.randomUUID() };
  Object.assign(lost, { statement, left: times });
  expect((await ask(bearer(), 'POST', path(), json, key)).status).toBe(503);
  expect(lost.left).toBe(0);
  const again = await ask(bearer(), 'POST', path(), json, key);
  expect([again.status < 300, again.headers.get('Idempotency-Replayed')]).toEqual([true, null]);
  expect(await count(list())).toBe(before + 1);
  // And now that the answer is kept, it is given again.
  const third = await ask(bearer(), 'POST', path(), json, key);
  expect([third.headers.get('Idempotency-Replayed'), await third.text()]).toEqual(['true', await again.text()]);
});

test('a document is kept with its file, and read when it is uploaded again', async () => {
  const upload = () => {
    const form = new FormData();
    form.append('file', new File(['Naps end before four in the afternoon.'], 'naps.txt', { type: 'text/plain' }));
    return ask(token, 'POST', '/api/v1/creators/documents', form);
  };
  Object.assign(lost, { statement: /insert into documents/, left: 1 });
  expect((await upload()).status).toBe(503);
  expect(lost.left).toBe(0);
  const { document } = await read(await upload());
  await vi.waitFor(
    async () =>
      expect(await read(await ask(token, 'GET', `/api/v1/creators/documents/${document.id}`))).toMatchObject({
        document: { status: 'ready' },
      }),
    { timeout: 20_000, interval: 50 },
  );
});

const webhook = { events: ['message'] };
const scopes = ['contacts.read'];
const invited = { display_name: 'M', role: 'viewer' };
test.each<[string, string, RegExp, unknown, unknown]>([
  [
    'an endpoint',
    `${creators}/webhooks`,
    /insert into webhooks/,
    { ...webhook, url: 'http://127.0.0.1:1/a' },
    { ...webhook, url: 'http://127.0.0.1:1/b' },
  ],
  ['an API key', '/api/v1/auth/api-keys', /insert into api_keys/, { name: 'a', scopes }, { name: 'b', scopes }],
  [
    'an invitation',
    '/api/v1/auth/members',
    /insert into members/,
    { ...invited, email: 'a@example.org' },
    { ...invited, email: 'b@example.org' },
  ],
  [
    'a program',
    `${creators}/programs`,
    /insert into programs/,
    { definition: { meta: { id: 'a' } } },
    { definition: { meta: { id: 'b' } } },
  ],
])('%s whose answer was lost is not given to who asks for another under its key', async (_name, path, statement, one, other) => {
  const key = { 'Idempotency-Key': crypto.randomUUID() };
  Object.assign(lost, { statement, left: 1 });
  expect((await ask(token, 'POST', path, one, key)).status).toBe(503);
  expect((await ask(token, 'POST', path, other, key)).status).toBe(409);
});

test('a secret that was told to nobody does not take the place of the one that its endpoint knows', async () => {
  const { webhook: made, secret } = await read(await ask(token, 'POST', `${creators}/webhooks`, { ...webhook, url: told.url }));
  const rotate = (key: string) => ask(token, 'POST', `${creators}/webhooks/${made.id}/secret`, {}, { 'Idempotency-Key': key });
  Object.assign(lost, { statement: /update webhooks set sealed_previous/, left: 1 });
  expect((await rotate('rotation-1')).status).toBe(503);
  expect((await rotate('rotation-1')).status).toBe(201);
  await ask(token, 'POST', `${creators}/conversations/${conversation}/messages`, { text: 'Hello' });
  await vi.waitFor(() => expect(told.calls).toHaveLength(1), { timeout: 15_000 });
  const [{ headers, body }] = told.calls as [(typeof told.calls)[number]];
  const good = signedHeaders([secret], String(headers['webhook-id']), Number(headers['webhook-timestamp']) * 1000, body);
  expect(String(headers['webhook-signature']).split(' ')).toContain(good['webhook-signature']);
});

test('the key that is shown at last opens, the one that was lost does not', async () => {
  const key = { 'Idempotency-Key': crypto.randomUUID() };
  Object.assign(lost, { statement: /insert into api_keys/, left: 1 });
  const json = { name: 'opens', scopes: ['contacts.read'] };
  await ask(token, 'POST', '/api/v1/auth/api-keys', json, key);
  const { api_key } = await read(await ask(token, 'POST', '/api/v1/auth/api-keys', json, key));
  expect((await ask(api_key, 'GET', `${creators}/contacts`)).status).toBe(200);
});
