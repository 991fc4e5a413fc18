/** Linking people who are known on both sides already: one contact, one conversation that goes on, nothing lost. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConversationKey } from '../../src/actors/input.ts';
import type { OpenConnection } from '../../src/channels/channel.ts';
import { createLinks, type Links } from '../../src/channels/link.ts';
import type { Database } from '../../src/database.ts';
import { AppError } from '../../src/errors.ts';
import { type ConversationId, type CreatorId, type SessionId, systemIds } from '../../src/ids.ts';
import type { Cache } from '../../src/shared/cache.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { manualClock } from '../support/clock.ts';
import { emptyDatabase, testCreator, testDatabase } from '../support/database.ts';
import { type OutsideBench, openOutside } from '../support/outside.ts';
import { evening, openTestConversation, publish } from '../support/runtime.ts';
import { botToken, textUpdate } from '../support/telegram-stand-in.ts';
import { inbound, webhookBody, whatsappAccount } from '../support/whatsapp-stand-in.ts';

const db = await testDatabase();
const hour = 3_600_000;
const person = 4711;
let bench: OutsideBench;
let creatorId: CreatorId;
let widget: ConversationKey;
let update = 0;

beforeEach(async () => {
  await emptyDatabase(db);
  bench = await openOutside(db);
  creatorId = await testCreator(db);
  bench.creators.add(creatorId);
  await publish(db, creatorId);
  widget = await openTestConversation(db, creatorId);
});
afterEach(() => bench.stop());

const rows = <Row>(text: string, params: unknown[] = []) => db.tenant(creatorId, (sql) => sql<Row>(text, params));
const only = async () => {
  const contacts = await rows<Record<string, unknown>>('select * from contacts');
  expect(contacts).toHaveLength(1);
  return contacts[0] ?? {};
};

async function onWidget(text: string): Promise<void> {
  const id = systemIds.uuid();
  await bench.runtime.mailboxes.deliver(widget, { id: `msg:${id}`, kind: 'message', messageId: id, text });
  await bench.settled();
}

async function onTelegram(connection: string, text: string): Promise<void> {
  update += 1;
  await bench.fromTelegram(connection, textUpdate(update, person, text));
  await bench.settled();
}

const conversations = () =>
  rows<{ id: ConversationId; channel: string; status: string; outcome: string | null }>(
    'select id, channel, status, outcome from conversations order by created_at, id',
  );

describe('from the widget to Telegram, where the person has a conversation already', () => {
  let connection: string;
  beforeEach(async () => {
    connection = await bench.connect(creatorId, { channel: 'telegram', token: botToken });
    await onWidget('sleep');
    await onWidget('07:00');
    await onTelegram(connection, 'sleep');
  });
  const join = async () => onTelegram(connection, `/start ${await bench.outside.links.issue(widget)}`);

  it('one contact is left, with every identity, and the conversation of the key goes on', async () => {
    await join();
    await only();
    expect(await rows('select channel from identities order by channel')).toEqual([{ channel: 'telegram' }, { channel: 'widget' }]);
    expect(await conversations()).toEqual([
      { id: widget.conversationId, channel: 'telegram', status: 'active', outcome: null },
      { id: expect.any(String), channel: 'telegram', status: 'ended', outcome: 'joined with another conversation' },
    ]);
    await bench.turn(11 * hour);
    expect(
      bench.telegram.sent.map(({ params }) => params.text).filter((text) => text === 'Good morning. How was your night?'),
    ).toHaveLength(1);
    expect((await bench.messages(creatorId, widget.conversationId))[0]?.body.text).toBe('sleep');
  });

  it('what each knew is known of both: name, fields, tags, the higher progress, and that they opted out', async () => {
    const [other] = await rows<{ id: string }>(`select contact_id as id from conversations where id <> $1`, [widget.conversationId]);
    await rows(
      `update contacts set name = 'Ana', fields = '{"goal": "sleep", "wakeTime": "06:00"}', tags = '{b,a}', consent = '{"messages": false, "promo": true}',
         progress = '{"points": 30}' where id = $1`,
      [other?.id],
    );
    await rows(
      `update contacts set tags = '{c,a}', consent = '{"messages": true, "promo": false}', progress = '{"points": 10}' where id <> $1`,
      [other?.id],
    );
    await join();
    expect(await only()).toMatchObject({
      name: 'Ana',
      fields: { goal: 'sleep', wakeTime: '07:00' },
      tags: ['a', 'b', 'c'],
      consent: { messages: false, promo: false },
      progress: { points: 30 },
    });
  });

  it('caps count what was sent on either side', async () => {
    const at = bench.clock.now() + 10 * hour;
    await rows(
      `update contacts set sends = jsonb_build_array(jsonb_build_object('class', 'nudge', 'at', $2::bigint))
      where id <> (select contact_id from conversations where id = $1)`,
      [widget.conversationId, at],
    );
    await join();
    await bench.turn(11 * hour);
    expect(bench.telegram.sent.map(({ params }) => params.text)).not.toContain('Good morning. How was your night?');
    const [turn] = await rows<{ reason: string }>(
      `select trace #>> '{decisions,0,reason}' as reason from inputs where trace #>> '{decisions,0,content}' = 'check'`,
    );
    expect(turn?.reason).toMatch(/^cap of 1 nudge/);
  });

  it('awards and consents come along', async () => {
    const [other] = await rows<{ contact_id: string; id: string }>('select contact_id, id from conversations where id <> $1', [
      widget.conversationId,
    ]);
    await rows(
      "insert into awards (creator_id, contact_id, award_id, conversation_id, kind, name) values ($1, $2, 'a', $3, 'badge', 'week')",
      [creatorId, other?.contact_id, other?.id],
    );
    await rows(`update contacts set consent = '{"promo": true}' where id = $1`, [other?.contact_id]);
    await join();
    const { id } = await only();
    expect(await rows('select contact_id from awards')).toEqual([{ contact_id: id }]);
    expect((await rows<{ contact_id: string }>('select contact_id from consent_records')).every((row) => row.contact_id === id)).toBe(true);
  });

  it('nobody is merged who is about to be erased', async () => {
    await rows('insert into erasures (creator_id, id, contact_id) select creator_id, $1, id from contacts limit 1', [systemIds.uuid()]);
    await join();
    expect(await rows('select 1 from contacts')).toHaveLength(2);
  });
});

it('from the widget to WhatsApp by a word, where the person has a conversation already', async () => {
  const connection = await bench.connect(creatorId, { channel: 'whatsapp', ...whatsappAccount });
  const says = async (text: string) => {
    const message = inbound(systemIds.uuid(), { phone: '351911000111' }, { type: 'text', text: { body: text } });
    await bench.fromMeta(connection, webhookBody(message));
    await bench.settled();
  };
  await onWidget('sleep');
  await says('sleep');
  await says(`link ${await bench.outside.links.issue(widget)}`);
  await only();
  await says('07:00');
  expect(await rows('select state from conversations where id = $1', [widget.conversationId])).toEqual([{ state: 'asleep' }]);
});

it('back from Telegram to a widget that has a conversation already', async () => {
  const connection = await bench.connect(creatorId, { channel: 'telegram', token: botToken });
  await onWidget('sleep');
  await onTelegram(connection, 'sleep');
  const [, there] = await conversations();
  const key = await bench.outside.links.issue({ creatorId, conversationId: there?.id as ConversationId });
  const principal = { kind: 'widget', ...widget, sessionId: systemIds.uuid<SessionId>() } as const;
  const linked = await bench.outside.links.joinWidget(key, principal);
  expect(linked).toMatchObject({ conversationId: there?.id, left: widget.conversationId });
  await only();
  await onTelegram(connection, '07:00');
  expect(await rows('select state from conversations where id = $1', [there?.id])).toEqual([{ state: 'asleep' }]);
});

describe('a key', () => {
  const clock = manualClock(evening);
  const sender = (externalId: string) => ({ externalId, formerId: null, phone: null, name: '', language: null });
  const linksOver = (on: Database) => createLinks({ db: on, cache, clock, randomBytes: () => crypto.getRandomValues(new Uint8Array(16)) });
  let cache: Cache;
  let links: Links;
  let connection: OpenConnection;
  beforeEach(async () => {
    cache = createMemoryCache(clock);
    links = linksOver(db);
    const id = await bench.connect(creatorId, { channel: 'telegram', token: botToken });
    connection = { creatorId, id, channel: 'telegram', account: '', settings: {}, secrets: {} };
  });
  const joins = (by: Links, words: string, eventId: string, from = '4711') =>
    by.joinOutside({ words, eventId }, connection, sender(from), null);

  it('is not used up by a join that failed', async () => {
    const down: Database = { ...db, tenant: () => Promise.reject(new AppError('UNAVAILABLE', 'Cannot reach the record')) };
    const key = await links.issue(widget);
    await expect(joins(linksOver(down), key, 'e1')).rejects.toThrow('Cannot reach');
    const principal = { kind: 'widget', ...(await openTestConversation(db, creatorId)), sessionId: systemIds.uuid<SessionId>() } as const;
    await expect(linksOver(down).joinWidget(key, principal)).rejects.toThrow('Cannot reach');
    expect(await joins(links, key, 'e1')).toMatchObject({ conversationId: widget.conversationId });
  });

  it('gives the same to whoever repeats what used it, and nothing to anybody else', async () => {
    const key = await links.issue(widget);
    await onTelegram(connection.id, 'sleep');
    const other = (await conversations()).find(({ id }) => id !== widget.conversationId)?.id;
    const first = await joins(links, key, 'e1');
    expect(first).toMatchObject({ conversationId: widget.conversationId, left: other });
    expect(await joins(links, key, 'e2')).toBeNull();
    expect(await joins(links, key, 'e1', '4712')).toBeNull();
    expect(await joins(links, key, 'e1')).toEqual(first);
    clock.advance(10 * 60_000);
    expect(await joins(links, key, 'e1')).toBeNull();
  });

  it('is used by one of many at the same time', async () => {
    const key = await links.issue(widget);
    const joined = await Promise.all(['1', '2', '3', '4'].map((from) => joins(links, key, `e${from}`, from)));
    expect(joined.filter((one) => one !== null)).toHaveLength(1);
  });

  it('of a conversation that is gone joins nobody', async () => {
    const key = await links.issue({ creatorId, conversationId: systemIds.uuid<ConversationId>() });
    expect(await joins(links, key, 'e1')).toBeNull();
  });
});

it('knows every table that names a contact', async () => {
  const naming = await db.owner((sql) =>
    sql<{ name: string }>(
      `select conrelid::regclass::text as name from pg_constraint where confrelid = 'contacts'::regclass and contype = 'f' order by 1`,
    ),
  );
  expect(naming.map(({ name }) => name)).toEqual(['awards', 'broadcast_recipients', 'consent_records', 'conversations', 'identities']);
});
