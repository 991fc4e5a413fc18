/** A provider that is out for hours: what was said waits in its order, is tried ever more rarely, and is given up in the open. */
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConversationKey } from '../../src/actors/input.ts';
import type { ConversationId, CreatorId } from '../../src/ids.ts';
import { listTurns } from '../../src/store/conversations.ts';
import { listDeadLetters, replayDelivery } from '../../src/store/deliveries.ts';
import { emptyDatabase, testCreator, testDatabase } from '../support/database.ts';
import { type OutsideBench, openOutside } from '../support/outside.ts';
import { serveJson } from '../support/provider-stand-in.ts';
import { publish } from '../support/runtime.ts';
import { botToken, textUpdate } from '../support/telegram-stand-in.ts';
import { inbound, webhookBody, whatsappAccount } from '../support/whatsapp-stand-in.ts';

const db = await testDatabase();
const secret = 'a-secret-of-both-sides';
const minute = 60_000;
const welcome = /^Welcome/;
const askWake = 'When do you want to get up?';

let out = true;
/** Tries that met the outage, and texts that were taken, with the person each was for. */
let refused: string[] = [];
let taken: { to: string; text: string }[] = [];
const system = await serveJson((_request, _path, body) => {
  const { to, text } = body as unknown as { to: { id: string }; text: string };
  if (out) {
    refused.push(to.id);
    return { status: 503, body: '<html>' };
  }
  taken.push({ to: to.id, text });
  return { status: 200, body: { id: `gateway-${taken.length}` } };
});
afterAll(() => system.close());

let bench: OutsideBench;
let creatorId: CreatorId;
let connection: string;

beforeEach(async () => {
  await emptyDatabase(db);
  bench = await openOutside(db);
  creatorId = await testCreator(db);
  await publish(db, creatorId);
  out = true;
  refused = [];
  taken = [];
});
afterEach(() => bench.stop());

/** A list of faults that gives one fault for as long as the provider is out. */
const whileOut = <Fault>(fault: Fault) =>
  Object.assign([] as Fault[], {
    shift() {
      if (out) refused.push('');
      return out ? fault : undefined;
    },
  });

/** Each channel: how its account is connected, how somebody writes, what has arrived, and the word of the refusal. */
const channels = {
  whatsapp: {
    async open() {
      connection = await bench.connect(creatorId, { channel: 'whatsapp', ...whatsappAccount });
      bench.whatsapp.faults = whileOut('http 503' as const);
    },
    write: (text: string, id: string) =>
      bench.fromMeta(connection, webhookBody(inbound(`wamid.${id}`, { phone: '351911000111' }, { type: 'text', text: { body: text } }))),
    said: () => bench.whatsapp.sent.map(({ body }) => (body.text as { body: string }).body),
    reason: 'http 503',
  },
  telegram: {
    async open() {
      connection = await bench.connect(creatorId, { channel: 'telegram', token: botToken });
      bench.telegram.faults = whileOut({ status: 503, description: 'Service Unavailable' });
    },
    write: (text: string, id: string) => bench.fromTelegram(connection, textUpdate(Number(id), 4711, text)),
    said: () => bench.telegram.sent.map(({ params }) => String(params.text)),
    reason: '503',
  },
  webhook: {
    async open() {
      connection = await bench.connect(creatorId, { channel: 'webhook', url: system.url, secret });
    },
    write: (text: string, id: string) => tell(text, id, '+351911000111'),
    said: () => taken.map(({ text }) => text),
    reason: '503',
  },
};

function tell(text: string, id: string, person: string): Promise<void> {
  const event = { type: 'message', id, from: { id: person, name: 'Ana', language: 'en' }, text };
  return bench.fromSystem(connection, { events: [event] }, secret);
}

/** Minutes go by, one at a time, until enough have or `over` says so; gives how many. */
async function pass(minutes: number, over: () => boolean | Promise<boolean> = () => false): Promise<number> {
  let gone = 0;
  while (gone < minutes && !(await over())) {
    await bench.turn(minute);
    gone += 1;
  }
  return gone;
}

const standing = () =>
  db.tenant(creatorId, (sql) =>
    sql<{ status: string; reason: string | null; attempts: number }>('select status, reason, attempts from deliveries order by seq, part'),
  );

describe.each(Object.entries(channels))('what was said over %s', (_name, channel) => {
  it('arrives once and in its order when the provider is back after half an hour', async () => {
    await channel.open();
    await channel.write('sleep', '1');
    await pass(15);
    await channel.write('why do you ask?', '2');
    await pass(15);
    expect(channel.said()).toEqual([]);
    expect(await standing()).toEqual([{ status: 'queued', reason: channel.reason, attempts: expect.any(Number) }]);
    // Ever more rarely, and only the first of them.
    expect(refused.length).toBeGreaterThan(5);
    expect(refused.length).toBeLessThanOrEqual(11);
    out = false;
    await pass(60, () => channel.said().length >= 3);
    await pass(5);
    expect(channel.said()).toEqual([expect.stringMatching(welcome), askWake, 'Nine hours.']);
    expect(new Set((await standing()).map(({ status }) => status))).toEqual(new Set(['sent']));
  });

  it('is given up after eleven tries each when it is out for longer, in the open, and can be sent again by hand', async () => {
    await channel.open();
    await channel.write('sleep', '1');
    const isOver = async () => (await standing()).filter(({ status }) => status === 'failed').length === 2;
    const minutes = await pass(300, isOver);
    // Half as long and half as long again, by chance: twice eleven tries last 68 minutes each.
    expect(minutes).toBeGreaterThan(2 * 34);
    expect(minutes).toBeLessThan(2 * 103);
    expect(await standing()).toEqual([
      { status: 'failed', reason: channel.reason, attempts: 11 },
      { status: 'failed', reason: channel.reason, attempts: 11 },
    ]);
    expect(refused).toHaveLength(22);
    const { items } = await listDeadLetters(db, creatorId, { limit: 10 });
    expect(items).toMatchObject([
      { seq: 3, reason: channel.reason, attempts: 11 },
      { seq: 2, reason: channel.reason, attempts: 11 },
    ]);
    const key: ConversationKey = { creatorId, conversationId: items[0]?.conversationId as ConversationId };
    const turns = await listTurns(db, key, Number.MAX_SAFE_INTEGER, 100);
    expect(turns.filter(({ trace }) => (trace as { as: string }).as === 'send.failed')).toHaveLength(2);
    // Nobody goes on trying, and nothing returns by itself.
    await pass(120);
    out = false;
    await pass(10);
    expect([refused.length, channel.said()]).toEqual([22, []]);
    await channel.write('why do you ask?', '2');
    await bench.settled();
    for (const { seq } of items.toReversed()) expect(await replayDelivery(db, { ...key, seq }, crypto.randomUUID())).toBe(true);
    await bench.settled();
    expect(channel.said()).toEqual(['Nine hours.', expect.stringMatching(welcome), askWake]);
  });
});

it('what the program said of its own accord is not sent to somebody who has opted out meanwhile', async () => {
  await channels.webhook.open();
  out = false;
  await channels.webhook.write('sleep', '1');
  await channels.webhook.write('07:00', '2');
  await bench.settled();
  taken = [];
  out = true;
  // The question of the morning cannot be sent, and the person says that they want none.
  await bench.turn(11 * 60 * minute);
  expect((await standing()).at(-1)).toMatchObject({ status: 'queued', reason: '503' });
  await channels.webhook.write('STOP', '3');
  await pass(3);
  out = false;
  await pass(30, () => taken.length > 0);
  await pass(5);
  expect(taken.map(({ text }) => text)).toEqual([expect.stringMatching(/no more messages|not get any more|stop/i)]);
  const last = (await standing()).slice(-2);
  expect(last).toMatchObject([{ status: 'failed', reason: 'opted out' }, { status: 'sent' }]);
});

it('a crowd that waits for its provider neither storms it while it is out nor when it is back', async () => {
  const people = Array.from({ length: 24 }, (_, n) => `+35191100${1000 + n}`);
  await channels.webhook.open();
  for (const [n, person] of people.entries()) await tell('sleep', `in-${n}`, person);
  await bench.settled();
  await pass(5);
  const before = refused.length;
  // By now each waits longer than two minutes for its next try.
  await pass(15);
  expect(refused.length - before).toBeLessThan((people.length * 15) / 2);
  out = false;
  const perMinute: number[] = [];
  await pass(60, () => {
    perMinute.push(taken.length - perMinute.reduce((sum, count) => sum + count, 0));
    return taken.length >= people.length * 2;
  });
  // They return as they waited, each at its own time.
  expect(Math.max(...perMinute)).toBeLessThan(people.length * 1.5);
  for (const person of people) {
    expect(taken.filter(({ to }) => to === person).map(({ text }) => text)).toEqual([expect.stringMatching(welcome), askWake]);
  }
});
