import { expect, it } from 'vitest';
import { forgetMessages } from '../../src/store/retention.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { openTestConversation } from '../support/runtime.ts';

const db = await testDatabase();

it('blanks messages slice by slice, until none is left', async () => {
  const creatorId = await testCreator(db);
  const { conversationId } = await openTestConversation(db, creatorId);
  await db.tenant(creatorId, (sql) =>
    sql(
      `insert into messages (creator_id, conversation_id, seq, id, role, class, body, created_at)
       select $1, $2, n, gen_random_uuid(), 'coach', 'reply', '{"text": "hi"}', '2026-01-01' from generate_series(1, 5) n`,
      [creatorId, conversationId],
    ),
  );
  const slice = () => db.tenant(creatorId, (sql) => forgetMessages(sql, new Date('2026-02-01'), 2));
  expect([await slice(), await slice(), await slice()]).toEqual([
    { messages: 2, more: true },
    { messages: 2, more: true },
    { messages: 1, more: false },
  ]);
  expect(await db.tenant(creatorId, (sql) => sql('select distinct body from messages'))).toEqual([{ body: { text: '' } }]);
});
