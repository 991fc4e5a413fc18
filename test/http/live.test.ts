/** The sockets of members over loopback: what is told to whom, and whom a ticket lets in. */
import { afterAll, expect, test } from 'vitest';
import { serve } from '../../src/runtime/node.ts';
import { quietLog } from '../support/quiet-log.ts';
import { wholeServer } from '../support/whole-server.ts';
import { connectWidget } from '../support/widget-client.ts';

const { app, ask, sockets } = await wholeServer();
const serving = await serve({ app, sockets, host: '127.0.0.1', port: 0, log: quietLog });
afterAll(() => serving.close());
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = async (answer: Promise<Response>): Promise<any> => (await answer).json();
const base = `ws://127.0.0.1:${serving.port}/api/v1`;

async function creator(name: string) {
  const account = { email: `${name}@example.org`, password: 'a long unlikely phrase', display_name: name };
  const registered = await read(ask(null, 'POST', '/api/v1/auth/register', account));
  const token = registered.access_token as string;
  const id = registered.creator.id as string;
  const ticket = async () => (await read(ask(token, 'POST', '/api/v1/creators/live/tickets'))).ticket as string;
  const connect = (given: string) => connectWidget(`${base}/creators/live/connect`, { protocols: ['console.v1', `ticket.${given}`] });
  async function watch() {
    const client = await connect(await ticket());
    client.send({ type: 'hello' });
    await client.next(({ type }) => type === 'welcome');
    return client;
  }
  async function contact() {
    const session = await read(ask(null, 'POST', `/api/v1/channels/widget/${id}/sessions`, {}));
    const { ticket: theirs } = await read(ask(session.session_token, 'POST', `/api/v1/channels/widget/${id}/tickets`));
    const client = await connectWidget(`${base}/channels/widget/${id}/connect`, { protocols: ['coach.v1', `ticket.${theirs}`] });
    client.send({ type: 'hello', after: 0 });
    await client.next(({ type }) => type === 'welcome');
    return client;
  }
  return { id, token, ticket, connect, watch, contact };
}
const [ana, ben] = [await creator('ana'), await creator('ben')];

test('a member hears what is said and who waits for a person; another creator hears nothing of it', async () => {
  const [hers, his, contact] = [await ana.watch(), await ben.watch(), await ana.contact()];
  expect(hers.socket.protocol).toBe('console.v1');
  contact.send({ type: 'message', id: crypto.randomUUID(), text: 'PLOVER' });
  const said = await hers.next(({ type }) => type === 'conversation');
  expect(said).toMatchObject({ control: 'bot', waiting: false, messages: [{ seq: 1, role: 'contact', text: 'PLOVER' }] });
  const path = `/api/v1/creators/conversations/${said.conversation_id}`;
  await ask(ana.token, 'POST', `${path}/takeover`);
  await hers.next(({ control, waiting }) => control === 'human' && waiting === true);
  await ask(ana.token, 'POST', `${path}/messages`, { text: 'Here I am' });
  expect(await hers.next(({ control, waiting }) => control === 'human' && waiting === false)).toMatchObject({
    messages: [{ role: 'person', text: 'Here I am' }],
  });
  const other = await ben.contact();
  other.send({ type: 'message', id: crypto.randomUUID(), text: 'x' });
  await his.next(({ type }) => type === 'conversation');
  expect(his.frames.filter(({ type }) => type === 'conversation')).toHaveLength(1);
  expect(JSON.stringify(his.frames)).not.toContain('PLOVER');
  for (const client of [hers, his, contact, other]) client.socket.terminate();
});

test('a member hears what becomes of documents, of their own workspace only', async () => {
  const [hers, his] = [await ana.watch(), await ben.watch()];
  const upload = async (token: string, text: string) => {
    const form = new FormData();
    form.set('file', new File([text], 'a.md'));
    return (await read(ask(token, 'POST', '/api/v1/creators/documents', form))).document.id as string;
  };
  const told = (client: typeof hers) => client.frames.filter(({ type }) => type === 'document');
  const id = await upload(ana.token, 'Sleep well.');
  await hers.next(({ status }) => status === 'ready');
  await ask(ana.token, 'DELETE', `/api/v1/creators/documents/${id}`);
  await hers.next(({ status }) => status === 'deleted');
  expect(told(hers)).toEqual(['queued', 'ready', 'deleted'].map((status) => ({ type: 'document', document_id: id, status })));
  const broken = await upload(ben.token, '\u200b');
  await his.next(({ status }) => status === 'failed');
  expect(told(his)).toEqual(['queued', 'failed'].map((status) => ({ type: 'document', document_id: broken, status })));
  for (const client of [hers, his]) client.socket.terminate();
});

test('a ticket is good once, for its creator and its kind of socket; an API key gets none', async () => {
  const ticket = await ana.ticket();
  const client = await ana.connect(ticket);
  client.socket.terminate();
  for (const given of [ticket, 'x', '', (await ana.ticket()).replace(ana.id, ben.id)])
    await expect(ana.connect(given === '' ? 'none' : given)).rejects.toMatchObject({ status: 401 });
  const [, random] = (await ana.ticket()).split('.');
  const asWidget = connectWidget(`${base}/channels/widget/${ana.id}/connect`, { protocols: ['coach.v1', `ticket.${random}`] });
  await expect(asWidget).rejects.toMatchObject({ status: 401 });
  const key = await read(ask(ana.token, 'POST', '/api/v1/auth/api-keys', { name: 'k', scopes: ['conversations.read'] }));
  expect((await ask(key.api_key, 'POST', '/api/v1/creators/live/tickets')).status).toBe(403);
});

test('a suspended workspace loses its sockets at once, another keeps them', async () => {
  const [hers, his] = [await ana.watch(), await ben.watch()];
  sockets.hearSessions({ creator_id: ben.id, all: true });
  expect(await his.closed).toBe(4401);
  hers.send({ type: 'ping' });
  await hers.next(({ type }) => type === 'pong');
  hers.socket.terminate();
});

test('a sign-in that ends closes its sockets at once', async () => {
  const client = await ana.watch();
  expect((await ask(ana.token, 'POST', '/api/v1/auth/logout')).ok).toBe(true);
  expect(await client.closed).toBe(4401);
});
