/** Conversations and contacts on record, as the edges read them. */
import { describe, expect, it } from 'vitest';
import { type ContactId, type ConversationId, type CreatorId, type SessionId, systemIds } from '../../src/ids.ts';
import { getContact, listContacts, patchContact } from '../../src/store/contacts.ts';
import {
  getConversation,
  listConversations,
  listTurns,
  messagesAfter,
  messagesBefore,
  openConversation,
} from '../../src/store/conversations.ts';
import { testCreator, testDatabase } from '../support/database.ts';

const db = await testDatabase();
const at = Date.parse('2026-11-21T12:00:00Z');

function opening(creatorId: CreatorId, over: { sessionId?: SessionId; externalId?: string; at?: number } = {}) {
  const sessionId = over.sessionId ?? systemIds.uuid<SessionId>();
  const ids = { conversationId: systemIds.uuid<ConversationId>(), contactId: systemIds.uuid<ContactId>() };
  return { creatorId, ...ids, channel: 'widget', externalId: sessionId, at, ...over, sessionId };
}

describe('opening a conversation', () => {
  it('makes contact and conversation once, however often and at once the session asks', async () => {
    const creatorId = await testCreator(db);
    const sessionId = systemIds.uuid<SessionId>();
    const opened = await Promise.all(Array.from({ length: 5 }, () => openConversation(db, opening(creatorId, { sessionId }))));
    expect(new Set(opened.map((one) => one.conversationId)).size).toBe(1);
    expect(opened.filter((one) => one.created)).toHaveLength(1);
    expect((await listContacts(db, creatorId, { limit: 10 })).items).toHaveLength(1);
  });

  it('knows a contact by its identity in a second session', async () => {
    const creatorId = await testCreator(db);
    const [one, two] = [
      await openConversation(db, opening(creatorId, { externalId: '+34' })),
      await openConversation(db, opening(creatorId, { externalId: '+34' })),
    ];
    expect(two.contactId).toBe(one.contactId);
    expect(two.conversationId).not.toBe(one.conversationId);
  });

  it('keeps creators apart that share a session id and an identity', async () => {
    const [one, two] = [await testCreator(db), await testCreator(db)];
    const sessionId = systemIds.uuid<SessionId>();
    const mine = await openConversation(db, opening(one, { sessionId, externalId: 'x' }));
    const theirs = await openConversation(db, opening(two, { sessionId, externalId: 'x' }));
    expect(theirs.contactId).not.toBe(mine.contactId);
    await expect(getConversation(db, { creatorId: two, ...mine })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

it('shows a conversation with its contact and timers', async () => {
  const creatorId = await testCreator(db);
  const made = opening(creatorId);
  await openConversation(db, made);
  await db.tenant(creatorId, (sql) =>
    sql("insert into timers (creator_id, conversation_id, timer_id, generation, due_at) values ($1, $2, 't', 3, $3)", [
      creatorId,
      made.conversationId,
      new Date(at),
    ]),
  );
  expect(await getConversation(db, made)).toMatchObject({
    id: made.conversationId,
    sessionId: made.sessionId,
    status: 'open',
    control: 'bot',
    version: 0,
    snapshot: null,
    contact: { id: made.contactId, version: 0, fields: {}, tags: [], zone: null },
    timers: [{ timerId: 't', generation: 3, dueAt: new Date(at), detail: {} }],
  });
});

it('lists conversations latest first, page by page, narrowed by what is asked', async () => {
  const creatorId = await testCreator(db);
  const made = [0, 1, 1, 2, 3_600_000, 3_600_001, 36_000_000].map((later) => opening(creatorId, { at: at + later }));
  for (const one of made) await openConversation(db, one);
  await db.tenant(creatorId, (sql) =>
    sql("update conversations set control = 'human', state = 'waiting' where id = $1", [made[0]?.conversationId]),
  );
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof listConversations>> = await listConversations(db, creatorId, {
      limit: 1,
      cursor: cursor ?? undefined,
    });
    seen.push(...page.items.map((item) => item.id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  const latestFirst = made.toSorted((a, b) => b.at - a.at || (a.conversationId < b.conversationId ? 1 : -1));
  expect(seen).toEqual(latestFirst.map((one) => one.conversationId));
  const narrowed = async (filter: object) => (await listConversations(db, creatorId, { limit: 9, ...filter })).items.length;
  expect(await narrowed({ control: 'human' })).toBe(1);
  expect(await narrowed({ state: 'waiting', channel: 'widget' })).toBe(1);
  expect(await narrowed({ channel: 'telegram' })).toBe(0);
  await expect(listConversations(db, creatorId, { limit: 1, cursor: 'W10' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

it('reads messages and turns from both ends', async () => {
  const creatorId = await testCreator(db);
  const key = opening(creatorId);
  await openConversation(db, key);
  await db.tenant(creatorId, async (sql) => {
    for (const seq of [1, 2, 3, 4]) {
      await sql(
        `insert into messages (creator_id, conversation_id, seq, id, role, class, body, created_at) values ($1, $2, $3, $4, 'coach', 'reply', '{"text":"x"}', $5)`,
        [creatorId, key.conversationId, seq, systemIds.uuid(), new Date(at)],
      );
      await sql(
        `insert into inputs (creator_id, conversation_id, input_id, turn, kind, payload, result, trace) values ($1, $2, $3, $4, 'message', '{}', '{}', '{"why":1}')`,
        [creatorId, key.conversationId, `i${seq}`, seq],
      );
    }
  });
  expect((await messagesAfter(db, key, 1, 2)).map((message) => message.seq)).toEqual([2, 3]);
  expect((await messagesBefore(db, key, 4, 2)).map((message) => message.seq)).toEqual([2, 3]);
  expect((await messagesBefore(db, key, Number.MAX_SAFE_INTEGER, 1))[0]).toMatchObject({
    seq: 4,
    at: '2026-11-21T12:00:00.000Z',
    body: { text: 'x' },
  });
  expect((await listTurns(db, key, 4, 2)).map((turn) => [turn.inputId, turn.turn, turn.trace])).toEqual([
    ['i3', 3, { why: 1 }],
    ['i2', 2, { why: 1 }],
  ]);
});

describe('a contact', () => {
  it('is changed in the parts given, its version grows', async () => {
    const creatorId = await testCreator(db);
    const { contactId } = opening(creatorId);
    await openConversation(db, { ...opening(creatorId), contactId });
    await patchContact(db, creatorId, contactId, { name: 'Ana', zone: 'Europe/Madrid', fields: { a: 1, b: 'x' }, tags: ['new'] }, at);
    const changed = await patchContact(db, creatorId, contactId, { zone: null, fields: { a: null, c: [1] } }, at + 1);
    expect(changed).toMatchObject({ version: 2, name: 'Ana', zone: null, language: null, fields: { b: 'x', c: [1] }, tags: ['new'] });
    expect(await getContact(db, creatorId, contactId)).toEqual(changed);
  });

  it('is not found by another creator', async () => {
    const made = opening(await testCreator(db));
    await openConversation(db, made);
    const stranger = await testCreator(db);
    await expect(getContact(db, stranger, made.contactId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(patchContact(db, stranger, made.contactId, { name: 'x' }, at)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
