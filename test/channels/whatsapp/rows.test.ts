/** What goes wrong on WhatsApp, by the rows W1–W15 of the channels' bad inputs; W1 is asked over HTTP (test/http/routes/channels.test.ts). */
import { beforeEach, describe, expect, it } from 'vitest';
import { renderWhatsApp } from '../../../src/channels/whatsapp/render.ts';
import type { ConversationId, CreatorId } from '../../../src/ids.ts';
import { check } from '../../../src/programs/check.ts';
import { testCreator, testDatabase } from '../../support/database.ts';
import { makeDefinition, sleepReset } from '../../support/example.ts';
import { agreeToMessages, openOutside } from '../../support/outside.ts';
import { answerOf, publish } from '../../support/runtime.ts';
import { brokenLimit, inbound, signedWebhook, status, webhookBody, whatsappAccount } from '../../support/whatsapp-stand-in.ts';
import { account, askWake, phone, welcome, whatsappTalk } from '../../support/whatsapp-talk.ts';

const db = await testDatabase();
const talk = whatsappTalk(db);
const { conversations, hears, hearsText, rows, said, standing, textBody, wamid } = talk;
const minute = 60_000;
const hour = 60 * minute;

describe('a signature', () => {
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
  it.each(Object.entries(refusals))('W2, W3: is refused when it is %s', async (_, make) => {
    const { body: text, headers } = make();
    await expect(talk.bench.post('whatsapp', talk.connection, text, headers)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await conversations()).toEqual([]);
  });

  it('W2: counts over the bytes, escaped or not, in either case', async () => {
    const raw = signedWebhook(textBody('é 😀'), undefined, false);
    await talk.bench.post('whatsapp', talk.connection, raw.body, raw.headers);
    const escaped = signedWebhook(textBody('é 😀'));
    const upper = { 'X-Hub-Signature-256': (escaped.headers['X-Hub-Signature-256'] ?? '').replace(/=.*/, (hex) => hex.toUpperCase()) };
    await talk.bench.post('whatsapp', talk.connection, escaped.body, upper);
    expect((await talk.bench.messages(talk.creatorId)).filter(({ role }) => role === 'contact').map(({ body: { text } }) => text)).toEqual([
      'é 😀',
      'é 😀',
    ]);
  });

  it('answers an unknown connection like a wrong signature', async () => {
    const { body: text, headers } = body();
    const unknown = talk.bench.post('whatsapp', crypto.randomUUID(), text, headers);
    await expect(unknown).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message: expect.stringContaining('signature') });
  });
});

it('W4: takes every known message of a batch once, for two creators of one app, and counts an unknown number', async () => {
  const other = await testCreator(db);
  await talk.bench.connect(other, { ...account, phone_number_id: whatsappAccount.phone_number_id });
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
  await talk.bench.fromMeta(talk.connection, { object: 'whatsapp_business_account', entry });
  const inboundOf = (id: CreatorId) =>
    db.tenant(id, (sql) => sql<{ n: number }>("select count(*) as n from messages where role = 'contact'"));
  expect(await inboundOf(talk.creatorId)).toEqual([{ n: 20 }]);
  expect(await inboundOf(other)).toEqual([{ n: 20 }]);
});

it('W2: does not let one creator speak in the name of another whose app differs', async () => {
  const victim = await testCreator(db);
  await talk.bench.connect(victim, { ...account, app_secret: 'victims-own-secret' });
  await db.tenant(victim, (sql) => sql("update connections set account = '444'"));
  await talk.bench.fromMeta(talk.connection, webhookBody(inbound(wamid(), { phone }, { type: 'text', text: { body: 'forged' } }), '444'));
  expect(await db.tenant(victim, (sql) => sql('select 1 from messages'))).toEqual([]);
});

it('W5: lets the same message count once, in parallel and a week later', async () => {
  const body = textBody('sleep');
  await Promise.all([1, 2, 3, 4, 5].map(() => talk.bench.fromMeta(talk.connection, body)));
  await talk.bench.settled();
  expect(said()).toEqual([welcome, askWake]);
  talk.bench.clock.advance(7 * 24 * hour);
  await talk.bench.fromMeta(talk.connection, body);
  expect((await conversations()).length).toBe(1);
  expect((await talk.bench.messages(talk.creatorId)).filter(({ role }) => role === 'contact').length).toBe(1);
});

it('W6: keeps an older message that comes late, without going back', async () => {
  await hearsText('sleep');
  await hearsText('07:00');
  const [before] = await conversations();
  const late = inbound(wamid(), { phone }, { type: 'text', text: { body: 'sleep' } }, Math.floor(talk.bench.clock.wall() / 1000) - 3_600);
  await talk.bench.fromMeta(talk.connection, webhookBody(late));
  const [after] = await conversations();
  expect(after?.seq).toBeGreaterThan(before?.seq ?? 0);
  expect((await talk.bench.messages(talk.creatorId)).filter(({ body }) => body.text === 'sleep').length).toBe(2);
  expect(said().filter((text) => text === welcome).length).toBe(1);
});

describe('buttons', () => {
  const press = (id: string, title = 'Good') => ({
    type: 'interactive',
    interactive: { type: 'button_reply', button_reply: { id, title } },
  });
  const offered = () => {
    const action = talk.bench.whatsapp.sent.findLast(({ type }) => type === 'interactive')?.body.interactive as {
      action: { buttons: { reply: { id: string } }[] };
    };
    return action.action.buttons.map(({ reply }) => reply.id);
  };
  let theirs = '';
  let old = '';
  beforeEach(async () => {
    const other = (text: string) => webhookBody(inbound(wamid(), { phone: '351911000999' }, { type: 'text', text: { body: text } }));
    for (const words of ['sleep', '07:00']) await talk.bench.fromMeta(talk.connection, other(words));
    await talk.bench.turn(11 * hour + 40 * minute);
    theirs = offered()[0] ?? '';
    await hearsText('sleep');
    await hearsText('07:00');
    await talk.bench.turn(24 * hour - 10 * minute);
    old = offered()[0] ?? '';
    await hears(press('1.0.000000000000'));
  });

  it('are answered by their key', async () => {
    await hears(press(offered()[0] ?? ''));
    expect(said().at(-1)).toBe('Well done: night 1 of 7.');
  });

  it.each([
    ['forged', () => '1.0.000000000000'],
    ['of no shape', () => 'good'],
    ['of another message', () => (offered()[0] ?? '').replace(/^[^.]+/, '1')],
    ['of an old step', () => old],
    ['of another conversation', () => theirs],
  ])('W7: move nothing and ask again when they are stale: %s', async (_, key) => {
    const [before] = await conversations();
    await hears(press(key()));
    const [after] = await conversations();
    expect(after?.state).toBe(before?.state);
    expect(talk.bench.whatsapp.sent.some(({ body }) => JSON.stringify(body).includes('Well done'))).toBe(false);
    const again = talk.bench.whatsapp.sent.at(-1)?.body.interactive;
    const text = expect.stringMatching(/^That button belongs to an earlier message/);
    expect(again).toMatchObject({ body: { text }, action: { buttons: [{}, {}] } });
  });
});

it.each([
  ['a reaction', { type: 'reaction', reaction: { message_id: 'x', emoji: '👍' } }, 0],
  ['a sticker', { type: 'sticker', sticker: { id: '1', mime_type: 'image/webp' } }, 1],
  ['a place', { type: 'location', location: { latitude: 1, longitude: 2 } }, 1],
  ['a kind nobody knows', { type: 'hologram' }, 1],
  ['an empty text', { type: 'text', text: { body: '' } }, 1],
  ['only zero-width characters', { type: 'text', text: { body: '\u200b\u200d' } }, 1],
])('W8: does not move for %s, and says so at most once a minute', async (_, message, hints) => {
  await hearsText('sleep');
  const [before] = await conversations();
  const sent = talk.bench.whatsapp.sent.length;
  for (const _again of [1, 2, 3]) await hears(message);
  const [after] = await conversations();
  expect(after).toMatchObject({ state: before?.state, seq: before?.seq });
  expect(talk.bench.whatsapp.sent.length - sent).toBe(hints);
});

describe('a status', () => {
  it('W9: of a message nobody knows is kept', async () => {
    await talk.bench.fromMeta(talk.connection, webhookBody(status('wamid.unknown', 'read')));
    expect(await rows('select provider_id, status from delivery_reports')).toEqual([{ provider_id: 'wamid.unknown', status: 'read' }]);
  });

  it.each([
    [['read', 'sent', 'delivered'], '2 read'],
    [['sent', 'delivered', 'read', 'delivered'], '2 read'],
    [['delivered', 'failed'], '2 delivered'],
    [['failed', 'sent'], '2 failed: 131049'],
  ])('W9: moves forward only: %s', async (states, expected) => {
    await hearsText('sleep');
    const id = talk.bench.whatsapp.sent[0]?.id ?? '';
    for (const state of states) {
      const extra = state === 'failed' ? { errors: [{ code: 131049, title: 'x' }] } : {};
      await talk.bench.fromMeta(talk.connection, webhookBody(status(id, state, extra)));
    }
    expect(await standing([2])).toEqual([expected]);
  });
});

it('W10: knows a person who hid the number, and stays with them when the number comes', async () => {
  const scoped = 'PT.13491208655302741918';
  const from = (who: object, text: string) =>
    talk.bench.fromMeta(talk.connection, webhookBody(inbound(wamid(), who, { type: 'text', text: { body: text } })));
  await from({ scoped }, 'sleep');
  await talk.bench.settled();
  expect(talk.bench.whatsapp.sent.every(({ body }) => body.recipient === scoped && body.to === undefined)).toBe(true);
  await from({ scoped, phone }, '07:00');
  expect(await rows('select external_id, phone from addresses')).toEqual([{ external_id: scoped, phone }]);
  expect((await conversations()).length).toBe(1);
});

it('W10: knows a person by number first, and by their lasting id from the moment both come together', async () => {
  const scoped = 'PT.99';
  const from = (who: object, text: string) =>
    talk.bench.fromMeta(talk.connection, webhookBody(inbound(wamid(), who, { type: 'text', text: { body: text } })));
  await from({ phone }, 'sleep');
  await from({ phone, scoped }, '07:00');
  expect(await rows('select external_id, phone from addresses')).toEqual([{ external_id: scoped, phone }]);
  expect(await rows("select external_id from identities where channel = 'whatsapp'")).toEqual([{ external_id: scoped }]);
  expect((await conversations()).length).toBe(1);
});

it('W12: says the template where free text may no longer be sent, and holds what has none', async () => {
  await hearsText('sleep');
  await hearsText('07:00');
  await agreeToMessages(db, talk.creatorId);
  await rows("update addresses set window_expires_at = 'epoch'");
  await talk.bench.turn(11 * hour + 40 * minute);
  expect(talk.bench.whatsapp.sent.at(-1)).toMatchObject({
    type: 'template',
    body: { template: { name: 'morning_check', language: { code: 'en' } } },
  });
  const [only] = await conversations();
  await rows("update addresses set window_expires_at = 'epoch'");
  await talk.bench.runtime.mailboxes.deliver(
    { creatorId: talk.creatorId, conversationId: only?.id as ConversationId },
    { id: 'say', kind: 'control', act: 'say', text: 'Hello', messageId: crypto.randomUUID() },
  );
  await talk.bench.settled();
  expect((await standing([only?.seq ?? 0 + 1, (only?.seq ?? 0) + 1])).at(-1)).toMatch(/held: window closed$/);
});

it('W12: takes the template when the provider says that the window is closed', async () => {
  await hearsText('sleep');
  await hearsText('07:00');
  await agreeToMessages(db, talk.creatorId);
  talk.bench.whatsapp.closed.add(phone);
  await talk.bench.turn(11 * hour + 40 * minute);
  expect(talk.bench.whatsapp.sent.at(-1)?.type).toBe('template');
});

it('W15: stores STOP at once, says so, and starts nothing any more', async () => {
  await hearsText('sleep');
  await hearsText('07:00');
  await hearsText('STOP');
  const sent = talk.bench.whatsapp.sent.length;
  expect(await rows("select consent -> 'messages' as messages from contacts")).toEqual([{ messages: false }]);
  await talk.bench.turn(11 * hour + 40 * minute);
  expect(talk.bench.whatsapp.sent.length).toBe(sent);
});

it('W13: shows options it has no buttons for as numbers, and understands the number', async () => {
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
  const theirs = await talk.bench.connect(other, account);
  await talk.bench.fromMeta(theirs, textBody('sleep'));
  await talk.bench.settled();
  expect(said().at(-1)).toContain('11. Choice 11');
  await talk.bench.fromMeta(theirs, textBody('11'));
  await talk.bench.settled();
  expect(said().at(-1)).toBe('Seven nights. You did it.');
  expect(talk.bench.whatsapp.broken).toEqual([]);
});

describe('a file', () => {
  const png = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0]);
  const html = new TextEncoder().encode('<html><script>alert(1)</script></html>');
  const image = (extra: Record<string, unknown> = {}) => ({
    type: 'image',
    image: { id: '777', mime_type: 'image/png', caption: 'my lunch', ...extra },
  });
  const attachments = async () => (await talk.bench.messages(talk.creatorId)).flatMap(({ body }) => body.attachments ?? []);

  it('is fetched with the token and kept with its caption', async () => {
    talk.bench.whatsapp.media.set('777', { bytes: png });
    await hears(image());
    expect(await attachments()).toMatchObject([{ kind: 'image', type: 'image/png' }]);
    expect((await talk.bench.messages(talk.creatorId))[0]?.body.text).toBe('my lunch');
  });

  it.each<[string, Parameters<typeof talk.bench.whatsapp.media.set>[1], Record<string, unknown>]>([
    ['is larger than we take', { bytes: new Uint8Array(11 * 1024 * 1024) }, {}],
    ['is no picture but a page', { bytes: html }, {}],
    ['was changed on the way', { bytes: png }, { sha256: 'ab'.repeat(32) }],
    ['lies on a foreign host', { bytes: png, url: 'http://169.254.169.254/latest' }, {}],
    ['lies on a host that looks like one of Meta', { bytes: png, url: 'https://fbsbx.com.evil.example/x' }, {}],
  ])('W11: is not taken when it %s; the words count', async (_, medium, extra) => {
    talk.bench.whatsapp.media.set('777', medium);
    await hears(image(extra));
    expect(await attachments()).toEqual([]);
    expect((await talk.bench.messages(talk.creatorId))[0]?.body.text).toBe('my lunch');
    expect(said().some((text) => text.startsWith('I cannot open this file'))).toBe(true);
    expect(talk.bench.whatsapp.downloads).toHaveLength('url' in medium || medium.bytes.length > 10 * 1024 * 1024 ? 0 : 1);
  });
});

describe('a program that offers', () => {
  const offer = (count: number, length: number, text = 'Which?') => {
    const buttons = Array.from({ length: count }, (_, index) => ({ id: `c${index}`, title: `${index}`.padEnd(length, 'x') }));
    return (renderWhatsApp({ id: '01a1fc2b-e764-7f1f-a753-524847814d84', seq: 1, body: { text, buttons } }, true) ?? []).map(
      ({ shown }) => shown,
    );
  };

  it.each([
    ['three buttons', offer(3, 20), 'button'],
    ['four', offer(4, 20), 'list'],
    ['a title of 21 characters', offer(2, 21), 'list'],
    ['a title of 25 characters', offer(2, 25), 'numbered'],
    ['eleven', offer(11, 5), 'numbered'],
    ['two below no text', offer(2, 5, ''), 'button'],
  ])('W13: %s shows as %s', (_, shown, shape) => {
    const [only] = shown as { interactive?: { type: string }; text?: { body: string } }[];
    expect(only?.interactive?.type ?? (/^Which\?\n\n1\. /.test(only?.text?.body ?? '') ? 'numbered' : 'text')).toBe(shape);
    expect(brokenLimit({ messaging_product: 'whatsapp', to: phone, ...only })).toBeNull();
  });

  it('W13: a list shows its opener, its sections and its descriptions', () => {
    const row = (id: string, description: string) => ({ id, title: id.toUpperCase(), description });
    const sections = [
      { title: 'Morning', rows: [row('a', 'early'), row('b', '')] },
      { title: '', rows: [row('c', 'x'.repeat(80))] },
    ];
    const body = { text: 'When?', buttons: sections.flatMap(({ rows }) => rows), list: { title: 'Choose', sections } };
    const [part] = renderWhatsApp({ id: '01a1fc2b-e764-7f1f-a753-524847814d84', seq: 1, body }, true) ?? [];
    expect(part?.shown.interactive).toMatchObject({
      type: 'list',
      action: {
        button: 'Choose',
        sections: [
          { title: 'Morning', rows: [{ title: 'A', description: 'early' }, { title: 'B' }] },
          { title: '2', rows: [{ id: '1.2.524847814d84', description: `${'x'.repeat(71)}…` }] },
        ],
      },
    });
  });

  it('W13: two buttons of one id are refused when they are checked', () => {
    const buttons = ['A', 'B'].map((title) => ({ id: 'a', title }));
    const wording = { en: { text: 'Which?', buttons } };
    const { findings } = check(makeDefinition({ content: { ...sleepReset.content, check: wording } } as never));
    expect(findings.some(({ severity, pointer }) => severity === 'error' && pointer.startsWith('/content/check'))).toBe(true);
  });
});

it.each([
  ['of 20,000 characters', 'Wort '.repeat(4_000), 5],
  ['that is empty', '', 1],
  ['of spaces only', '   \n ', 1],
])('W14: an answer %s reaches the person in bubbles that are taken', async (_, text, bubbles) => {
  await talk.bench.stop();
  talk.bench = await openOutside(db, async () => answerOf(text));
  await db.owner((sql) => sql('truncate connections cascade'));
  talk.connection = await talk.bench.connect(talk.creatorId, account);
  await hearsText('sleep');
  await hearsText('07:00');
  const before = talk.bench.whatsapp.sent.length;
  await hearsText('how long should I sleep?');
  for (let wait = 0; wait < 3; wait += 1) await talk.bench.turn(minute);
  const heard = talk.bench.whatsapp.sent.slice(before).map(({ body }) => (body.text as { body: string }).body);
  expect(heard).toHaveLength(bubbles);
  expect(heard.every((bubble) => bubble.trim() !== '' && bubble.length <= 4_096)).toBe(true);
  expect(talk.bench.whatsapp.broken).toEqual([]);
});
