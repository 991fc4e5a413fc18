/** The webhook channel end to end: another system on a loopback port, signatures both ways. */
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { isSigned, sign } from '../../../src/channels/signature.ts';
import type { CreatorId } from '../../../src/ids.ts';
import { testCreator, testDatabase } from '../../support/database.ts';
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
const system = await serveJson((request, _path, body) => {
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
  await db.owner((sql) => sql('truncate creators cascade'));
  bench = await openOutside(db);
  creatorId = await testCreator(db);
  await publish(db, creatorId);
  connection = await bench.connect(creatorId, { channel: 'webhook', url: system.url, secret });
  told.length = 0;
  answers.length = 0;
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
