/** Outgoing webhooks: planned with the event, signed, retried, given up in the open, replayed. */
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { webhooksRoutes } from '../../src/http/routes/webhooks.ts';
import { systemIds } from '../../src/ids.ts';
import { createPublicFetch } from '../../src/public-fetch.ts';
import type { Outcome } from '../../src/webhooks/deliver.ts';
import { createWebhookPump } from '../../src/webhooks/pump.ts';
import { someCaller } from '../support/accounts.ts';
import { testApp } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { quietLog } from '../support/quiet-log.ts';
import { makeRuntime, openTestConversation } from '../support/runtime.ts';

/** An endpoint whose manners a test chooses. */
interface Heard {
  headers: IncomingMessage['headers'];
  body: string;
}
const heard: Heard[] = [];
let manners: (response: ServerResponse) => void = (response) => response.end();
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    heard.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    manners(response);
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const database = await testDatabase();
const clock = manualClock(Date.UTC(2026, 0, 1));
const runtime = makeRuntime(database, { clock });
const outbound = { allowed: [origin] };
const { app, sessions, newMember, seal } = await testApp(database, clock, {
  mounts: ({ member, audit, seal: ofApp }) => [
    {
      path: '/api/v1/creators/webhooks',
      routes: webhooksRoutes({ database, seal: ofApp, audit, outbound, wake: () => undefined, member, clock }),
    },
  ],
});
const pump = createWebhookPump({
  database,
  fetch: createPublicFetch(outbound),
  seal,
  clock,
  log: quietLog,
  patienceMs: 300,
  random: () => 0.5,
});

async function deliver(): Promise<void> {
  pump.start();
  await pump.stop();
}

// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const base = '/api/v1/creators/webhooks';

/** A creator with an endpoint, and a way to make something happen. */
async function subscribed(events = ['message']) {
  const member = await newMember();
  const made = await read(await member.call('POST', base, { url: `${origin}/hook`, events }));
  const key = await openTestConversation(database, member.creatorId);
  const say = (text: string) =>
    runtime.mailboxes.deliver(key, { id: `msg:${systemIds.uuid()}`, kind: 'message', messageId: systemIds.uuid(), text });
  let pair = member.pair;
  /** Asks as the owner, however long the clock has gone on. */
  async function call(method: string, path: string) {
    pair = await sessions.refresh(pair.refresh_token, someCaller);
    return app.request(path, { method, headers: { Authorization: `Bearer ${pair.access_token}` } });
  }
  const deliveries = async (search = '') => (await read(await call('GET', `${base}/${made.webhook.id}/deliveries${search}`))).items;
  return { ...member, call, id: made.webhook.id as string, secret: made.secret as string, key, say, deliveries };
}

const signature = (secret: string, { headers, body }: Heard) =>
  `v1,${createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
    .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
    .digest('base64')}`;

describe('an endpoint', () => {
  test('hears each message once, signed over id, time and the very bytes', async () => {
    const creator = await subscribed();
    heard.length = 0;
    manners = (response) => response.end();
    await creator.say('hello there');
    await deliver();
    const [call] = heard.filter(({ body }) => body.includes('hello there'));
    expect(JSON.parse(call?.body ?? '')).toMatchObject({
      event: 'message',
      data: { conversation_id: creator.key.conversationId, role: 'contact' },
    });
    expect(call?.headers['webhook-signature']).toBe(signature(creator.secret, call as Heard));
    expect(call?.headers['webhook-signature']).not.toBe(signature(creator.secret, { ...(call as Heard), body: `${call?.body} ` }));
    const calls = heard.length;
    await deliver();
    expect(heard).toHaveLength(calls);
    expect(await creator.deliveries()).toContainEqual(
      expect.objectContaining({ event: 'message', status: 'done', attempts: 1, result: 'ok' }),
    );
  });

  test('hears of states and documents when it asks for them, and of nobody else’s', async () => {
    const [asking, other] = [await subscribed(['conversation.state', 'document']), await subscribed(['document'])];
    await runtime.mailboxes.deliver(asking.key, { id: 'c1', kind: 'control', act: 'pause' });
    await database.tenant(asking.creatorId, async (sql) => {
      const id = systemIds.uuid();
      await sql("insert into documents (creator_id, id, title, kind, bytes, hash, file) values ($1, $2, 'Sleep', 'text', 1, 'h', 'f')", [
        asking.creatorId,
        id,
      ]);
      await sql("update documents set status = 'ready' where id = $1", [id]);
    });
    expect((await asking.deliveries()).map(({ event }: { event: string }) => event).sort()).toEqual(['conversation.state', 'document']);
    expect(await other.deliveries()).toEqual([]);
  });

  test('is signed for by both secrets for a day when one replaces the other', async () => {
    const creator = await subscribed();
    const { secret } = await read(await creator.call('POST', `${base}/${creator.id}/secret`));
    const signaturesNow = async (text: string) => {
      await creator.say(text);
      await deliver();
      const call = heard.find(({ body }) => body.includes(text)) as Heard;
      return [call, String(call.headers['webhook-signature']).split(' ')] as const;
    };
    const [during, both] = await signaturesNow('during');
    expect(both).toEqual([signature(secret, during), signature(creator.secret, during)]);
    clock.advance(24 * 60 * 60_000);
    const [after, one] = await signaturesNow('after');
    expect(one).toEqual([signature(secret, after)]);
  });

  test('keeps no secret that could be read', async () => {
    const creator = await subscribed();
    const rows = await database.tenant(creator.creatorId, (sql) => sql('select to_jsonb(w) as row from webhooks w'));
    expect(JSON.stringify(rows)).not.toContain(creator.secret);
    expect(JSON.stringify(await read(await creator.call('GET', base)))).not.toMatch(/secret/);
  });

  test.each(['http://example.org', 'https://127.0.0.1', 'https://10.0.0.1/x', 'https://localhost', 'nonsense'])(
    'row 42: cannot be %s',
    async (url) => {
      const { call } = await newMember();
      const response = await call('POST', base, { url, events: ['message'] });
      expect([response.status, (await read(response)).error.code]).toEqual([422, 'INVALID_ADDRESS']);
    },
  );

  test('of another creator is not found', async () => {
    const [ana, ben] = [await subscribed(), await subscribed()];
    for (const [method, path] of [
      ['DELETE', ''],
      ['POST', '/secret'],
      ['GET', '/deliveries'],
      ['POST', `/deliveries/${systemIds.uuid()}/replay`],
    ] as const) {
      expect([path, (await ana.call(method, `${base}/${ben.id}${path}`)).status]).toEqual([path, 404]);
    }
  });
});

describe('row 43: an endpoint that', () => {
  const rude: [string, (response: ServerResponse) => void, Outcome][] = [
    ['redirects inside', (response) => response.writeHead(302, { Location: 'http://169.254.169.254/' }).end(), 'redirect'],
    ['fails', (response) => response.writeHead(500).end('secret of the endpoint'), 'status'],
    ['never answers', () => undefined, 'timeout'],
    ['never ends', (response) => void response.write('.'), 'timeout'],
    ['hangs up', (response) => response.destroy(), 'unreachable'],
  ];
  test.each(rude)('%s is tried again', async (_, behave, result) => {
    const creator = await subscribed();
    manners = behave;
    await creator.say('x');
    await deliver();
    const [delivery] = await creator.deliveries();
    expect(delivery).toMatchObject({ status: 'planned', attempts: 1, result });
    expect(JSON.stringify(delivery)).not.toContain('secret of the endpoint');
    manners = (response) => response.end();
    await deliver();
    expect((await creator.deliveries())[0]).toMatchObject({ attempts: 1 });
    clock.advance(5_000);
    await deliver();
    expect((await creator.deliveries())[0]).toMatchObject({ status: 'done', attempts: 2, result: 'ok' });
  });

  test('is told of what ended thirty days ago no more, nor is anybody else', async () => {
    const creator = await subscribed();
    manners = (response) => response.end();
    await creator.say('x');
    await deliver();
    const [first] = await creator.deliveries();
    const age = (days: number) =>
      database.tenant(creator.creatorId, (sql) =>
        sql('update webhook_deliveries set created_at = $2 where id = $1', [first.id, new Date(clock.wall() - days * 86_400_000)]),
      );
    await age(29);
    await creator.say('y');
    await deliver();
    expect(await creator.deliveries()).toContainEqual(expect.objectContaining({ id: first.id }));
    await age(31);
    await creator.say('z');
    await deliver();
    expect(await creator.deliveries()).not.toContainEqual(expect.objectContaining({ id: first.id }));
  });

  test('answers without end is hung up on after 64 KiB', async () => {
    const creator = await subscribed();
    let sent = 0;
    manners = (response) => {
      const pour = () => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024))) sent += 64;
      };
      response.on('drain', pour);
      pour();
    };
    await creator.say('x');
    await deliver();
    expect((await creator.deliveries())[0]).toMatchObject({ status: 'done', result: 'ok' });
    expect(sent).toBeLessThan(64 * 1024);
  });

  test('never works is given up after eight tries, and told again by hand', async () => {
    const creator = await subscribed();
    manners = (response) => response.writeHead(503).end();
    await creator.say('x');
    for (let round = 0; round < 10; round++) {
      await deliver();
      clock.advance(6 * 60 * 60_000);
    }
    const dead = await creator.deliveries('?status=dead');
    expect(dead).toMatchObject([{ status: 'dead', attempts: 8, result: 'status' }]);
    manners = (response) => response.end();
    expect((await creator.call('POST', `${base}/${creator.id}/deliveries/${dead[0].id}/replay`)).status).toBe(202);
    await deliver();
    expect(await creator.deliveries('?status=done')).toMatchObject([{ id: dead[0].id, attempts: 1 }]);
  });
});

test('one creator has four calls under way at most, and does not hold up another', async () => {
  const [busy, other] = [await subscribed(), await subscribed()];
  await database.tenant(busy.creatorId, (sql) =>
    sql(
      "insert into webhook_deliveries (creator_id, webhook_id, event, payload) select $1, $2, 'message', '{}' from generate_series(1, 9)",
      [busy.creatorId, busy.id],
    ),
  );
  await other.say('mine');
  let underWay = 0;
  let most = 0;
  manners = (response) => {
    underWay += 1;
    most = Math.max(most, underWay);
    setImmediate(() => {
      underWay -= 1;
      response.end();
    });
  };
  await deliver();
  expect((await busy.deliveries()).filter(({ attempts }: { attempts: number }) => attempts > 0)).toHaveLength(4);
  expect((await other.deliveries())[0]).toMatchObject({ status: 'done' });
  expect(most).toBeLessThanOrEqual(5);
});

beforeAll(() => {
  manners = (response) => response.end();
});
