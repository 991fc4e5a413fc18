/** Principal × table × operation: no row of a creator can be seen or touched from anywhere but that creator's own context. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Sql } from '../../src/database.ts';
import { type CreatorId, systemIds } from '../../src/ids.ts';
import { testDatabase } from '../support/database.ts';
import { addRow, newValues, tenantTables, type Values } from './tenant-tables.ts';

const db = await testDatabase();
const tables = (
  await db.owner((sql) =>
    sql<{ name: string }>(
      `select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'creator_id' and not a.attisdropped
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1`,
    ),
  )
).map((row) => row.name);
/** Tables whose rows always refer to another row than their creator's. */
const referring = (
  await db.owner((sql) =>
    sql<{ name: string }>(
      `select distinct k.conrelid::regclass::text as name from pg_constraint k where k.contype = 'f' and k.confrelid <> 'creators'::regclass
       and not exists (select from pg_attribute a where a.attrelid = k.conrelid and a.attnum = any (k.conkey) and not a.attnotnull)`,
    ),
  )
).map((row) => row.name);
/** Parents first, so that rows can refer to rows. */
const inOrder = Object.keys(tenantTables).filter((name) => tables.includes(name));

interface Tenant {
  id: CreatorId;
  values: Values;
}

async function fill(): Promise<Tenant> {
  const tenant = { id: systemIds.uuid<CreatorId>(), values: newValues() };
  await db.tenant(tenant.id, async (sql) => {
    for (const table of inOrder) await addRow(sql, table, tenant.id, tenant.values);
  });
  return tenant;
}

let mine: Tenant;
let theirs: Tenant;
beforeAll(async () => {
  mine = await fill();
  theirs = await fill();
});

const count = async (sql: Sql, table: string) => (await sql<{ n: number }>(`select count(*) as n from ${table}`))[0]?.n;
const countTheirs = (table: string) => db.tenant(theirs.id, (sql) => count(sql, table));
const state = (code: string) => expect.objectContaining({ code });
const refused = state('42501');

it('knows a row for every tenant table of the catalogue', () => {
  expect(tables.filter((table) => !(table in tenantTables))).toEqual([]);
  expect(tables.length).toBeGreaterThan(10);
});

/** No row can be changed or removed from anywhere, nor by the creator it belongs to. */
async function expectAppendOnly(table: string): Promise<void> {
  for (const statement of [`update ${table} set updated_at = now()`, `delete from ${table}`]) {
    await expect(db.tenant(theirs.id, (sql) => sql(statement))).rejects.toEqual(refused);
    await expect(db.routing(statement)).rejects.toEqual(refused);
  }
  expect(await countTheirs(table)).toBe(1);
}

describe.each(inOrder)('%s', (table) => {
  it('shows a creator its own rows only', async () => {
    expect(await db.tenant(mine.id, (sql) => sql(`select distinct creator_id from ${table}`))).toEqual([{ creator_id: mine.id }]);
    expect(await db.tenant(mine.id, (sql) => sql(`select 1 from ${table} where creator_id = $1`, [theirs.id]))).toEqual([]);
  });

  it('looks empty without a creator', async () => {
    expect(await db.routing(`select 1 from ${table}`)).toEqual([]);
  });

  it('looks empty to a creator that does not exist', async () => {
    expect(await db.tenant(systemIds.uuid<CreatorId>(), (sql) => count(sql, table))).toBe(0);
  });

  it('takes no row in the name of another creator', async () => {
    const values = { ...theirs.values, ...newValues() };
    await expect(db.tenant(mine.id, (sql) => addRow(sql, table, theirs.id, values))).rejects.toEqual(refused);
    await expect(addRow(db.routing, table, theirs.id, values)).rejects.toEqual(refused);
  });

  it('changes and removes no row of another creator', async () => {
    if (tenantTables[table]?.appendOnly) return expectAppendOnly(table);
    const touched = await db.tenant(mine.id, async (sql) => [
      ...(await sql(`update ${table} set updated_at = now() where creator_id = $1 returning 1`, [theirs.id])),
      ...(await sql(`delete from ${table} where creator_id = $1 returning 1`, [theirs.id])),
    ]);
    expect(touched).toEqual([]);
    expect(await countTheirs(table)).toBe(1);
  });

  it('changes and removes nothing without a creator', async () => {
    if (tenantTables[table]?.appendOnly) return expectAppendOnly(table);
    expect(await db.routing(`update ${table} set updated_at = now() returning 1`)).toEqual([]);
    expect(await db.routing(`delete from ${table} returning 1`)).toEqual([]);
  });

  it('hands no row over to another creator', async () => {
    const work = db.tenant(mine.id, (sql) => sql(`update ${table} set creator_id = $1`, [theirs.id]));
    await expect(work).rejects.toEqual(refused);
  });

  it('cannot be emptied, indexed, altered or referenced by the application', async () => {
    for (const statement of [
      `truncate ${table} cascade`,
      `alter table ${table} disable row level security`,
      `drop table ${table} cascade`,
    ]) {
      await expect(db.tenant(mine.id, (sql) => sql(statement))).rejects.toEqual(refused);
    }
  });
});

describe('foreign keys', () => {
  it.each(referring)('%s refers to rows of its own creator only, and does not tell another’s row from no row', async (table) => {
    const newcomer = systemIds.uuid<CreatorId>();
    await db.tenant(newcomer, (sql) => addRow(sql, 'creators', newcomer, theirs.values));
    for (const values of [theirs.values, newValues()]) {
      await expect(db.tenant(newcomer, (sql) => addRow(sql, table, newcomer, values))).rejects.toEqual(state('23503'));
    }
  });
});

describe('routing functions', () => {
  it('lead from a mail address and a refresh family to their creator, by ids alone', async () => {
    const member = { creator_id: mine.id, member_id: mine.values.member };
    expect(await db.routing('select * from routing.member_by_email($1)', [`${mine.values.member}@X.test`])).toEqual([member]);
    expect(await db.routing('select * from routing.family($1)', [mine.values.family])).toEqual([{ creator_id: mine.id }]);
    expect(await db.routing('select * from routing.member_by_email($1)', ["x' or true --"])).toEqual([]);
  });

  it('return only routing columns', async () => {
    const columns = await db.owner((sql) =>
      sql<{ name: string }>(
        `select distinct unnest(p.proargnames[p.pronargs + 1:]) as name from pg_proc p
         where p.pronamespace = 'routing'::regnamespace order by 1`,
      ),
    );
    const routing = [
      'attempts',
      'broadcast_id',
      'contact_id',
      'conversation_id',
      'creator_id',
      'due_at',
      'generation',
      'id',
      'member_id',
      'timer_id',
    ];
    expect(columns.map((column) => column.name).filter((name) => !routing.includes(name))).toEqual([]);
  });
});

describe('SQL of the wrong context', () => {
  const asMine = (work: (sql: Sql) => Promise<unknown>) => db.tenant(mine.id, work);

  it('cannot call the functions of the owner', async () => {
    for (const call of ["protect('creators')", "expose('creators', '{name}')", "route('routing.next_effect()')"]) {
      await expect(asMine((sql) => sql(`select public.${call}`))).rejects.toEqual(refused);
    }
  });

  it('cannot become the role of the routing functions', async () => {
    await expect(db.routing('select 1 from signing_keys')).rejects.toEqual(refused);
    await expect(db.routing("select 1 from pg_authid where rolname = 'companero_app'")).rejects.toEqual(refused);
  });
});

/** The owner is bound by FORCE where it is no superuser: PGlite knows no other owner. */
it.skipIf(db.kind === 'pglite')('binds the owner of the tables too', async () => {
  const seen = await Promise.all(inOrder.map((table) => db.owner((sql: Sql) => count(sql, table))));
  expect(seen).toEqual(inOrder.map(() => 0));
});
