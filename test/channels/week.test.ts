/** A whole week of the example program on each channel, with the clock turned from event to event. */
import { afterEach, expect, it } from 'vitest';
import type { CreatorId } from '../../src/ids.ts';
import { emptyDatabase, testCreator, testDatabase } from '../support/database.ts';
import { agreeToMessages, type OutsideBench, openOutside } from '../support/outside.ts';
import { publish } from '../support/runtime.ts';
import { botToken, callbackUpdate, textUpdate } from '../support/telegram-stand-in.ts';
import { inbound, webhookBody, whatsappAccount } from '../support/whatsapp-stand-in.ts';

const db = await testDatabase();
const hour = 3_600_000;
let bench: OutsideBench;
afterEach(() => bench.stop());

async function open(account: Record<string, unknown>): Promise<{ creatorId: CreatorId; connection: string }> {
  await emptyDatabase(db);
  bench = await openOutside(db);
  const creatorId = await testCreator(db);
  await publish(db, creatorId);
  return { creatorId, connection: await bench.connect(creatorId, account) };
}

/** Turns the clock in steps of some hours, so that what falls due is sent near its time. */
async function hours(count: number): Promise<void> {
  for (let passed = 0; passed < count; passed += 4) await bench.turn(4 * hour);
}

it('goes seven nights on Telegram, by keys', { timeout: 60_000 }, async () => {
  const { connection } = await open({ channel: 'telegram', token: botToken });
  const texts = () => bench.telegram.sent.map(({ params }) => params.text);
  const press = () => {
    const markup = bench.telegram.sent.findLast(({ params }) => params.reply_markup !== undefined)?.params.reply_markup;
    const [[good]] = (markup as { inline_keyboard: [[{ callback_data: string }]] }).inline_keyboard;
    return callbackUpdate(1_000 + bench.telegram.sent.length, 4711, good.callback_data);
  };
  await bench.fromTelegram(connection, textUpdate(1, 4711, 'sleep'));
  await bench.fromTelegram(connection, textUpdate(2, 4711, '07:00'));
  for (let night = 1; night <= 7; night += 1) {
    await hours(night === 1 ? 12 : 24);
    expect(texts().at(-1)).toBe('Good morning. How was your night?');
    await bench.fromTelegram(connection, press());
    await bench.settled();
  }
  expect(texts().filter((text) => text === 'Good morning. How was your night?')).toHaveLength(7);
  expect(texts().slice(-2)).toEqual(['Well done: night 7 of 7.', 'Seven nights. You did it.']);
  expect(bench.telegram.broken).toEqual([]);
});

/** A press of the first button. */
function pressOf({ interactive }: Record<string, unknown>): Record<string, unknown> {
  const { action } = interactive as { action: { buttons: { reply: object }[] } };
  return { type: 'interactive', interactive: { type: 'button_reply', button_reply: action.buttons[0]?.reply } };
}

it('goes seven nights on WhatsApp, with a silent day after which only a template may be sent', { timeout: 60_000 }, async () => {
  const { creatorId, connection } = await open({ channel: 'whatsapp', ...whatsappAccount });
  const sent = () => bench.whatsapp.sent.map(({ type, body }) => (type === 'template' ? (body.template as { name: string }).name : type));
  let count = 0;
  const from = (message: Record<string, unknown>) => {
    count += 1;
    return bench.fromMeta(
      connection,
      webhookBody(inbound(`wamid.in.${count}`, { phone: '351911000111' }, message, bench.clock.wall() / 1000)),
    );
  };
  const say = (text: string) => from({ type: 'text', text: { body: text } });
  await say('sleep');
  await agreeToMessages(db, creatorId);
  await say('07:00');
  await hours(12);
  expect(sent().at(-1)).toBe('interactive');
  // A day without a word: the window has closed before the program asks again.
  await hours(24);
  expect(sent().slice(3)).toEqual(['come_back']);
  await say('I am back');
  for (let night = 1; night <= 7; night += 1) {
    await hours(night === 1 ? 24 : 20);
    const asked = bench.whatsapp.sent.at(-1) ?? { type: 'none', body: {} };
    // On the first morning the window has closed just now; a template has no keys, so the answer is typed.
    expect(asked.type).toBe(night === 1 ? 'template' : 'interactive');
    await bench.turn(4 * hour);
    await (night === 1 ? say('Good') : from(pressOf(asked.body)));
    await bench.settled();
  }
  expect(bench.whatsapp.broken).toEqual([]);
  const failed = await db.tenant(creatorId, (sql) => sql("select reason from deliveries where status = 'failed'"));
  expect(failed).toEqual([]);
  expect(bench.whatsapp.sent.filter(({ body }) => JSON.stringify(body).includes('night 7 of 7'))).toHaveLength(1);
});

it('takes a burst with a fifth of it repeated, in any order, and neither loses nor doubles a message', { timeout: 120_000 }, async () => {
  const { creatorId, connection } = await open({ channel: 'telegram', token: botToken });
  await db.tenant(creatorId, (sql) => sql('update programs set live_version = null'));
  bench.clock.advance(6_000);
  const people = 50;
  const updates = Array.from({ length: 500 }, (_, index) => textUpdate(index + 1, 5_000 + (index % people), `message ${index}`));
  const repeated = [...updates, ...updates.filter((_, index) => index % 4 === 0)].toSorted(
    (a, b) => (Number(a.update_id) % 7) - (Number(b.update_id) % 7),
  );
  for (let at = 0; at < repeated.length; at += 40) {
    await Promise.all(repeated.slice(at, at + 40).map((update) => bench.fromTelegram(connection, update)));
  }
  const [counted] = await db.tenant(creatorId, (sql) =>
    sql(`select count(*) as messages, count(distinct body ->> 'text') as texts, count(distinct conversation_id) as conversations
         from messages where role = 'contact'`),
  );
  expect(counted).toEqual({ messages: 500, texts: 500, conversations: people });
});
