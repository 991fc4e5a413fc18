import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import type { CreatorId } from '../../src/ids.ts';
import { ownOrigin, site, testWidgetServer } from '../support/widget-channel.ts';
import { connectWidget, RefusedUpgrade } from '../support/widget-client.ts';

const server = await testWidgetServer();
const { base, begin, clock, creatorId, mailboxes, otherCreatorId, socketUrl, sockets, ticket } = server;

const lookAlikes = [
  'null',
  'http://site.example',
  `${site}.evil.test`,
  'https://evil-site.example',
  `${site}:8443`,
  'https://sub.site.example',
];

function post(path: string, body: unknown, headers: Record<string, string> = {}, creator: CreatorId = creatorId) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(`${base(creator)}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: text });
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

/** Connects with a fresh ticket of a new session. */
async function connect() {
  const session = await begin();
  const client = await connectWidget(socketUrl(), { protocols: ['coach.v1', `ticket.${await ticket(session)}`] });
  return { session, client };
}

const statusOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 101,
    (error: unknown) => (error instanceof RefusedUpgrade ? error.status : Promise.reject(error)),
  );

const message = (text = 'hi') => ({ type: 'message', id: crypto.randomUUID() as string, text });

describe('POST link', () => {
  it('makes a key for a page of the site, and joins another session to its conversation once', async () => {
    const first = await begin();
    const second = await begin();
    const ask = (token: string, body: object, creator = creatorId) =>
      post('link', body, { authorization: `Bearer ${token}`, origin: site }, creator);
    const made = await ask(first.token, {});
    expect([made.status, made.headers.get('access-control-allow-origin')]).toEqual([201, site]);
    const { key, urls } = (await made.json()) as { key: string; urls: object };
    expect(urls).toEqual({});
    const joined = await ask(second.token, { key });
    expect(await joined.json()).toMatchObject({ session_id: first.sessionId });
    // Who did not hear the answer may ask again; nobody else may.
    expect((await ask(second.token, { key })).status).toBe(200);
    expect((await ask((await begin()).token, { key })).status).toBe(404);
    expect((await post('link', {}, { authorization: `Bearer ${first.token}` }, otherCreatorId)).status).toBe(401);
    expect((await ask(first.token, {}, otherCreatorId)).status).toBe(403);
  });
});

describe('POST sessions', () => {
  it('begins a conversation and resumes it by its token', async () => {
    const begun = await post('sessions', { contact: { name: ' Ana ', zone: 'Europe/Lisbon', language: 'pt-PT' } });
    expect(begun.status).toBe(201);
    expect(begun.headers.get('cache-control')).toBe('no-store');
    expect(server.hints.at(-1)).toEqual({ name: 'Ana', zone: 'Europe/Lisbon', language: 'pt-PT' });
    const session = (await begun.json()) as { session_token: string; session_id: string; config: object };
    expect(session.config).toMatchObject({ version: 1, position: 'right', texts: { title: '' } });
    expect(session.config).not.toHaveProperty('allowed_origins');

    const resumed = await post('sessions', { session_token: session.session_token, contact: {} });
    expect(resumed.status).toBe(200);
    expect(await resumed.json()).toMatchObject({ session_id: session.session_id });
  });

  it('starts the program a link names', async () => {
    await post('sessions', { entry: 'sleep-reset' });
    expect(mailboxes.inputs.at(-1)).toEqual({ id: 'start:sleep-reset', kind: 'start', programSlug: 'sleep-reset' });
  });

  it.each([
    ['{', 400],
    [{ contact: { zone: '+01:00' } }, 400],
    [{ contact: { zone: 'Mars/Base' } }, 400],
    [{ contact: { language: 'pt_PT' } }, 400],
    [{ contact: { name: 'x'.repeat(201) } }, 400],
    [{ contact: { name: 'a\u0000b' } }, 400],
    [{ contact: { email: 'a@b.example' } }, 400],
    [{ creator_id: 'x' }, 400],
    [{ entry: '../x' }, 400],
    [{ session_token: 'forged' }, 401],
    [{ contact: { name: 'x'.repeat(20_000) } }, 413],
  ])('answers %.60j with %i', async (body, status) => {
    expect((await post('sessions', body)).status).toBe(status);
  });

  it("row 26: answers 401 for another creator's token and for a conversation that is gone", async () => {
    const session = await begin();
    expect((await post('sessions', { session_token: session.token }, {}, otherCreatorId)).status).toBe(401);
    const gone = btoa(JSON.stringify({ kind: 'widget', creatorId, sessionId: creatorId, conversationId: creatorId }));
    expect(await codeOf(await post('sessions', { session_token: gone }))).toBe('SESSION_ENDED');
  });

  it.each(['00000000-0000-7000-8000-000000000000', 'x', '%00'])('answers 404 for the creator %s', async (creator) => {
    expect((await post('sessions', {}, {}, creator as CreatorId)).status).toBe(404);
  });

  it('limits how many conversations an address begins', async () => {
    let response = await post('sessions', {}, {}, otherCreatorId);
    for (let count = 0; count < 100 && response.status === 201; count++) response = await post('sessions', {}, {}, otherCreatorId);
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    clock.advance(600_000);
    expect((await post('sessions', {}, {}, otherCreatorId)).status).toBe(201);
  });
});

describe('origins', () => {
  it.each([ownOrigin, site])('lets in %s, without credentials', async (origin) => {
    const response = await fetch(`${base(creatorId)}/config`, { headers: { origin } });
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    expect(response.headers.get('vary')).toContain('Origin');
  });

  it.each(lookAlikes)('refuses %s', async (origin) => {
    for (const [path, method] of [
      ['config', 'GET'],
      ['sessions', 'POST'],
      ['tickets', 'POST'],
      ['sessions', 'OPTIONS'],
    ] as const) {
      const response = await fetch(`${base(creatorId)}/${path}`, { method, headers: { origin } });
      expect(response.status).toBe(403);
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('an empty list means the own origin only', async () => {
    const ask = (origin: string) => fetch(`${base(otherCreatorId)}/config`, { headers: { origin } });
    expect((await ask(ownOrigin)).status).toBe(200);
    expect((await ask(site)).status).toBe(403);
  });

  it('answers preflights and lets pages read errors', async () => {
    const headers = { origin: site, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
    const preflight = await fetch(`${base(creatorId)}/tickets`, { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization');
    const refused = await post('tickets', '', { origin: site });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('access-control-allow-origin')).toBe(site);
  });
});

describe('connect', () => {
  it('answers coach.v1 and never the ticket', async () => {
    const { client } = await connect();
    expect(client.socket.protocol).toBe('coach.v1');
    expect(client.socket.extensions).toBe('');
    client.socket.close();
  });

  it('takes a ticket from the page that asked for it', async () => {
    const session = await begin();
    const protocols = ['coach.v1', `ticket.${await ticket(session, site)}`];
    const client = await connectWidget(socketUrl(), { protocols, origin: site });
    client.socket.close();
  });

  it('row 24: takes a ticket once', async () => {
    const protocols = ['coach.v1', `ticket.${await ticket(await begin())}`];
    const client = await connectWidget(socketUrl(), { protocols });
    expect(await statusOf(connectWidget(socketUrl(), { protocols }))).toBe(401);
    client.socket.close();
  });

  it('takes a ticket for 60 s', async () => {
    const protocols = ['coach.v1', `ticket.${await ticket(await begin())}`];
    clock.advance(61_000);
    expect(await statusOf(connectWidget(socketUrl(), { protocols }))).toBe(401);
  });

  it("refuses another creator's ticket, one from another page, one in the query, and none", async () => {
    const session = await begin();
    const foreign = await begin(otherCreatorId);
    const offer = async (value: string) => ['coach.v1', `ticket.${value}`];
    expect(await statusOf(connectWidget(socketUrl(), { protocols: await offer(await ticket(foreign)) }))).toBe(401);
    expect(await statusOf(connectWidget(socketUrl(), { protocols: await offer(await ticket(session, ownOrigin)), origin: site }))).toBe(
      401,
    );
    expect(await statusOf(connectWidget(`${socketUrl()}?ticket=${await ticket(session)}`, { protocols: ['coach.v1'] }))).toBe(400);
    expect(await statusOf(connectWidget(socketUrl(), { protocols: ['coach.v1'] }))).toBe(401);
    expect(await statusOf(connectWidget(socketUrl(), { protocols: ['coach.v1', 'ticket.x'] }))).toBe(401);
    expect(await statusOf(connectWidget(socketUrl(), { protocols: [`ticket.${await ticket(session)}`] }))).toBe(401);
    expect(await statusOf(connectWidget(socketUrl()))).toBe(401);
  });

  it.each(lookAlikes)('row 24: refuses the origin %s before the upgrade, and leaves the ticket unused', async (origin) => {
    const protocols = ['coach.v1', `ticket.${await ticket(await begin())}`];
    expect(await statusOf(connectWidget(socketUrl(), { protocols, origin }))).toBe(403);
    const client = await connectWidget(socketUrl(), { protocols });
    client.socket.close();
  });

  it('answers 400 to a request that is no upgrade', async () => {
    expect((await fetch(`${base(creatorId)}/connect`)).status).toBe(400);
  });

  it('limits tickets per session', async () => {
    const session = await begin();
    const headers = { authorization: `Bearer ${session.token}` };
    const statuses: number[] = [];
    for (let count = 0; count < 31; count++) statuses.push((await post('tickets', '', headers)).status);
    expect(statuses).toEqual([...Array(30).fill(201), 429]);
  });
});

describe('the socket', () => {
  it('speaks coach.v1 from hello to ack', async () => {
    const { session, client } = await connect();
    client.send({ type: 'hello' });
    expect(await client.next(({ type }) => type === 'welcome')).toMatchObject({ session_id: session.sessionId, seq: 0, config_version: 1 });
    const sent = message('good morning');
    client.send(sent);
    expect(await client.next(({ type }) => type === 'ack')).toEqual({ type: 'ack', id: sent.id, seq: 1 });
    mailboxes.say(session, { text: 'and to you' });
    expect(await client.next(({ seq, type }) => type === 'message' && seq === 2)).toMatchObject({ role: 'coach', text: 'and to you' });
    client.send({ type: 'ping' });
    await client.next(({ type }) => type === 'pong');
    client.socket.close(1000);
    expect(await client.closed).toBe(1000);
  });

  it('resumes after a reconnect by seq, also when the news was lost', async () => {
    const { session, client } = await connect();
    client.send({ type: 'hello' });
    mailboxes.say(session, { text: 'one' });
    await client.next(({ seq, type }) => type === 'message' && seq === 1);
    client.socket.terminate();
    await client.closed;
    mailboxes.say(session, { text: 'two' });

    const again = await connectWidget(socketUrl(), { protocols: ['coach.v1', `ticket.${await ticket(session)}`] });
    again.send({ type: 'hello', after: 1 });
    await again.next(({ seq, type }) => type === 'message' && seq === 2);
    mailboxes.say(session, { text: 'three' }, true);
    mailboxes.say(session, { text: 'four' });
    await again.next(({ seq, type }) => type === 'message' && seq === 4);
    expect(again.frames.map(({ type, seq }) => [type, seq])).toEqual([
      ['welcome', 2],
      ['message', 2],
      ['message', 3],
      ['message', 4],
    ]);
    again.socket.close();
  });

  it('reads the record when it hears that news may have been lost', async () => {
    const { session, client } = await connect();
    client.send({ type: 'hello' });
    await client.next(({ type }) => type === 'welcome');
    mailboxes.say(session, { text: 'one' }, true);
    mailboxes.publish(session, { type: 'missed' });
    await client.next(({ seq, type }) => type === 'message' && seq === 1);
    expect(client.frames.map(({ type }) => type)).toEqual(['welcome', 'message']);
    client.socket.close();
  });

  it('gives two sockets of one conversation the same messages', async () => {
    const { session, client } = await connect();
    const second = await connectWidget(socketUrl(), { protocols: ['coach.v1', `ticket.${await ticket(session)}`] });
    for (const each of [client, second]) each.send({ type: 'hello' });
    for (const each of [client, second]) await each.next(({ type }) => type === 'welcome');
    client.send(message('from the first'));
    for (const each of [client, second]) await each.next(({ type, text }) => type === 'message' && text === 'from the first');
    expect(second.frames.map(({ type }) => type)).toEqual(['welcome', 'message']);
    client.socket.close();
    second.socket.close();
  });

  it.each([
    ['binary', 1003, (socket: WebSocket) => socket.send(Buffer.from('{"type":"ping"}'), { binary: true })],
    ['70 kB', 1009, (socket: WebSocket) => socket.send('x'.repeat(70_000))],
    ['10 MB', 1009, (socket: WebSocket) => socket.send('x'.repeat(10_000_000))],
    ['invalid UTF-8', 1007, (socket: WebSocket) => socket.send(Buffer.from([0xc3, 0x28]), { binary: false })],
  ] as const)('row 25: closes %s with %i', async (_name, code, attack) => {
    const { client } = await connect();
    client.socket.on('error', () => undefined);
    client.send({ type: 'hello' });
    await client.next(({ type }) => type === 'welcome');
    attack(client.socket);
    expect(await client.closed).toBe(code);
  });

  it('closes what comes before hello with 1008, and a silent client after 5 s', async () => {
    const early = await connect();
    early.client.send(message());
    expect(await early.client.closed).toBe(1008);
    expect(early.client.frames).toMatchObject([{ type: 'error', error: { code: 'INVALID_INPUT' } }]);

    const silent = await connect();
    clock.advance(5_000);
    expect(await silent.client.closed).toBe(1008);
  });

  it('answers a flood with RATE_LIMITED, then closes with 1008', async () => {
    const { client } = await connect();
    client.send({ type: 'hello' });
    await client.next(({ type }) => type === 'welcome');
    const before = mailboxes.inputs.length;
    for (let count = 0; count < 1000; count++) client.send(message(`${count}`));
    expect(await client.closed).toBe(1008);
    expect(mailboxes.inputs.length - before).toBe(29);
    expect(client.frames.find(({ type }) => type === 'error')).toMatchObject({ error: { code: 'RATE_LIMITED' } });
  });

  it('closes a client that never reads, with little kept for it', async () => {
    const { session, client } = await connect();
    client.send({ type: 'hello' });
    await client.next(({ type }) => type === 'welcome');
    client.socket.pause();
    const heap = process.memoryUsage().arrayBuffers;
    const text = 'x'.repeat(100_000);
    for (let count = 0; count < 500; count++) mailboxes.say(session, { text });
    await new Promise((resolve) => setImmediate(resolve));
    expect(process.memoryUsage().arrayBuffers - heap).toBeLessThan(30_000_000);
    clock.advance(11_000);
    client.socket.resume();
    expect(await client.closed).toBe(1013);
    expect(client.frames.length).toBeLessThan(500);
  });
});

describe('a session that ends', () => {
  it('row 27: closes its sockets with 4401 at once, and nobody else’s', async () => {
    const mine = await connect();
    const theirs = await connect();
    for (const { client } of [mine, theirs]) client.send({ type: 'hello' });
    for (const { client } of [mine, theirs]) await client.next(({ type }) => type === 'welcome');
    const { conversationId } = mine.session;
    sockets.hearSessions('no news');
    sockets.hearSessions({ creator_id: otherCreatorId, conversation_ids: [conversationId], all: true });
    sockets.hearSessions({ creator_id: creatorId, conversation_ids: [conversationId], sids: ['x'] });
    expect(await mine.client.closed).toBe(4401);
    theirs.client.send({ type: 'ping' });
    await theirs.client.next(({ type }) => type === 'pong');
    sockets.hearSessions({ creator_id: creatorId, all: true });
    expect(await theirs.client.closed).toBe(4401);
  });
});

describe('configuration', () => {
  const address = base(creatorId).replace(/channels\/widget\/.*$/, 'creators/widget');
  const put = (body: unknown) =>
    fetch(address, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

  it('is replaced whole, with a version that grows', async () => {
    const before = (await (await fetch(address)).json()) as { version: number };
    const settings = { theme: { accent: '#1f6f5c' }, texts: { title: 'Sono' }, languages: ['pt-PT'], allowed_origins: [site] };
    const saved = await (await put(settings)).json();
    expect(saved).toMatchObject({ ...settings, theme: { accent: '#1f6f5c', scheme: 'auto' }, version: before.version + 1 });
    expect(await (await fetch(address)).json()).toEqual(saved);
    const shown = (await (await fetch(`${base(creatorId)}/config`)).json()) as object;
    expect(shown).toMatchObject({ texts: { title: 'Sono' }, version: before.version + 1 });
    expect(shown).not.toHaveProperty('allowed_origins');
  });

  it('tells the creator’s open sockets when it changes, and nobody else’s', async () => {
    const { client } = await connect();
    const other = await begin(otherCreatorId);
    const theirs = await connectWidget(socketUrl(otherCreatorId), { protocols: ['coach.v1', `ticket.${await ticket(other)}`] });
    for (const each of [client, theirs]) each.send({ type: 'hello' });
    for (const each of [client, theirs]) await each.next(({ type }) => type === 'welcome');
    const { version } = (await (await put({ position: 'left', allowed_origins: [site] })).json()) as { version: number };
    await client.next((frame) => frame.type === 'config' && frame.version === version);
    theirs.send({ type: 'ping' });
    await theirs.next(({ type }) => type === 'pong');
    expect(theirs.frames.map(({ type }) => type)).toEqual(['welcome', 'pong']);
    for (const each of [client, theirs]) each.socket.close();
  });

  it.each([{ unknown: 1 }, { version: 9 }, { allowed_origins: ['https://*.example'] }, 'text'])('refuses %j', async (body) => {
    expect((await put(body)).status).toBe(400);
  });

  it('gives the tag for a page', async () => {
    const { html } = (await (await fetch(`${address}/snippet`)).json()) as { html: string };
    expect(html).toBe(`<script src="${ownOrigin}/widget.js" data-creator="${creatorId}" async></script>`);
  });
});

it('says goodbye to every socket when the server closes, and takes no more', async () => {
  const { client } = await connect();
  client.send({ type: 'hello' });
  await client.next(({ type }) => type === 'welcome');
  const closing = server.serving.close();
  expect(await client.closed).toBe(1001);
  expect(client.frames.at(-1)).toEqual({ type: 'closing', retry_after_ms: 2000 });
  await closing;
  await expect(fetch(`${base(creatorId)}/config`)).rejects.toThrow();
});
