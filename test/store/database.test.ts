/** The contract of the Database port, on every adapter: PGlite in a worker, and PostgreSQL where TEST_DATABASE_URL names one. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Database } from '../../src/database.ts';
import { AppError } from '../../src/errors.ts';
import type { CreatorId } from '../../src/ids.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openPglite } from '../../src/store/pglite.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';

async function migratedWorker(): Promise<Database> {
  const db = await openPglite({ dataDir: null, log: silentLog });
  await migrate(db);
  afterAll(() => db.close());
  return db;
}

const adapters: [string, () => Promise<Database>][] = [['PGlite in a worker', migratedWorker]];
if (process.env.TEST_DATABASE_URL !== undefined) adapters.push(['PostgreSQL', testDatabase]);

describe.each(adapters)('%s', (_, open) => {
  let db: Database;
  let creator: CreatorId;
  let other: CreatorId;

  beforeAll(async () => {
    db = await open();
    creator = await testCreator(db, 'one');
    other = await testCreator(db, 'two');
  });

  const names = (of: CreatorId) => db.tenant(of, (sql) => sql<{ name: string }>('select name from creators'));

  it('shows a creator its own rows only', async () => {
    expect(await names(creator)).toEqual([{ name: 'one' }]);
    expect(await names(other)).toEqual([{ name: 'two' }]);
  });

  it('commits what resolves', async () => {
    await db.tenant(creator, (sql) => sql('update creators set settings = \'{"a": 1}\''));
    expect(await db.tenant(creator, (sql) => sql('select settings from creators'))).toEqual([{ settings: { a: 1 } }]);
    expect(await db.tenant(other, (sql) => sql('select settings from creators'))).toEqual([{ settings: {} }]);
  });

  it('rolls back what rejects, with the first error', async () => {
    const failure = new Error('changed my mind');
    const work = db.tenant(creator, async (sql) => {
      await sql("update creators set name = 'gone'");
      throw failure;
    });
    await expect(work).rejects.toBe(failure);
    expect(await names(creator)).toEqual([{ name: 'one' }]);
  });

  it('refuses to call a transaction committed whose failure was hidden', async () => {
    const work = db.tenant(creator, async (sql) => {
      await sql("update creators set name = 'gone'");
      await sql('select 1 / 0').catch(() => undefined);
    });
    await expect(work).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await names(creator)).toEqual([{ name: 'one' }]);
  });

  it('leaves neither creator nor role behind', async () => {
    await db.tenant(creator, async () => undefined);
    await db.owner(async () => undefined);
    const [after] = await db.routing(
      "select current_user::text as role, nullif(current_setting('app.current_creator_id', true), '') as creator",
    );
    expect(after).toEqual({ role: 'companero_app', creator: null });
    expect(await db.routing('select * from creators')).toEqual([]);
  });

  it('works as the unprivileged role in a tenant transaction and as the owner in an owner transaction', async () => {
    const asTenant = await db.tenant(creator, (sql) => sql('select current_user::text = session_user::text as owner'));
    const asOwner = await db.owner((sql) => sql('select current_user::text = session_user::text as owner'));
    expect([asTenant, asOwner]).toEqual([[{ owner: false }], [{ owner: true }]]);
  });

  it.each(['', 'x', "' or true --", '00000000-0000-0000-0000-000000000000', `A${'0'.repeat(35)}`])(
    'refuses the creator id "%s"',
    async (id) => {
      const work = db.tenant(id as CreatorId, (sql) => sql('select 1'));
      await expect(work).rejects.toBeInstanceOf(AppError);
    },
  );

  it('refuses statements after the end of their transaction', async () => {
    const kept = await db.tenant(creator, async (sql) => ({ sql }));
    await expect(kept.sql('select 1')).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it.each([
    ['a syntax error', 'selec 1', [], '42601'],
    ['a division by zero', 'select 1 / $1::int', [0], '22012'],
    ['a table that is not there', 'select * from nowhere', [], '42P01'],
    ['a table of the installation', 'select * from signing_keys', [], '42501'],
  ])('gives the SQLSTATE of %s', async (_what, text, params, code) => {
    await expect(db.tenant(creator, (sql) => sql(text, params))).rejects.toMatchObject({ code });
    await expect(db.routing(text, params)).rejects.toMatchObject({ code });
    expect(await names(creator)).toHaveLength(1);
  });

  it('gives rows in the types of the port', async () => {
    const [row] = await db.routing(
      `select 9007199254740991::bigint as big, 1.5::double precision as float, '{"a": [1, null]}'::jsonb as json, true as bool,
        '2026-11-21 10:00:00.123+00'::timestamptz as time, '-infinity'::timestamptz as past, '2026-11-21'::date as date,
        null::text as nothing, array['a', 'b,"c']::text[] as texts, '0190a0a0-0000-7000-8000-000000000000'::uuid as id`,
    );
    expect(row).toEqual({
      big: Number.MAX_SAFE_INTEGER,
      float: 1.5,
      json: { a: [1, null] },
      bool: true,
      time: new Date('2026-11-21T10:00:00.123Z'),
      past: new Date(-8.64e15),
      date: '2026-11-21',
      nothing: null,
      texts: ['a', 'b,"c'],
      id: '0190a0a0-0000-7000-8000-000000000000',
    });
  });

  it('takes parameters of the types of the port', async () => {
    const at = new Date('2026-11-21T10:00:00.123Z');
    const [row] = await db.routing(
      'select $1::bigint as big, $2::jsonb as json, $3::timestamptz as time, $4::text[] as texts, $5::boolean as bool, $6::text as nothing',
      [5, JSON.stringify([1, { a: 'ü' }]), at, ['x', 'y"'], false, null],
    );
    expect(row).toEqual({ big: 5, json: [1, { a: 'ü' }], time: at, texts: ['x', 'y"'], bool: false, nothing: null });
  });

  it('keeps transactions apart that run at the same time', async () => {
    const counted = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        db.tenant(index % 2 === 0 ? creator : other, async (sql) => {
          await sql('select 1');
          return sql<{ name: string }>('select name from creators');
        }),
      ),
    );
    expect(counted).toEqual(Array.from({ length: 20 }, (_, index) => [{ name: index % 2 === 0 ? 'one' : 'two' }]));
  });

  it('takes statements of one transaction at once, in their order', async () => {
    const rows = await db.tenant(creator, (sql) => Promise.all([1, 2, 3].map((number) => sql('select $1::int as number', [number]))));
    expect(rows).toEqual([[{ number: 1 }], [{ number: 2 }], [{ number: 3 }]]);
  });

  it('applies migrations once', async () => {
    expect(await migrate(db)).toEqual([]);
  });

  it('refuses a migration that was changed after it had been applied', async () => {
    const [before] = await db.owner((sql) => sql<{ hash: string }>("select hash from migrations where name like '0001%'"));
    await db.owner((sql) => sql("update migrations set hash = 'x' where name like '0001%'"));
    await expect(migrate(db)).rejects.toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('0001-roles.sql') });
    await db.owner((sql) => sql("update migrations set hash = $1 where name like '0001%'", [before?.hash]));
  });

  it('migrates once when many nodes start at the same moment', async () => {
    expect((await Promise.all([migrate(db), migrate(db), migrate(db)])).flat()).toEqual([]);
  });
});
