/** Connections, dead letters, link keys and the addresses of providers, over HTTP. */
import { afterAll, describe, expect, it } from 'vitest';
import { connectionsRoutes } from '../../../src/http/routes/connections.ts';
import { webhooksInRoutes } from '../../../src/http/routes/webhooks-in.ts';
import type { ConversationId } from '../../../src/ids.ts';
import { testApp } from '../../support/app.ts';
import { testDatabase } from '../../support/database.ts';
import { openOutside } from '../../support/outside.ts';
import { openTestConversation, publish } from '../../support/runtime.ts';
import { botToken } from '../../support/telegram-stand-in.ts';
import { inbound, signedWebhook, webhookBody, whatsappAccount } from '../../support/whatsapp-stand-in.ts';

const database = await testDatabase();
const bench = await openOutside(database);
afterAll(() => bench.stop());
const { connections, channels, links } = bench.outside;
const { app, newMember, tokens } = await testApp(database, bench.clock, {
  mailboxes: bench.runtime.mailboxes,
  mounts: ({ count, ids, member, tokens: issued }) => [
    {
      path: '/api/v1/channels',
      routes: connectionsRoutes({
        ...{ database, connections, links, ids, member, clock: bench.clock, tokens: issued, mailboxes: bench.runtime.mailboxes, count },
        accounts: Object.values(channels).map(({ account }) => account),
        planned: () => bench.runtime.effects.wake(),
      }),
    },
    {
      path: '/api/v1/channels',
      routes: webhooksInRoutes({
        receiver: bench.receiver,
        clock: bench.clock,
        verifyToken: async (id) => (id === owner.connection ? 'verify-me' : null),
      }),
    },
  ],
});

const account = { channel: 'whatsapp', ...whatsappAccount };
const owner = await (async () => {
  const member = await newMember();
  await publish(database, member.creatorId);
  bench.creators.add(member.creatorId);
  const answer = await member.call('POST', '/api/v1/channels/connections', account);
  const { connection } = (await answer.json()) as { connection: { id: string } };
  return { ...member, connection: connection.id };
})();
const hook = `/api/v1/channels/whatsapp/${owner.connection}/webhook`;

describe('connections', () => {
  it('never show a secret again', async () => {
    const text = await (await owner.call('GET', '/api/v1/channels/connections')).text();
    expect(text).toContain('"account":"109876543210"');
    expect(text).toContain(hook);
    for (const secret of [whatsappAccount.access_token, whatsappAccount.app_secret, whatsappAccount.verify_token]) {
      expect(text).not.toContain(secret);
    }
  });

  it('show once what was made here', async () => {
    const answer = await owner.call('POST', '/api/v1/channels/connections', { channel: 'webhook', url: 'https://sms.example/in' });
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({
      shown_once: { secret: expect.stringMatching(/^[\w-]{43}$/) },
      connection: { channel: 'webhook' },
    });
  });

  it.each([
    ['an unknown channel', { channel: 'pigeon' }],
    ['a missing token', { channel: 'telegram' }],
    ['a token of no shape', { channel: 'telegram', token: 'abc' }],
    ['a token Telegram refuses', { channel: 'telegram', token: `9${botToken}` }],
    ['an unknown key', { ...account, base_url: 'http://169.254.169.254' }],
    ['a URL of no web server', { channel: 'webhook', url: 'file:///etc/passwd' }],
  ])('refuse %s', async (_, given) => {
    expect((await owner.call('POST', '/api/v1/channels/connections', given)).status).toBe(400);
  });

  it('are invisible to another creator', async () => {
    const other = await newMember();
    expect(await (await other.call('GET', '/api/v1/channels/connections')).json()).toEqual({ items: [], next_cursor: null });
    expect((await other.call('DELETE', `/api/v1/channels/connections/${owner.connection}`)).status).toBe(404);
  });
});

describe("Meta's question whether the address is ours", () => {
  const ask = (query: Record<string, string>) => app.request(`${hook}?${new URLSearchParams(query)}`);
  const good = { 'hub.mode': 'subscribe', 'hub.verify_token': 'verify-me', 'hub.challenge': '<script>' };

  it('W1: is answered with the challenge as plain text', async () => {
    const answer = await ask(good);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('<script>');
    expect(answer.headers.get('Content-Type')).toMatch(/^text\/plain/);
    expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff');
  });

  it.each([
    ['a wrong token', { ...good, 'hub.verify_token': 'guess' }, 403],
    ['no challenge', { 'hub.mode': 'subscribe', 'hub.verify_token': 'verify-me' }, 400],
    ['another mode', { ...good, 'hub.mode': 'unsubscribe' }, 403],
  ])('W1: is refused with %s', async (_, query, expected) => {
    expect((await ask(query)).status).toBe(expected);
  });
});

describe('a webhook', () => {
  it('answers 200 once the message is durable, and the message shows what became of it', async () => {
    const { body, headers } = signedWebhook(
      webhookBody(inbound('wamid.h1', { phone: '351911000111' }, { type: 'text', text: { body: 'sleep' } })),
    );
    const answer = await app.request(hook, { method: 'POST', body, headers });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    await bench.settled();
    const { items: found } = (await (await owner.call('GET', '/api/v1/creators/conversations?channel=whatsapp')).json()) as {
      items: { id: string }[];
    };
    const { items } = (await (await owner.call('GET', `/api/v1/creators/conversations/${found[0]?.id}/messages`)).json()) as {
      items: { delivery: unknown }[];
    };
    expect(items.map(({ delivery }) => delivery)).toMatchObject([null, { channel: 'whatsapp', status: 'sent' }, { status: 'sent' }]);
  });

  it('answers an unknown connection, an id of no shape and a wrong signature alike', async () => {
    const { body } = signedWebhook({});
    const paths = [hook, hook.replace(owner.connection, crypto.randomUUID()), hook.replace(owner.connection, 'x')];
    const answers = await Promise.all(paths.map((path) => app.request(path, { method: 'POST', body })));
    const told = await Promise.all(
      answers.map(async (answer) => [answer.status, ((await answer.json()) as { error: { message: string } }).error.message]),
    );
    expect(new Set(told.map(String)).size).toBe(1);
    expect(told[0]?.[0]).toBe(401);
  });

  it('takes a signed body that is no JSON, because nobody can repair it by sending it again', async () => {
    const { headers } = signedWebhook('x');
    const { body } = signedWebhook('x');
    expect((await app.request(hook, { method: 'POST', body, headers })).status).toBe(200);
  });
});

describe('dead letters', () => {
  it('are listed, and replayed once', async () => {
    bench.whatsapp.faults.push(131008);
    const { body, headers } = signedWebhook(
      webhookBody(inbound('wamid.h2', { phone: '351911000222' }, { type: 'text', text: { body: 'sleep' } })),
    );
    await app.request(hook, { method: 'POST', body, headers });
    await bench.settled();
    const { items } = (await (await owner.call('GET', '/api/v1/channels/dead-letters')).json()) as {
      items: { conversation_id: string; seq: number }[];
    };
    expect(items).toMatchObject([{ seq: 2, status: 'failed', reason: '131008', attempts: 1 }]);
    const replay = { conversation_id: items[0]?.conversation_id, seq: items[0]?.seq };
    expect((await owner.call('POST', '/api/v1/channels/dead-letters/replay', replay)).status).toBe(202);
    await bench.settled();
    expect((await owner.call('POST', '/api/v1/channels/dead-letters/replay', replay)).status).toBe(404);
  });
});

describe('linking', () => {
  it('makes a key for the widget with the addresses that bring it, and takes it once', async () => {
    await owner.call('POST', '/api/v1/channels/connections', { channel: 'telegram', token: botToken });
    const key = await openTestConversation(database, owner.creatorId);
    const { items } = (await (await owner.call('GET', `/api/v1/creators/conversations/${key.conversationId}`)).json()) as never;
    expect(items).toBeUndefined();
    const session = await tokens.issueWidget({ kind: 'widget', ...key, sessionId: crypto.randomUUID() as never });
    const link = (body: object, by = session) =>
      app.request('/api/v1/channels/link', {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${by}` },
      });
    const made = (await (await link({})).json()) as { key: string; urls: Record<string, string> };
    expect(made.urls).toEqual({
      whatsapp: `https://wa.me/351912345678?text=link%20${made.key}`,
      telegram: `https://t.me/coach_bot?start=${made.key}`,
    });
    const joined = await link({ key: made.key });
    expect(joined.status).toBe(200);
    expect(await tokens.verifyWidget(((await joined.json()) as { session_token: string }).session_token)).toMatchObject({
      conversationId: key.conversationId as ConversationId,
    });
    // Who did not hear the answer may ask again; nobody else may.
    expect((await link({ key: made.key })).status).toBe(200);
    const other = await tokens.issueWidget({
      kind: 'widget',
      ...(await openTestConversation(database, owner.creatorId)),
      sessionId: crypto.randomUUID() as never,
    });
    expect((await link({ key: made.key }, other)).status).toBe(404);
    expect((await link({ key: 'guess' })).status).toBe(404);
  });

  it('asks for a widget session', async () => {
    const answer = await app.request('/api/v1/channels/link', {
      method: 'POST',
      body: '{}',
      headers: { 'Content-Type': 'application/json' },
    });
    expect(answer.status).toBe(401);
  });
});
