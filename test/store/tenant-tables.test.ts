import { expect, it } from 'vitest';
import { deleteRows, tenantTables } from '../../src/store/tenant-tables.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { openTestConversation } from '../support/runtime.ts';

const db = await testDatabase();

it('deletes a table of one creator slice by slice', async () => {
  const [creatorId, bystander] = [await testCreator(db), await testCreator(db)];
  for (let n = 0; n < 5; n += 1) await openTestConversation(db, creatorId);
  await openTestConversation(db, bystander);
  const tables = await db.tenant(creatorId, tenantTables);
  const conversations = tables.filter(({ name }) => name === 'conversations');
  const slice = () => db.tenant(creatorId, async (sql) => Promise.all(conversations.map((table) => deleteRows(sql, table, null, 2))));
  expect([await slice(), await slice(), await slice(), await slice()]).toEqual([[2], [2], [1], [0]]);
  expect(await db.tenant(bystander, (sql) => sql('select id from conversations'))).toHaveLength(1);
});
