import { expect, it } from 'vitest';
import { type ContactId, type ConversationId, type CreatorId, type SessionId, systemIds } from '../../src/ids.ts';
import { conversationHead, getConversation, openConversation } from '../../src/store/conversations.ts';
import { moveReadMark } from '../../src/store/read-marks.ts';
import { testCreator, testDatabase } from '../support/database.ts';

const db = await testDatabase();
const at = Date.parse('2026-11-21T12:00:00Z');

async function conversationOf(creatorId: CreatorId, seq: number) {
  const ids = { conversationId: systemIds.uuid<ConversationId>(), contactId: systemIds.uuid<ContactId>() };
  const key = { creatorId, conversationId: ids.conversationId };
  await openConversation(db, { ...ids, creatorId, sessionId: systemIds.uuid<SessionId>(), channel: 'widget', externalId: 'e', at });
  await db.tenant(creatorId, (sql) => sql('update conversations set seq = $2 where id = $1', [key.conversationId, seq]));
  return key;
}

const move = (key: { creatorId: CreatorId; conversationId: ConversationId }, seq: number, creatorId = key.creatorId) =>
  db.tenant(creatorId, (sql) => moveReadMark(sql, { ...key, creatorId }, seq, at));

it('moves forward only, to the last message at most, and is shown with the conversation', async () => {
  const key = await conversationOf(await testCreator(db), 4);
  expect(await conversationHead(db, key)).toEqual({ seq: 4, readSeq: 0, status: 'open', progress: null });
  expect([await move(key, 2), await move(key, 1), await move(key, 2), await move(key, 1e15), await move(key, 4)]).toEqual([
    2,
    null,
    null,
    4,
    null,
  ]);
  expect(await conversationHead(db, key)).toMatchObject({ readSeq: 4 });
  expect(await getConversation(db, key)).toMatchObject({ readSeq: 4 });
});

it("does nothing in another creator's conversation", async () => {
  const key = await conversationOf(await testCreator(db), 4);
  expect(await move(key, 2, await testCreator(db))).toBeNull();
  expect(await conversationHead(db, key)).toMatchObject({ readSeq: 0 });
});
