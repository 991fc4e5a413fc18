/** The audit as a chain: what is appended stays as it was, or the check tells where it was touched. */
import { expect, test } from 'vitest';
import type { CreatorId } from '../../src/ids.ts';
import { auditedCreators, checkChain } from '../../src/store/audit.ts';
import { someCaller, testAccounts } from '../support/accounts.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';

const database = await testDatabase();
const { audit } = await testAccounts(database, manualClock(Date.UTC(2026, 0, 1)));

async function chain(length: number): Promise<CreatorId> {
  const creatorId = await testCreator(database);
  for (let count = 0; count < length; count++) {
    await audit.note(creatorId, { caller: someCaller }, { action: 'session.login', outcome: 'refused', reason: `try ${count}` });
  }
  return creatorId;
}
const check = (creatorId: CreatorId) => database.tenant(creatorId, checkChain);

/** Changes rows as somebody would who owns the database itself. */
async function tamper(creatorId: CreatorId, statement: string): Promise<void> {
  await database.owner(async (sql) => {
    await sql('grant update, delete on audit to companero_app');
    await sql('set local role companero_app');
    await sql("select set_config('app.current_creator_id', $1, true)", [creatorId]);
    await sql(statement);
    await sql('set local role none');
    await sql('revoke update, delete on audit from companero_app');
  });
}

test('a chain that nobody touched is whole', async () => {
  const creatorId = await chain(5);
  expect(await check(creatorId)).toEqual({ rows: 5, head: expect.stringMatching(/^[0-9a-f]{64}$/), broken: [] });
  expect(await auditedCreators(database.routing)).toContain(creatorId);
});

test.each([
  ['changed', "update audit set reason = 'nothing' where seq = 3", [3]],
  ['changed with a hash of its own', "update audit a set reason = 'nothing', hash = audit_hash(a) where seq = 3", [3, 4]],
  ['removed', 'delete from audit where seq = 3', [4, 5]],
  ['removed at the beginning', 'delete from audit where seq = 1', [2, 3, 4, 5]],
  ['moved in time', "update audit set created_at = created_at + interval '1 day' where seq = 2", [2]],
])('a row that was %s shows', async (_, statement, broken) => {
  const creatorId = await chain(5);
  await tamper(creatorId, statement);
  expect((await check(creatorId)).broken).toEqual(expect.arrayContaining([broken[0]]));
});

test('rows cut off at the end show against a head noted elsewhere', async () => {
  const creatorId = await chain(5);
  const { head } = await check(creatorId);
  await tamper(creatorId, 'delete from audit where seq = 5');
  expect(await check(creatorId)).toMatchObject({ rows: 4, broken: [], head: expect.not.stringMatching(head) });
});

test('the application can neither change nor remove a row', async () => {
  const creatorId = await chain(1);
  for (const statement of ["update audit set reason = 'x'", 'delete from audit', 'truncate audit']) {
    await expect(database.tenant(creatorId, (sql) => sql(statement))).rejects.toMatchObject({ code: '42501' });
  }
});

test('many appended at the same moment make one chain', async () => {
  const creatorId = await testCreator(database);
  await Promise.all(
    Array.from({ length: 20 }, () => audit.note(creatorId, { caller: someCaller }, { action: 'access', outcome: 'refused' })),
  );
  expect(await check(creatorId)).toMatchObject({ rows: 20, broken: [] });
});
