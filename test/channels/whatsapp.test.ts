/** WhatsApp end to end: signed webhooks in, the real runtime, sends against a stand-in that enforces the Cloud API's limits. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConversationId, CreatorId } from '../../src/ids.ts';
import { deliveriesOf, listDeadLetters, replayDelivery } from '../../src/store/deliveries.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { sleepReset } from '../support/example.ts';
import { agreeToMessages, type OutsideBench, openOutside } from '../support/outside.ts';
import { publish } from '../support/runtime.ts';
import { inbound, signedWebhook, status, webhookBody, whatsappAccount } from '../support/whatsapp-stand-in.ts';

const db = await testDatabase();
let bench: OutsideBench;

const phone = '351911000111';
const account = { channel: 'whatsapp', ...whatsappAccount };
const welcome = 'Welcome, Ana. For one week we look at your sleep together.';
const askWake = 'When do you want to get up?';
const minute = 60_000;
const hour = 60 * minute;

let creatorId: CreatorId;
let connection: string;
let count = 0;

beforeEach(async () => {
  await db.owner((sql) => sql('truncate creators cascade'));
  bench = await openOutside(db);
  creatorId = await testCreator(db);
  await publish(db, creatorId);
  connection = await bench.connect(creatorId, account);
});
afterEach(() => bench.stop());

const wamid = () => `wamid.in.${count++}`;
const textBody = (text: string, id = wamid()) => webhookBody(inbound(id, { phone }, { type: 'text', text: { body: text } }));
const said = () => bench.whatsapp.sent.map(({ type, body }) => (body.text as { body: string } | undefined)?.body ?? type);

async function hears(message: Record<string, unknown>, id = wamid()): Promise<void> {
  await bench.fromMeta(connection, webhookBody(inbound(id, { phone }, message)));
  await bench.settled();
}

async function hearsText(text: string): Promise<void> {
  await bench.fromMeta(connection, textBody(text));
  await bench.settled();
}

const rows = <Row>(text: string) => db.tenant(creatorId, (sql) => sql<Row>(text));
const conversations = () =>
  rows<{ id: ConversationId; status: string; state: string; seq: number }>('select * from conversations order by created_at');

async function standing(seqs = [1, 2, 3, 4, 5]) {
  const [only] = await conversations();
  const deliveries = await deliveriesOf(db, { creatorId, conversationId: only?.id as ConversationId }, seqs);
  return deliveries.map(({ seq, status: state, reason }) => `${seq} ${state}${reason === null ? '' : `: ${reason}`}`);
}

it('holds a conversation: answered in order, marked as read, every bubble tracked to the end', async () => {
  await hearsText('sleep');
  expect(said()).toEqual([welcome, askWake]);
  expect(bench.whatsapp.sent.map(({ to }) => to)).toEqual([phone, phone]);
  expect(bench.whatsapp.noticed.at(-1)).toMatchObject({ status: 'read', typing_indicator: { type: 'text' } });
  expect(await standing()).toEqual(['2 sent', '3 sent']);
});

describe('the signature', () => {
  const body = () => signedWebhook(textBody('sleep é 😀'));
  const refusals: Record<string, () => { body: string; headers: Record<string, string> }> = {
    missing: () => ({ body: body().body, headers: {} }),
    'SHA-1 only': () => ({ body: body().body, headers: { 'X-Hub-Signature': 'sha1=ab' } }),
    '63 digits': () => ({
      body: body().body,
      headers: { 'X-Hub-Signature-256': (body().headers['X-Hub-Signature-256'] ?? '').slice(0, -1) },
    }),
    'of another secret': () => signedWebhook(textBody('sleep'), 'another-app-secret'),
    'of the body before a proxy wrote it anew': () => ({ body: JSON.stringify(JSON.parse(body().body)), headers: body().headers }),
  };
  it.each(Object.entries(refusals))('is refused: %s', async (_, make) => {
    const { body: text, headers } = make();
    await expect(bench.post('whatsapp', connection, text, headers)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await conversations()).toEqual([]);
  });

  it('counts over the bytes, escaped or not, in either case', async () => {
    const raw = signedWebhook(textBody('é 😀'), undefined, false);
    await bench.post('whatsapp', connection, raw.body, raw.headers);
    const escaped = signedWebhook(textBody('é 😀'));
    const upper = { 'X-Hub-Signature-256': (escaped.headers['X-Hub-Signature-256'] ?? '').replace(/=.*/, (hex) => hex.toUpperCase()) };
    await bench.post('whatsapp', connection, escaped.body, upper);
    expect((await bench.messages(creatorId)).filter(({ role }) => role === 'contact').map(({ body: { text } }) => text)).toEqual([
      'é 😀',
      'é 😀',
    ]);
  });

  it('answers an unknown connection like a wrong signature', async () => {
    const { body: text, headers } = body();
    const unknown = bench.post('whatsapp', crypto.randomUUID(), text, headers);
    await expect(unknown).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message: expect.stringContaining('signature') });
  });
});

it('takes every known message of a batch once, for two creators of one app, and counts an unknown number', async () => {
  const other = await testCreator(db);
  await bench.connect(other, { ...account, phone_number_id: whatsappAccount.phone_number_id });
  const stranger = await testCreator(db);
  await db.tenant(stranger, (sql) =>
    sql(
      "insert into connections (creator_id, id, channel, account, sealed_secrets) values ($1, gen_random_uuid(), 'telegram', '555', 's')",
      [stranger],
    ),
  );
  await db.tenant(other, (sql) => sql("update connections set account = '222'"));
  const change = (to: string, from: number) => {
    const value = {
      metadata: { phone_number_id: to },
      contacts: [],
      messages: [0, 1, 2, 3].map((n) => ({
        id: `w.${to}.${from}.${n}`,
        from: String(351_911_000_000 + from),
        type: 'text',
        text: { body: `m${n}` },
      })),
    };
    return { field: 'messages', value };
  };
  const entry = [0, 1, 2, 3, 4].map((n) => ({
    changes: [change(whatsappAccount.phone_number_id, n), change('222', n), change('333', n)],
  }));
  await bench.fromMeta(connection, { object: 'whatsapp_business_account', entry });
  const inboundOf = (id: CreatorId) =>
    db.tenant(id, (sql) => sql<{ n: number }>("select count(*) as n from messages where role = 'contact'"));
  expect(await inboundOf(creatorId)).toEqual([{ n: 20 }]);
  expect(await inboundOf(other)).toEqual([{ n: 20 }]);
});

it('does not let one creator speak in the name of another whose app differs', async () => {
  const victim = await testCreator(db);
  await bench.connect(victim, { ...account, app_secret: 'victims-own-secret' });
  await db.tenant(victim, (sql) => sql("update connections set account = '444'"));
  await bench.fromMeta(connection, webhookBody(inbound(wamid(), { phone }, { type: 'text', text: { body: 'forged' } }), '444'));
  expect(await db.tenant(victim, (sql) => sql('select 1 from messages'))).toEqual([]);
});

it('lets the same message count once, in parallel and a week later', async () => {
  const body = textBody('sleep');
  await Promise.all([1, 2, 3, 4, 5].map(() => bench.fromMeta(connection, body)));
  await bench.settled();
  expect(said()).toEqual([welcome, askWake]);
  bench.clock.advance(7 * 24 * hour);
  await bench.fromMeta(connection, body);
  expect((await conversations()).length).toBe(1);
  expect((await bench.messages(creatorId)).filter(({ role }) => role === 'contact').length).toBe(1);
});

it('keeps an older message that comes late, without going back', async () => {
  await hearsText('sleep');
  await hearsText('07:00');
  const [before] = await conversations();
  const late = inbound(wamid(), { phone }, { type: 'text', text: { body: 'sleep' } }, Math.floor(bench.clock.wall() / 1000) - 3_600);
  await bench.fromMeta(connection, webhookBody(late));
  const [after] = await conversations();
  expect(after?.seq).toBeGreaterThan(before?.seq ?? 0);
  expect((await bench.messages(creatorId)).filter(({ body }) => body.text === 'sleep').length).toBe(2);
  expect(said().filter((text) => text === welcome).length).toBe(1);
});

describe('buttons', () => {
  const press = (id: string, title = 'Good') => ({
    type: 'interactive',
    interactive: { type: 'button_reply', button_reply: { id, title } },
  });
  const offered = () => {
    const action = bench.whatsapp.sent.findLast(({ type }) => type === 'interactive')?.body.interactive as {
      action: { buttons: { reply: { id: string } }[] };
    };
    return action.action.buttons.map(({ reply }) => reply.id);
  };
  beforeEach(async () => {
    await hearsText('sleep');
    await hearsText('07:00');
    await bench.turn(11 * hour + 40 * minute);
  });

  it('are answered by their key', async () => {
    await hears(press(offered()[0] ?? ''));
    expect(said().at(-1)).toBe('Well done: night 1 of 7.');
  });

  it.each([
    ['forged', () => '1.0.000000000000'],
    ['of no shape', () => 'good'],
    ['of another message', () => (offered()[0] ?? '').replace(/^[^.]+/, '1')],
  ])('move nothing when they are stale: %s', async (_, key) => {
    const [before] = await conversations();
    await hears(press(key()));
    const [after] = await conversations();
    expect(after?.state).toBe(before?.state);
    expect(bench.whatsapp.sent.some(({ body }) => JSON.stringify(body).includes('Well done'))).toBe(false);
  });
});

it.each([
  ['a reaction', { type: 'reaction', reaction: { message_id: 'x', emoji: '👍' } }, 0],
  ['a sticker', { type: 'sticker', sticker: { id: '1', mime_type: 'image/webp' } }, 1],
  ['a place', { type: 'location', location: { latitude: 1, longitude: 2 } }, 1],
  ['a kind nobody knows', { type: 'hologram' }, 1],
  ['an empty text', { type: 'text', text: { body: '' } }, 1],
  ['only zero-width characters', { type: 'text', text: { body: '\u200b\u200d' } }, 1],
])('does not move for %s, and says so at most once a minute', async (_, message, hints) => {
  await hearsText('sleep');
  const [before] = await conversations();
  const sent = bench.whatsapp.sent.length;
  for (const _again of [1, 2, 3]) await hears(message);
  const [after] = await conversations();
  expect(after).toMatchObject({ state: before?.state, seq: before?.seq });
  expect(bench.whatsapp.sent.length - sent).toBe(hints);
});

describe('a status', () => {
  it('of a message nobody knows is kept', async () => {
    await bench.fromMeta(connection, webhookBody(status('wamid.unknown', 'read')));
    expect(await rows('select provider_id, status from delivery_reports')).toEqual([{ provider_id: 'wamid.unknown', status: 'read' }]);
  });

  it.each([
    [['read', 'sent', 'delivered'], '2 read'],
    [['sent', 'delivered', 'read', 'delivered'], '2 read'],
    [['delivered', 'failed'], '2 delivered'],
    [['failed', 'sent'], '2 failed: 131049'],
  ])('moves forward only: %s', async (states, expected) => {
    await hearsText('sleep');
    const id = bench.whatsapp.sent[0]?.id ?? '';
    for (const state of states) {
      const extra = state === 'failed' ? { errors: [{ code: 131049, title: 'x' }] } : {};
      await bench.fromMeta(connection, webhookBody(status(id, state, extra)));
    }
    expect(await standing([2])).toEqual([expected]);
  });
});

it('knows a person who hid the number, and stays with them when the number comes', async () => {
  const scoped = 'PT.13491208655302741918';
  const from = (who: object, text: string) =>
    bench.fromMeta(connection, webhookBody(inbound(wamid(), who, { type: 'text', text: { body: text } })));
  await from({ scoped }, 'sleep');
  await bench.settled();
  expect(bench.whatsapp.sent.every(({ body }) => body.recipient === scoped && body.to === undefined)).toBe(true);
  await from({ scoped, phone }, '07:00');
  expect(await rows('select external_id, phone from addresses')).toEqual([{ external_id: scoped, phone }]);
  expect((await conversations()).length).toBe(1);
});

it('knows a person by number first, and by their lasting id from the moment both come together', async () => {
  const scoped = 'PT.99';
  const from = (who: object, text: string) =>
    bench.fromMeta(connection, webhookBody(inbound(wamid(), who, { type: 'text', text: { body: text } })));
  await from({ phone }, 'sleep');
  await from({ phone, scoped }, '07:00');
  expect(await rows('select external_id, phone from addresses')).toEqual([{ external_id: scoped, phone }]);
  expect(await rows("select external_id from identities where channel = 'whatsapp'")).toEqual([{ external_id: scoped }]);
  expect((await conversations()).length).toBe(1);
});

it('says the template where free text may no longer be sent, and holds what has none', async () => {
  await hearsText('sleep');
  await hearsText('07:00');
  await agreeToMessages(db, creatorId);
  await rows("update addresses set window_expires_at = 'epoch'");
  await bench.turn(11 * hour + 40 * minute);
  expect(bench.whatsapp.sent.at(-1)).toMatchObject({
    type: 'template',
    body: { template: { name: 'morning_check', language: { code: 'en' } } },
  });
  const [only] = await conversations();
  await rows("update addresses set window_expires_at = 'epoch'");
  await bench.runtime.mailboxes.deliver(
    { creatorId, conversationId: only?.id as ConversationId },
    { id: 'say', kind: 'control', act: 'say', text: 'Hello', messageId: crypto.randomUUID() },
  );
  await bench.settled();
  expect((await standing([only?.seq ?? 0 + 1, (only?.seq ?? 0) + 1])).at(-1)).toMatch(/held: window closed$/);
});

it('takes the template when the provider says that the window is closed', async () => {
  await hearsText('sleep');
  await hearsText('07:00');
  await agreeToMessages(db, creatorId);
  bench.whatsapp.closed.add(phone);
  await bench.turn(11 * hour + 40 * minute);
  expect(bench.whatsapp.sent.at(-1)?.type).toBe('template');
});

it('stores STOP at once, says so, and starts nothing any more', async () => {
  await hearsText('sleep');
  await hearsText('07:00');
  await hearsText('STOP');
  const sent = bench.whatsapp.sent.length;
  expect(await rows("select consent -> 'messages' as messages from contacts")).toEqual([{ messages: false }]);
  await bench.turn(11 * hour + 40 * minute);
  expect(bench.whatsapp.sent.length).toBe(sent);
});

describe('what goes wrong with a send', () => {
  it('is tried again after a pause when the provider is busy, in order', async () => {
    bench.whatsapp.faults.push('http 503', 131016);
    await hearsText('sleep');
    expect(said()).toEqual([]);
    expect(await standing()).toEqual(['2 queued: http 503']);
    for (const _try of [1, 2, 3]) await bench.turn(minute);
    expect(said()).toEqual([welcome, askWake]);
    expect(await standing()).toEqual(['2 sent', '3 sent']);
  });

  it('waits for the pair limit', async () => {
    bench.whatsapp.faults.push(131056);
    await hearsText('sleep');
    await bench.turn(5_000);
    expect(said()).toEqual([]);
    await bench.turn(1_500);
    expect(said()).toEqual([welcome, askWake]);
  });

  it('is a dead letter at last, and goes out when it is replayed', async () => {
    bench.whatsapp.faults.push(131008);
    await hearsText('sleep');
    expect(await standing()).toEqual(['2 failed: 131008', '3 sent']);
    const { items } = await listDeadLetters(db, creatorId, { limit: 10 });
    expect(items).toMatchObject([{ seq: 2, status: 'failed', reason: '131008', channel: 'whatsapp' }]);
    const [letter] = items;
    expect(
      await replayDelivery(db, { creatorId, conversationId: letter?.conversationId as ConversationId, seq: 2 }, crypto.randomUUID()),
    ).toBe(true);
    await bench.settled();
    expect(said()).toEqual([askWake, welcome]);
    expect(await standing()).toEqual(['2 sent', '3 sent']);
    expect((await listDeadLetters(db, creatorId, { limit: 10 })).items).toEqual([]);
  });

  it('is found out by the name we gave it when nobody answered, and is not sent twice', async () => {
    bench.whatsapp.faults.push('timeout after accept');
    await hearsText('sleep');
    expect(await standing()).toEqual(['2 uncertain: connection lost']);
    const [taken] = bench.whatsapp.sent;
    await bench.fromMeta(connection, webhookBody(status(taken?.id ?? '', 'delivered', { biz_opaque_callback_data: taken?.reference })));
    await bench.turn(31_000);
    expect(said()).toEqual([welcome, askWake]);
    expect(await standing()).toEqual(['2 delivered', '3 sent']);
  });

  it('stays visibly uncertain when no word comes, and the rest goes on', async () => {
    bench.whatsapp.faults.push('timeout');
    await hearsText('sleep');
    await bench.turn(31_000);
    expect(await standing()).toEqual(['2 uncertain: connection lost', '3 sent']);
    expect((await listDeadLetters(db, creatorId, { limit: 10 })).items).toMatchObject([{ status: 'uncertain', seq: 2 }]);
  });

  it('is sent once more by the rule of a creator who wants that', async () => {
    connection = await bench.connect(creatorId, { ...account, uncertain: 'resend' });
    bench.whatsapp.faults.push('timeout');
    await hearsText('sleep');
    await bench.turn(31_000);
    expect(said()).toEqual([welcome, askWake]);
  });

  it('disables the account when its token is void, and connecting again renews it', async () => {
    bench.whatsapp.faults.push(190);
    await hearsText('sleep');
    expect(await outsideOf()).toMatchObject([{ status: 'disabled', reason: '190' }]);
    expect(await standing()).toEqual(['2 failed: 190', '3 failed: connection disabled']);
    expect(await bench.connect(creatorId, account)).toBe(connection);
    expect(await outsideOf()).toMatchObject([{ status: 'active', reason: null }]);
  });

  it('makes a person unreachable after three refusals over a day, until they write', async () => {
    await hearsText('sleep');
    const { id } = (await conversations())[0] as { id: ConversationId };
    for (const say of ['one', 'two', 'three', 'four']) {
      bench.whatsapp.faults.push(131026);
      const input = { id: say, kind: 'control', act: 'say', text: say, messageId: crypto.randomUUID() } as const;
      await bench.runtime.mailboxes.deliver({ creatorId, conversationId: id }, input);
      await bench.settled();
      await bench.turn(7 * hour);
    }
    expect(await rows('select unreachable from addresses')).toEqual([{ unreachable: '131026' }]);
    bench.whatsapp.faults.length = 0;
    await hearsText('still here');
    expect(await rows('select unreachable from addresses')).toEqual([{ unreachable: null }]);
  });

  const outsideOf = () => bench.outside.connections.list(creatorId);
});

it('shows options it has no buttons for as numbers, and understands the number', async () => {
  const titles = Array.from({ length: 11 }, (_, index) => `Choice ${index + 1}`);
  const choose = { en: { text: 'Which?', buttons: titles.map((title, index) => ({ id: `c${index + 1}`, title })) } };
  const other = await testCreator(db);
  await publish(db, other, {
    ...sleepReset,
    content: { ...sleepReset.content, hello: choose },
    machine: {
      id: 'sleep-reset',
      initial: 'start',
      states: {
        start: {
          entry: [{ type: 'say', params: { content: 'hello' } }],
          on: { BUTTON: { target: 'done', guard: { type: 'when', params: { expr: "event.id == 'c11'" } } } },
        },
        done: { type: 'final', entry: [{ type: 'say', params: { content: 'bye' } }] },
      },
    },
  });
  const theirs = await bench.connect(other, account);
  await bench.fromMeta(theirs, textBody('sleep'));
  await bench.settled();
  expect(said().at(-1)).toContain('11. Choice 11');
  await bench.fromMeta(theirs, textBody('11'));
  await bench.settled();
  expect(said().at(-1)).toBe('Seven nights. You did it.');
  expect(bench.whatsapp.broken).toEqual([]);
});

describe('a file', () => {
  const png = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0]);
  const html = new TextEncoder().encode('<html><script>alert(1)</script></html>');
  const image = (extra: Record<string, unknown> = {}) => ({
    type: 'image',
    image: { id: '777', mime_type: 'image/png', caption: 'my lunch', ...extra },
  });
  const attachments = async () => (await bench.messages(creatorId)).flatMap(({ body }) => body.attachments ?? []);

  it('is fetched with the token and kept with its caption', async () => {
    bench.whatsapp.media.set('777', { bytes: png });
    await hears(image());
    expect(await attachments()).toMatchObject([{ kind: 'image', type: 'image/png' }]);
    expect((await bench.messages(creatorId))[0]?.body.text).toBe('my lunch');
  });

  it.each<[string, Parameters<typeof bench.whatsapp.media.set>[1], Record<string, unknown>]>([
    ['is larger than we take', { bytes: new Uint8Array(11 * 1024 * 1024) }, {}],
    ['is no picture but a page', { bytes: html }, {}],
    ['was changed on the way', { bytes: png }, { sha256: 'ab'.repeat(32) }],
    ['lies on a foreign host', { bytes: png, url: 'http://169.254.169.254/latest' }, {}],
    ['lies on a host that looks like one of Meta', { bytes: png, url: 'https://fbsbx.com.evil.example/x' }, {}],
  ])('is not taken when it %s; the words count', async (_, medium, extra) => {
    bench.whatsapp.media.set('777', medium);
    await hears(image(extra));
    expect(await attachments()).toEqual([]);
    expect((await bench.messages(creatorId))[0]?.body.text).toBe('my lunch');
    expect(said().some((text) => text.startsWith('I cannot open this file'))).toBe(true);
    expect(bench.whatsapp.downloads).toHaveLength('url' in medium || medium.bytes.length > 10 * 1024 * 1024 ? 0 : 1);
  });
});
