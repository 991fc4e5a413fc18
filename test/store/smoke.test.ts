/** The template of the tests: a migrated database that a creator can write to and nobody else can read. */
import { expect, it } from 'vitest';
import { testCreator, testDatabase } from '../support/database.ts';

const db = await testDatabase();
it('works', async () => {
  const c = await testCreator(db);
  expect(await db.tenant(c, (sql) => sql('select name, created_at from creators'))).toHaveLength(1);
  expect(await db.routing('select * from creators')).toEqual([]);
  expect(await db.routing("select * from commit_turns('[]'::jsonb)")).toEqual([]);
});
