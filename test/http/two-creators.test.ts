/** The whole API as two creators at once: the ids of one, tried by the other in every place that takes an id, are like ids of nothing. */
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serve } from '../../src/runtime/node.ts';
import { testApp } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { sleepReset } from '../support/example.ts';
import { quietLog } from '../support/quiet-log.ts';
import { idPlaces, type JsonSchema, sampleOf, withValue } from '../support/sample.ts';
import { wholeServer } from '../support/whole-server.ts';
import { connectWidget, RefusedUpgrade } from '../support/widget-client.ts';

const { app, ask, sockets } = await wholeServer({ OUTBOUND_ALLOW: 'http://127.0.0.1:1' });
const serving = await serve({ app, sockets, host: '127.0.0.1', port: 0, log: quietLog });
afterAll(() => serving.close());

// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
async function made(answer: Promise<Response>): Promise<any> {
  const response = await answer;
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot prepare: ${response.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
}

interface Operation {
  security?: unknown[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
}
const { paths } = (await made(Promise.resolve(app.request('/openapi.json')))) as { paths: Record<string, Record<string, Operation>> };

/** A creator with one of everything, and the ids of it by what stands before them in an address. */
async function creator(name: string) {
  const password = 'a long unlikely phrase';
  const registered = await made(ask(null, 'POST', '/api/v1/auth/register', { email: `${name}@example.org`, password, display_name: name }));
  const token = registered.access_token as string;
  const post = (path: string, json: unknown) => made(ask(token, 'POST', path, json));
  const get = (path: string) => made(ask(token, 'GET', path));
  const { program } = await post('/api/v1/creators/programs', { definition: sleepReset });
  await post(`/api/v1/creators/programs/${program.id}/publish`, {});
  const begin = () => made(ask(null, 'POST', `/api/v1/channels/widget/${registered.creator.id}/sessions`, {}));
  const session = await begin();
  const conversation = (await get('/api/v1/creators/conversations')).items[0];
  const contact = (await get('/api/v1/creators/contacts')).items[0];
  const form = new FormData();
  form.set('file', new File([`# Sleep\n\n${name} sleeps nine hours.`], 'sleep.md'));
  const { document } = await post('/api/v1/creators/documents', form);
  const { connection } = await post('/api/v1/channels/connections', { channel: 'webhook', url: 'http://127.0.0.1:1/in' });
  const { broadcast } = await post('/api/v1/creators/broadcasts', { content: { en: { text: name } }, at: '2099-01-01T09:00:00Z' });
  const { webhook } = await post('/api/v1/creators/webhooks', { url: 'http://127.0.0.1:1/hook', events: ['message'] });
  const key = await post('/api/v1/auth/api-keys', { name: 'k', scopes: ['contacts.read'] });
  const { member } = await post('/api/v1/auth/members', { email: `${name}-2@example.org`, display_name: 'Two', role: 'viewer' });
  await begin();
  const other = (await get('/api/v1/creators/contacts')).items.find(({ id }: { id: string }) => id !== contact.id);
  const { erasure } = await post(`/api/v1/auth/privacy/contacts/${other.id}/erase`, {});
  const medium = await upload(registered.creator.id, session.session_token);
  const sessions = (await get('/api/v1/auth/sessions')).items[0];
  const ids: Record<string, string> = {
    programs: program.id,
    conversations: conversation.id,
    contacts: contact.id,
    documents: document.id,
    webhooks: webhook.id,
    'api-keys': key.id,
    members: member.id,
    sessions: sessions.id,
    connections: connection.id,
    broadcasts: broadcast.id,
    erasures: erasure.id,
    media: medium.id,
    creators: registered.creator.id,
  };
  return { name, token, ids, session, medium, second: await begin(), creatorId: registered.creator.id as string };
}
type Creator = Awaited<ReturnType<typeof creator>>;

/** Sends a file into the conversation of a widget session. */
async function upload(creatorId: string, token: string) {
  const form = new FormData();
  form.set('file', new File(['a note'], 'note.txt'));
  return made(ask(token, 'POST', `/api/v1/channels/widget/${creatorId}/media`, form));
}

/** What an answer says, without what differs by request. */
async function said(answer: Promise<Response>, ...ids: string[]) {
  const response = await answer;
  const text = ids.reduce((all, id) => all.replaceAll(id, 'ID'), await response.text());
  return [response.status, text.replace(/"(request_id|timestamp)":"[^"]*"/g, '"$1":""')] as const;
}

/** Texts that fit where a sample of the schema would not. */
const hints = {
  email: 'someone@example.org',
  definition: sleepReset,
  url: 'http://127.0.0.1:1/hook',
  events: ['message'],
  scopes: ['contacts.read'],
  password: 'a long unlikely phrase',
  new_password: 'another unlikely phrase',
  current_password: 'a wrong phrase at all',
  role: 'viewer',
};

const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, operation]) =>
    operation.security?.length === 0 || path.startsWith('/api/v1/operator') || path.startsWith('/api/v1/channels/widget')
      ? []
      : [{ method: method.toUpperCase(), path, schema: operation.requestBody?.content['application/json']?.schema }],
  ),
);

/** The ids to try in a place: of the kind the address names, or of every kind where the test knows none. */
function idsFor(path: string, ids: Record<string, string>): string[] {
  const kind = /([a-z-]+)\/\{\w+\}/.exec(path)?.[1] ?? '';
  const known = ids[kind];
  return known === undefined ? Object.values(ids) : [known];
}

/** One place of one route that takes an id, and how to ask with an id there. */
interface Place {
  what: string;
  inPath: boolean;
  ids: string[];
  ask(id: string): Promise<Response>;
}

function placesOf(mine: Creator, theirs: Creator): Place[] {
  return operations.flatMap(({ method, path, schema }) => {
    const sample = schema === undefined ? undefined : sampleOf(schema, hints);
    const at = (id: string) => path.replace(/\{(n|version)\}/g, '1').replace(/\{\w+\}/g, id);
    const request = (id: string, json: unknown, accept = '*/*') =>
      ask(mine.token, method, at(id), json, { 'If-Match': '"1"', Accept: accept });
    const inPath: Place = {
      what: `${method} ${path}`,
      inPath: /\{(\w*id|delivery)\}/.test(path),
      ids: path.includes('{') ? idsFor(path, theirs.ids) : [],
      ask: (id) => request(id, sample),
    };
    const own = idsFor(path, mine.ids)[0] ?? '';
    const inBody = (schema === undefined ? [] : idPlaces(schema)).map((place) => ({
      what: `${method} ${path} ${place.join('.')}`,
      inPath: false,
      ids: Object.values(theirs.ids),
      ask: (id: string) => request(own, withValue(sample, place, id)),
    }));
    // A route that can tell its answer as a feed must not tell it to others either.
    const asFeed: Place = { ...inPath, what: `${inPath.what} as a feed`, ask: (id) => request(id, sample, 'text/event-stream') };
    return [inPath, asFeed, ...inBody];
  });
}

/** Every answer to an id of `theirs` that is not the answer to an id of nothing, and how many were not found. */
async function tryEverywhere(mine: Creator, theirs: Creator): Promise<{ leaks: string[]; notFound: number; tried: number }> {
  const result = { leaks: [] as string[], notFound: 0, tried: 0 };
  for (const place of placesOf(mine, theirs)) {
    for (const id of place.ids) {
      const nothing = crypto.randomUUID();
      const [foreign, unknown] = [await said(place.ask(id), id), await said(place.ask(nothing), nothing)];
      const opened = place.inPath && foreign[0] < 400;
      if (opened || JSON.stringify(foreign) !== JSON.stringify(unknown)) result.leaks.push(`${place.what}: ${foreign} ≠ ${unknown}`);
      if (place.inPath) result.tried += 1;
      if (place.inPath && foreign[0] === 404) result.notFound += 1;
    }
  }
  return result;
}

/** Everything a creator has, but what its own asking changes. */
async function recordOf({ token }: Creator): Promise<Record<string, string>> {
  const response = await ask(token, 'POST', '/api/v1/auth/privacy/export');
  const entries = Object.entries(unzipSync(new Uint8Array(await response.arrayBuffer())));
  const own = ['refresh_families.json', 'documents.json', 'chunks.json', 'postings.json', 'embeddings.json', 'effects.json'];
  return Object.fromEntries(entries.filter(([name]) => !own.includes(name)).map(([name, bytes]) => [name, Buffer.from(bytes).toString()]));
}

let ana: Creator;
let ben: Creator;
beforeAll(async () => {
  [ana, ben] = await Promise.all([creator('ana'), creator('ben')]);
});

describe('row 15: two creators', () => {
  test('meet nothing of each other in any place that takes an id', async () => {
    expect(operations.filter(({ path }) => path.includes('{')).length).toBeGreaterThan(30);
    const before = await Promise.all([recordOf(ana), recordOf(ben)]);
    const tried = await Promise.all([tryEverywhere(ana, ben), tryEverywhere(ben, ana)]);
    expect(tried.flatMap(({ leaks }) => leaks)).toEqual([]);
    // The rest is refused for its body before anything is looked up.
    for (const { notFound, tried: all } of tried) expect(notFound / all).toBeGreaterThan(0.8);
    const after = await Promise.all([recordOf(ana), recordOf(ben)]);
    for (const [index, tables] of before.entries()) {
      for (const name of ['contacts.json', 'messages.json', 'members.json', 'webhooks.json', 'api_keys.json', 'program_versions.json']) {
        expect([name, after[index]?.[name]]).toEqual([name, tables[name]]);
      }
    }
  });

  test('list their own rows only', async () => {
    const lists = operations.filter(({ method, path }) => method === 'GET' && !path.includes('{'));
    for (const { path } of lists) {
      const text = await (await ask(ana.token, 'GET', path)).text();
      for (const id of Object.values(ben.ids)) expect([path, text.includes(id)]).toEqual([path, false]);
    }
  });

  test('have widget tokens that open their own widget only', async () => {
    const ticket = (creatorId: string, token: string) => ask(token, 'POST', `/api/v1/channels/widget/${creatorId}/tickets`);
    expect((await ticket(ana.creatorId, ana.session.session_token)).status).toBe(201);
    expect((await ticket(ben.creatorId, ana.session.session_token)).status).toBe(401);
    const resume = ask(null, 'POST', `/api/v1/channels/widget/${ben.creatorId}/sessions`, { session_token: ana.session.session_token });
    expect((await resume).status).toBe(401);
  });
});

describe('the sockets of two creators', () => {
  const base = (creatorId: string) => `ws://127.0.0.1:${serving.port}/api/v1/channels/widget/${creatorId}/connect`;
  const ticketOf = async (of: Creator, token: string) =>
    (await made(ask(token, 'POST', `/api/v1/channels/widget/${of.creatorId}/tickets`))).ticket as string;
  const connect = async (of: Creator, ticket: string) => connectWidget(base(of.creatorId), { protocols: ['coach.v1', `ticket.${ticket}`] });
  async function open(of: Creator, { session_token: token } = of.session) {
    const client = await connect(of, await ticketOf(of, token));
    client.send({ type: 'hello', after: 0 });
    await client.next(({ type }) => type === 'welcome');
    return client;
  }

  test('open with tickets of their own only', async () => {
    const refused = connect(ben, await ticketOf(ana, ana.session.session_token));
    await expect(refused).rejects.toMatchObject({ constructor: RefusedUpgrade, status: 401 });
  });

  test('hear what is said in their own conversation only', async () => {
    const [speaks, sameConversation, sameCreator, otherCreator] = [
      await open(ana),
      await open(ana),
      await open(ana, ana.second),
      await open(ben),
    ];
    const id = crypto.randomUUID();
    speaks.send({ type: 'message', id, text: 'PLOVER' });
    await sameConversation.next((frame) => JSON.stringify(frame).includes('PLOVER'));
    for (const client of [sameCreator, otherCreator]) {
      client.send({ type: 'message', id: crypto.randomUUID(), text: 'x' });
      await client.next(({ type }) => type === 'ack');
      expect(JSON.stringify(client.frames)).not.toContain('PLOVER');
    }
    for (const client of [speaks, sameConversation, sameCreator, otherCreator]) client.socket.terminate();
  });

  test('take no file of the other, as if there were none', async () => {
    const client = await open(ana);
    const answerTo = async (file: string) => {
      const id = crypto.randomUUID();
      client.send({ type: 'message', id, text: 'look', attachments: [file] });
      const { error } = (await client.next((frame) => frame.id === id)) as unknown as { error: { code: string; message: string } };
      return [error.code, error.message.replace(file, 'ID')];
    };
    expect(await answerTo(ben.medium.id)).toEqual(await answerTo(crypto.randomUUID()));
    client.socket.terminate();
  });
});

test('files of two creators open by their own links only', async () => {
  const get = (url: string) => said(Promise.resolve(app.request(url)), ana.creatorId, ben.creatorId, ana.medium.id, ben.medium.id);
  const { url } = ana.medium as { url: string };
  expect((await app.request(url)).status).toBe(200);
  const refused = await get(url.replace(/signature=./, (start) => (start.endsWith('A') ? 'signature=B' : 'signature=A')));
  expect(refused[0]).toBe(403);
  expect(await get(url.replace(ana.creatorId, ben.creatorId))).toEqual(refused);
  expect(await get(url.replace(ana.medium.id, ben.medium.id))).toEqual(refused);
  const ofBen = `/api/v1/channels/widget/${ana.creatorId}/media/`;
  const [foreign, unknown] = [ben.medium.id, crypto.randomUUID()];
  const token = ana.session.session_token;
  expect(await said(ask(token, 'GET', ofBen + foreign), foreign)).toEqual(await said(ask(token, 'GET', ofBen + unknown), unknown));
});

test('two creators who ask the same are answered from their own documents', async () => {
  const ready = async (of: Creator) => (await made(ask(of.token, 'GET', `/api/v1/creators/documents/${of.ids.documents}`))).document.status;
  for (const of of [ana, ben]) await expect.poll(() => ready(of), { timeout: 15_000 }).toBe('ready');
  const answer = async (of: Creator) =>
    JSON.stringify(await made(ask(of.token, 'POST', '/api/v1/ai/query', { question: 'Who sleeps nine hours?' })));
  for (const [of, other] of [
    [ana, ben],
    [ben, ana],
    [ana, ben],
  ] as const) {
    const text = await answer(of);
    expect(text).toContain(`${of.name} sleeps nine hours`);
    expect(text).not.toContain(`${other.name} sleeps`);
  }
});

test('every key of the shared cache names its creator, or the installation', async () => {
  const database = await testDatabase();
  const clock = manualClock(Date.UTC(2026, 0, 1));
  const keys: string[] = [];
  const { createMemoryCache } = await import('../../src/shared/memory.ts');
  const cache = createMemoryCache(clock);
  const noting = new Proxy(cache, {
    get(target, name: keyof typeof cache) {
      return (...args: unknown[]) => {
        if (typeof args[0] === 'string') keys.push(args[0]);
        return (target[name] as (...given: unknown[]) => unknown)(...args);
      };
    },
  });
  const { newMember } = await testApp(database, clock, { cache: noting });
  const { call, creatorId } = await newMember();
  await call('GET', '/api/v1/auth/me');
  await call('POST', '/api/v1/auth/logout');
  await call('POST', '/api/v1/auth/login', { email: 'a@example.org', password: 'x' });
  expect(keys.length).toBeGreaterThan(4);
  expect(keys.filter((key) => !key.includes(`:creator_${creatorId}:`) && !key.includes(':installation:'))).toEqual([]);
});
