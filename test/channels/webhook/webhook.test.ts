/** The webhook channel end to end: another system on a loopback port, signatures both ways. */
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { retryInput } from '../../../src/actors/retry.ts';
import { isSigned, sign } from '../../../src/channels/signature.ts';
import { AppError } from '../../../src/errors.ts';
import type { ConversationId, CreatorId } from '../../../src/ids.ts';
import { getConversation } from '../../../src/store/conversations.ts';
import { takeUp } from '../../../src/store/turns.ts';
import { emptyDatabase, testCreator, testDatabase } from '../../support/database.ts';
import { type OutsideBench, openOutside } from '../../support/outside.ts';
import { type StandInAnswer, serveJson } from '../../support/provider-stand-in.ts';
import { publish } from '../../support/runtime.ts';

interface Told {
  text: string;
  buttons: { key: string; title: string }[];
  reference: string;
  to: { id: string };
}

const db = await testDatabase();
const secret = 'a-secret-of-both-sides';
const told: Told[] = [];
const answers: StandInAnswer[] = [];
const unsigned: string[] = [];
const kept = new Map<string, Uint8Array>();
const fetched: string[] = [];
const system = await serveJson((request, path, body) => {
  if (request.method === 'GET') {
    fetched.push(path);
    const file = kept.get(path);
    return file === undefined ? { status: 404, body: {} } : { status: 200, body: null, file };
  }
  const timestamp = String(request.headers['x-companero-timestamp']);
  const hex = String(request.headers['x-companero-signature']).slice('v1='.length);
  if (!isSigned(hex, secret, `${timestamp}.`, JSON.stringify(body))) unsigned.push(hex);
  const answer = answers.shift() ?? { status: 200, body: { id: `gateway-${told.length}` } };
  if (answer.status < 300) told.push(body as never);
  return answer;
});
afterAll(() => system.close());

let bench: OutsideBench;
let creatorId: CreatorId;
let connection: string;
let count = 0;

beforeEach(async () => {
  await emptyDatabase(db);
  bench = await openOutside(db);
  creatorId = await testCreator(db);
  await publish(db, creatorId);
  connection = await bench.connect(creatorId, { channel: 'webhook', url: system.url, secret });
  told.length = 0;
  answers.length = 0;
  kept.clear();
  fetched.length = 0;
});
afterEach(() => bench.stop());

async function tells(...events: Record<string, unknown>[]): Promise<void> {
  await bench.fromSystem(connection, { events }, secret);
  await bench.settled();
}
const from = { id: '+351911000111', name: 'Ana', language: 'en' };
const message = (text: string) => ({ type: 'message', id: `in-${count++}`, from, text });
const states = () =>
  db.tenant(creatorId, (sql) => sql<{ status: string; reason: string | null }>('select status, reason from deliveries order by seq'));

it('holds a conversation, signed both ways', async () => {
  await tells(message('sleep'));
  expect(told.map(({ text, to }) => [to.id, text])).toEqual([
    [from.id, 'Welcome, Ana. For one week we look at your sleep together.'],
    [from.id, 'When do you want to get up?'],
  ]);
  expect(unsigned).toEqual([]);
  await tells({ type: 'status', id: 'gateway-0', status: 'read' }, { type: 'status', id: told[1]?.reference, status: 'delivered' });
  expect(await states()).toEqual([
    { status: 'read', reason: null },
    { status: 'sent', reason: null },
  ]);
});

it('hears a press by its key', async () => {
  await tells(message('sleep'));
  await tells(message('07:00'));
  await bench.turn(11 * 3_600_000 + 40 * 60_000);
  await tells({ type: 'button', id: 'press', from, key: told.at(-1)?.buttons[0]?.key });
  expect(told.at(-1)?.text).toBe('Well done: night 1 of 7.');
});

it('takes what it can read of a batch, once', async () => {
  const good = message('sleep');
  await tells({ type: 'nonsense' }, good, { type: 'message', id: 'x', from: { id: '' }, text: 'no' });
  await tells(good);
  expect(told).toHaveLength(2);
});

it('keeps what somebody writes while their conversation is set aside, once, and gives it to the program when it is taken up', async () => {
  await tells(message('sleep'));
  const [key] = await db.tenant(creatorId, (sql) =>
    sql<{ conversationId: ConversationId; snapshot: string }>('select id as "conversationId", snapshot from conversations'),
  );
  const put = (snapshot: string) =>
    db.tenant(creatorId, (sql) => sql('update conversations set snapshot = $1, version = version + 1', [snapshot]));
  await put('{');
  const early = message('07:00');
  await tells(early);
  await tells(early);
  const { conversationId = '' as ConversationId, snapshot = '' } = key ?? {};
  expect((await bench.messages(creatorId, conversationId)).map(({ body }) => body.text)).toEqual([
    'sleep',
    ...told.map(({ text }) => text),
    '07:00',
  ]);
  await put(snapshot);
  await takeUp(db, { creatorId, conversationId });
  const parts = { db, mailboxes: bench.runtime.mailboxes };
  await retryInput(parts, { creatorId, conversationId }, `msg:${connection}:${early.id}`, 'first');
  expect(await getConversation(db, { creatorId, conversationId })).toMatchObject({ state: 'asleep', status: 'active', seq: 4 });
});

const png = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0]);
const said = async () =>
  (await bench.messages(creatorId))
    .filter(({ role }) => role === 'contact')
    .map(({ body }) => [body.text, body.attachments?.map(({ name }) => name)]);
const file = (name: string) => ({ url: `${system.url}/${name}`, name });

it('takes files along, fetched once however often the message is told, in their order', async () => {
  for (const name of ['a.png', 'b.png', 'c.png', 'd.png', 'e.png']) kept.set(`/${name}`, png);
  const event = { ...message('my week'), files: ['a.png', 'b.png', 'c.png', 'd.png', 'e.png'].map(file) };
  await tells(event);
  await tells(event);
  await tells(
    { ...message('2'), files: [file('a.png')] },
    { type: 'message', id: 'wordless', from, files: [{ url: `${system.url}/b.png` }] },
  );
  expect(await said()).toEqual([
    ['my week', ['a.png', 'b.png', 'c.png', 'd.png', 'e.png']],
    ['2', ['a.png']],
    ['', ['file']],
  ]);
  expect(fetched).toHaveLength(7);
});

it('asks for the message again where a file cannot be kept just now, and loses none', async () => {
  kept.set('/a.png', png);
  bench.refusals.push(new AppError('OVERLOADED', 'Send the picture again in a moment'));
  const event = { ...message('my lunch'), files: [file('a.png')] };
  await expect(tells(event)).rejects.toMatchObject({ code: 'OVERLOADED' });
  expect(await said()).toEqual([]);
  await tells(event);
  expect(await said()).toEqual([['my lunch', ['a.png']]]);
  expect(told.filter(({ text }) => text.startsWith('I cannot open this file'))).toEqual([]);
});

it('tells the person of a file that cannot be had, and takes their words', async () => {
  kept.set('/page.html', new TextEncoder().encode('<html><script>alert(1)</script></html>'));
  kept.set('/good.png', png);
  kept.set('/large.png', new Uint8Array(11 * 1024 * 1024));
  await tells({ ...message('look'), files: ['page.html', 'good.png', 'gone.png', 'large.png'].map(file) });
  await tells({ type: 'message', id: 'only', from, files: [file('gone.png')] });
  expect(await said()).toEqual([['look', ['good.png']]]);
  expect(told.filter(({ text }) => text.startsWith('I cannot open this file'))).toHaveLength(1);
});

it.each([
  ['six files in one message', [6]],
  ['a file that is at no address', ['javascript:alert(1)']],
])('passes over %s', async (_, [given]) => {
  const files = typeof given === 'number' ? Array.from({ length: given }, (_unused, index) => file(`${index}.png`)) : [{ url: given }];
  await tells({ ...message('look'), files }, message('sleep'));
  expect(await said()).toEqual([['sleep', undefined]]);
  expect(fetched).toEqual([]);
});

it('refuses more files than it fetches before it answers', async () => {
  const events = Array.from({ length: 3 }, (_, index) => ({
    ...message('look'),
    files: [0, 1, 2, 3].map((n) => file(`${index}${n}.png`)),
  }));
  await expect(tells(...events)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  expect(fetched).toEqual([]);
});

it.each([
  ['refuses for good', { status: 400, body: {} }, 'failed: 400'],
  ['does not know the person', { status: 410, body: {} }, 'failed: 410'],
  ['is busy', { status: 503, body: {} }, 'queued: 503'],
  ['wants a pause', { status: 429, body: {} }, 'queued: 429'],
  ['cuts the line', { status: 0, body: null, lost: true }, 'uncertain: connection lost'],
])('writes down that the other system %s', async (_, answer, expected) => {
  answers.push(answer);
  await tells(message('sleep'));
  const [first] = await states();
  expect(`${first?.status}: ${first?.reason}`).toBe(expected);
});

it.each([
  ['an old signature', -600_000],
  ['one from the future', 600_000],
])('refuses %s', async (_, offset) => {
  const body = JSON.stringify({ events: [message('sleep')] });
  const timestamp = String(Math.floor((bench.clock.wall() + offset) / 1000));
  const headers = { 'X-Companero-Timestamp': timestamp, 'X-Companero-Signature': `v1=${sign(secret, `${timestamp}.`, body)}` };
  await expect(bench.post('webhook', connection, body, headers)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});
