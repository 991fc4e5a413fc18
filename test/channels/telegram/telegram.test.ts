/** Telegram end to end: updates in, the real runtime, sends against a stand-in that enforces the Bot API's limits. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ConversationId, type CreatorId, type SessionId, systemIds } from '../../../src/ids.ts';
import { deliveriesOf } from '../../../src/store/deliveries.ts';
import { emptyDatabase, testCreator, testDatabase } from '../../support/database.ts';
import { type OutsideBench, openOutside } from '../../support/outside.ts';
import { answerOf, openTestConversation, publish } from '../../support/runtime.ts';
import { botToken, callbackUpdate, human, textUpdate } from '../../support/telegram-stand-in.ts';

const db = await testDatabase();
const person = 4711;
const minute = 60_000;
const hour = 60 * minute;

let bench: OutsideBench;
let creatorId: CreatorId;
let connection: string;
let update = 0;

beforeEach(async () => {
  await emptyDatabase(db);
  bench = await openOutside(db);
  creatorId = await testCreator(db);
  await publish(db, creatorId);
  connection = await bench.connect(creatorId, { channel: 'telegram', token: botToken });
  update = 100;
});
afterEach(() => bench.stop());

const next = () => update++;
const said = (chat = person) =>
  bench.telegram.sent.filter(({ params }) => params.chat_id === String(chat)).map(({ params }) => params.text);
const rows = <Row>(text: string) => db.tenant(creatorId, (sql) => sql<Row>(text));
const conversations = () =>
  rows<{ id: ConversationId; channel: string; state: string; seq: number }>('select * from conversations order by created_at');

async function hears(given: unknown): Promise<void> {
  await bench.fromTelegram(connection, given);
  await bench.settled();
}

const hearsText = (text: string, from = person) => hears(textUpdate(next(), from, text));

it('sets the webhook when a bot is connected, with a secret of its own', () => {
  expect(bench.telegram.webhook).toMatchObject({
    url: `https://coach.example/api/v1/channels/telegram/${connection}/webhook`,
    secret: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
  });
});

it('refuses a token Telegram refuses, and forgets the webhook with the bot', async () => {
  const wrong = bench.connect(creatorId, { channel: 'telegram', token: `9${botToken}` });
  await expect(wrong).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  await bench.outside.connections.disconnect(creatorId, connection);
  expect(bench.telegram.webhook).toBeNull();
  await expect(hearsText('sleep')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

it('holds a conversation, without a sign of typing before words that are there at once', async () => {
  await hearsText('sleep');
  expect(said()).toEqual(['Welcome, Ana. For one week we look at your sleep together.', 'When do you want to get up?']);
  expect(bench.telegram.calls.map(({ method }) => method)).not.toContain('sendChatAction');
  expect(bench.telegram.broken).toEqual([]);
});

it.each([
  ['no secret', {}],
  ['a wrong secret', { 'X-Telegram-Bot-Api-Secret-Token': 'guess' }],
  ['an empty secret', { 'X-Telegram-Bot-Api-Secret-Token': '' }],
])('T1: refuses an update with %s', async (_, headers) => {
  const given = bench.post('telegram', connection, JSON.stringify(textUpdate(next(), person, 'sleep')), headers);
  await expect(given).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

it("T1: refuses the right secret on another bot's path", async () => {
  const { secret } = bench.telegram.webhook ?? { secret: '' };
  const other = await testCreator(db);
  const theirs = await bench.connect(other, { channel: 'telegram', token: botToken });
  const given = bench.post('telegram', theirs, JSON.stringify(textUpdate(next(), person, 'sleep')), {
    'X-Telegram-Bot-Api-Secret-Token': secret,
  });
  await expect(given).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

it('T2: takes an update once, whatever the order and gaps of their numbers', async () => {
  const first = textUpdate(500, person, 'sleep');
  await hears(first);
  await hears(first);
  await hears(textUpdate(3, person, '07:00'));
  await hears(textUpdate(90_000_000, person, 'hm'));
  const heard = (await bench.messages(creatorId)).filter(({ role }) => role === 'contact').map(({ body }) => body.text);
  expect(heard).toEqual(['sleep', '07:00', 'hm']);
});

describe('keys', () => {
  const offered = () => {
    const { params } = bench.telegram.sent.findLast((sent) => sent.params.reply_markup !== undefined) ?? { params: { reply_markup: null } };
    return (params.reply_markup as { inline_keyboard: { callback_data: string }[][] }).inline_keyboard
      .flat()
      .map((key) => key.callback_data);
  };
  beforeEach(async () => {
    await hearsText('sleep');
    await hearsText('07:00');
    await bench.turn(11 * hour + 40 * minute);
  });

  it('move the program, are answered at once and taken away', async () => {
    await hears(callbackUpdate(next(), person, offered()[0] ?? ''));
    expect(said().at(-1)).toBe('Well done: night 1 of 7.');
    expect(bench.telegram.calls.slice(-2).map(({ method }) => method)).toEqual(['answerCallbackQuery', 'editMessageReplyMarkup']);
  });

  it.each([
    ['from a person other than the owner of the chat', () => callbackUpdate(next(), 666, offered()[0] ?? '', person)],
    ['in a chat of their own', () => callbackUpdate(next(), 666, offered()[0] ?? '')],
    ['forged', () => callbackUpdate(next(), person, '5.0.abcdefabcdef')],
    ['without data', () => callbackUpdate(next(), person, '')],
  ])('T3: move nothing %s, but are answered', async (_, make) => {
    const [before] = await conversations();
    await hears(make());
    expect((await conversations())[0]?.state).toBe(before?.state);
    expect(said().includes('Well done: night 1 of 7.')).toBe(false);
    expect(bench.telegram.calls.some(({ method }) => method === 'answerCallbackQuery')).toBe(true);
  });

  it('T3: never need more than 64 bytes', () => {
    for (const key of offered()) expect(Buffer.byteLength(key)).toBeLessThanOrEqual(64);
  });
});

describe('a deep link', () => {
  const start = (payload: string, from = person) => hears(textUpdate(next(), from, payload === '' ? '/start' : `/start ${payload}`));

  it('joins the person to the conversation of the widget, where it goes on', async () => {
    const key = await openTestConversation(db, creatorId);
    const tell = (text: string, id: string) =>
      bench.runtime.mailboxes.deliver(key, { id, kind: 'message', messageId: crypto.randomUUID(), text });
    await tell('sleep', 'msg:1');
    await start(await bench.outside.links.issue(key));
    expect(said()).toEqual(['You are connected. We go on here where we were.']);
    await hearsText('07:00');
    expect(await conversations()).toMatchObject([{ id: key.conversationId, channel: 'telegram', state: 'asleep' }]);
    await bench.turn(11 * hour + 40 * minute);
    expect(said().at(-1)).toBe('Good morning. How was your night?');
    expect(await rows('select channel, contact_id from identities order by channel')).toMatchObject([
      { channel: 'telegram' },
      { channel: 'widget' },
    ]);
    expect(await rows('select distinct contact_id from identities')).toHaveLength(1);
  });

  it('leads back to the widget, which goes on with the same conversation, and the phone still hears', async () => {
    await hearsText('sleep');
    const [there] = await conversations();
    const key = await bench.outside.links.issue({ creatorId, conversationId: there?.id as ConversationId });
    const sessionId = systemIds.uuid<SessionId>();
    const here = await openTestConversation(db, creatorId);
    const linked = await bench.outside.links.joinWidget(key, { kind: 'widget', ...here, sessionId });
    expect(linked).toMatchObject({ conversationId: there?.id });
    expect((await conversations()).find(({ id }) => id === there?.id)).toMatchObject({ channel: 'telegram' });
    expect(await rows(`select count(distinct contact_id) as people from identities where external_id in ('4711', '${sessionId}')`)).toEqual(
      [{ people: 1 }],
    );
  });

  it.each([
    [
      'expired',
      async (key: string) => {
        bench.clock.advance(11 * minute);
        return key;
      },
    ],
    [
      'used',
      async (key: string) => {
        await bench.outside.links.joinWidget(key, {
          kind: 'widget',
          ...(await openTestConversation(db, creatorId)),
          sessionId: systemIds.uuid(),
        });
        return key;
      },
    ],
    ["another creator's", async () => bench.outside.links.issue(await openTestConversation(db, await testCreator(db)))],
    ['too long', async () => 'x'.repeat(65)],
    ['not ASCII', async () => 'schlüssel'],
  ])('T4: with a key that is %s is a plain welcome', async (_, make) => {
    const key = await openTestConversation(db, creatorId);
    const payload = await make(await bench.outside.links.issue(key));
    await start(payload);
    expect(said()[0]).toBe('Welcome, Ana. For one week we look at your sleep together.');
    expect((await conversations()).filter(({ channel }) => channel === 'telegram').length).toBe(1);
  });

  it('with the name of a program starts it', async () => {
    await start('sleep-reset');
    expect(said()).toHaveLength(2);
  });
});

it.each([
  [
    'a group',
    {
      ...textUpdate(1, person, 'sleep'),
      message: { message_id: 1, from: human(person), chat: { id: -100, type: 'supergroup' }, date: 0, text: 'sleep' },
    },
  ],
  ['a channel', { update_id: 1, channel_post: { message_id: 1, chat: { id: -1, type: 'channel' }, date: 0, text: 'sleep' } }],
  ['a bot', textUpdate(1, person, 'sleep', { from: { ...human(person), is_bot: true } })],
  ['an anonymous administrator', textUpdate(1, person, 'sleep', { sender_chat: { id: -1, type: 'supergroup' } })],
  [
    'an edited message',
    { update_id: 1, edited_message: { message_id: 1, from: human(person), chat: { id: person, type: 'private' }, date: 0, text: 'sleep' } },
  ],
  ['a chat that is not the sender’s', textUpdate(1, person, 'sleep', { chat: { id: 5, type: 'private' } })],
])('T5: leaves %s alone', async (_, given) => {
  await hears(given);
  expect(await conversations()).toEqual([]);
});

it('T6: keeps what an edited message has become beside what it was, and replays nothing', async () => {
  await hears(textUpdate(501, person, 'sleep'));
  await hearsText('07:00');
  const [before] = await conversations();
  const edited = (id: number, from: number) => {
    const { message } = textUpdate(id, from, 'smoke') as { message: object };
    return hears({ update_id: next(), edited_message: { ...message, edit_date: 1 } });
  };
  await edited(501, person);
  await edited(501, 666);
  await edited(999, person);
  expect(await conversations()).toMatchObject([{ state: before?.state, seq: before?.seq }]);
  const [first] = await bench.messages(creatorId);
  expect(first?.body).toEqual({ text: 'sleep', edited: 'smoke' });
});

it('shows typing every four seconds while an answer is written, and no longer', async () => {
  await bench.stop();
  let write: () => void = () => undefined;
  const written = new Promise<void>((resolve) => {
    write = resolve;
  });
  bench = await openOutside(db, () => written.then(() => answerOf('Nine hours.')));
  await db.owner((sql) => sql('truncate connections cascade'));
  connection = await bench.connect(creatorId, { channel: 'telegram', token: botToken });
  const typings = () => bench.telegram.calls.filter(({ method }) => method === 'sendChatAction').length;
  for (const words of ['sleep', '07:00']) await hearsText(words);
  await bench.fromTelegram(connection, textUpdate(next(), person, 'how long should I sleep?'));
  await vi.waitFor(() => expect(bench.runtime.asked).toHaveLength(1));
  const before = typings();
  for (const shown of [1, 2, 3]) {
    await vi.waitFor(() => {
      bench.clock.advance(1_000);
      expect(typings()).toBeGreaterThanOrEqual(before + shown);
    });
  }
  write();
  await bench.settled();
  expect(said().at(-1)).toBe('Nine hours.');
  const after = typings();
  await bench.turn(20_000);
  expect(typings()).toBe(after);
});

it('T7: parks the bot for as long as Telegram asks, and repeats nothing afterwards', async () => {
  bench.telegram.faults.push({ status: 429, description: 'Too Many Requests: retry after 3600', retryAfter: 3_600 });
  await hearsText('sleep');
  await hearsText('sleep', 4712);
  expect(bench.telegram.sent).toEqual([]);
  await bench.turn(59 * minute);
  expect(bench.telegram.sent).toEqual([]);
  for (const _second of [1, 2, 3]) await bench.turn(minute);
  expect(said()).toHaveLength(2);
  expect(said(4712)).toHaveLength(2);
});

it('lets a parked bot of one creator not hold up another creator', async () => {
  const other = await testCreator(db);
  await publish(db, other);
  bench.telegram.faults.push({ status: 429, description: 'Too Many Requests', retryAfter: 3_600 });
  await hearsText('sleep');
  const theirs = await bench.connect(other, { channel: 'telegram', token: botToken });
  await bench.fromTelegram(theirs, textUpdate(next(), 4712, 'sleep'));
  await bench.settled();
  expect(said(4712)).toHaveLength(2);
  expect(said()).toEqual([]);
});

it('T8: stops writing to a person who blocked the bot, and resumes when they return', async () => {
  bench.telegram.faults.push({ status: 403, description: 'Forbidden: bot was blocked by the user' });
  await hearsText('sleep');
  const [only] = await conversations();
  const states = await deliveriesOf(db, { creatorId, conversationId: only?.id as ConversationId }, [2, 3]);
  expect(states.map(({ status, reason }) => `${status}: ${reason}`)).toEqual(['failed: blocked', 'failed: blocked']);
  await hears(textUpdate(next(), person, '/start'));
  expect(await rows('select unreachable from addresses')).toEqual([{ unreachable: null }]);
  await hearsText('07:00');
  await bench.turn(11 * hour + 40 * minute);
  expect(said().at(-1)).toBe('Good morning. How was your night?');
});

it.each([
  ['tags', 'Eat <b>more</b>', 'Eat <b>more</b>'],
  ['the signs of Markdown', '_*[ more', '_*[ more'],
  ['an ampersand', 'salt & pepper &amp;', 'salt & pepper &amp;'],
  ['half a character', 'a\ud83d b', 'a\ufffd b'],
])('T9: shows %s as they are written', async (_, text, shown) => {
  await hearsText('sleep');
  const [only] = await conversations();
  const input = { id: 'say', kind: 'control', act: 'say', text, messageId: systemIds.uuid() } as const;
  // A half of a character cannot be kept as it is: the record has its replacement.
  await bench.runtime.mailboxes.deliver({ creatorId, conversationId: only?.id as ConversationId }, { ...input, text: text.toWellFormed() });
  await bench.settled();
  expect(said().at(-1)).toBe(shown);
  expect(bench.telegram.broken).toEqual([]);
});

it('hears from the membership that it was blocked and let in again', async () => {
  await hearsText('sleep');
  const membership = (status: string) => ({
    update_id: next(),
    my_chat_member: {
      chat: { id: person, type: 'private' },
      from: human(person),
      date: 0,
      old_chat_member: {},
      new_chat_member: { status },
    },
  });
  await hears(membership('kicked'));
  expect(await rows('select unreachable from addresses')).toEqual([{ unreachable: 'blocked' }]);
  await hears(membership('member'));
  expect(await rows('select unreachable from addresses')).toEqual([{ unreachable: null }]);
});

it('keeps the largest size of a photo, with its caption', async () => {
  bench.telegram.files.set(
    'big',
    new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0]),
  );
  const { text: _none, ...message } = textUpdate(1, person, '').message as Record<string, unknown>;
  await hears({ update_id: next(), message: { ...message, caption: 'my lunch', photo: [{ file_id: 'small' }, { file_id: 'big' }] } });
  expect((await bench.messages(creatorId))[0]?.body).toMatchObject({
    text: 'my lunch',
    attachments: [{ kind: 'image', type: 'image/png' }],
  });
});
