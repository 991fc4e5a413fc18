/** Lints of the catalogue: what every table, policy and function must have, whoever adds it. */
import { expect, it } from 'vitest';
import { testDatabase } from '../support/database.ts';

const db = await testDatabase();

/** Tables of the installation, not of a creator: the application role must not reach them. */
const globalTables = ['migrations', 'operators', 'push_keys', 'signing_keys'];

const names = async (text: string, params: readonly unknown[] = []) =>
  (await db.owner((sql) => sql<{ name: string }>(text, params))).map((row) => row.name);

const tables = "from pg_class c where c.relnamespace in ('public'::regnamespace, 'routing'::regnamespace) and c.relkind in ('r', 'p')";
const isTenant = "exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'creator_id' and not a.attisdropped)";
/** Functions of an extension (pgvector) are not ours. */
const ours = "not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')";

const lints: Record<string, string> = {
  'a tenant table without row level security, or not forced': `select c.relname as name ${tables} and ${isTenant} and not (c.relrowsecurity and c.relforcerowsecurity)`,
  'a tenant table without a policy': `select c.relname as name ${tables} and ${isTenant} and not exists (select from pg_policy p where p.polrelid = c.oid)`,
  'a policy on a table whose row level security is off': `select c.relname as name ${tables} and not c.relrowsecurity and exists (select from pg_policy p where p.polrelid = c.oid)`,
  'a policy that is always true, or not checked on writing': `select p.polname || ' on ' || p.polrelid::regclass as name from pg_policy p
    where pg_get_expr(p.polqual, p.polrelid) in ('true', '(true)') or p.polqual is null
      or p.polwithcheck is null and p.polroles <> array['companero_router'::regrole::oid]`,
  'a policy that evaluates the setting for each row': `select p.polname || ' on ' || p.polrelid::regclass as name from pg_policy p
    where pg_get_expr(p.polqual, p.polrelid) like '%current_setting%' and pg_get_expr(p.polqual, p.polrelid) not ilike '%select%current_setting%'`,
  'a table that is claimed from and does not rest while its creator is suspended': `select c.relname as name from pg_policy p
    join pg_class c on c.oid = p.polrelid
    where p.polroles = array['companero_router'::regrole::oid] and pg_get_expr(p.polqual, p.polrelid) not like '%suspended_at%'
      and c.relname <> 'erasures' and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname in ('leased_until', 'claimed_until'))`,
  'more than one policy for the application': `select p.polrelid::regclass::text as name from pg_policy p
    where p.polroles <> array['companero_router'::regrole::oid] group by 1 having count(*) > 1`,
  'a definer function outside schema routing': `select p.oid::regprocedure::text as name from pg_proc p
    where p.prosecdef and p.pronamespace not in ('routing'::regnamespace, 'pg_catalog'::regnamespace, 'information_schema'::regnamespace)`,
  'a routing function that is not a definer of the routing role: call route() in its migration': `select p.oid::regprocedure::text as name from pg_proc p
    where p.pronamespace = 'routing'::regnamespace and not (p.prosecdef and p.proowner = 'companero_router'::regrole)`,
  'a function without a pinned search path': `select p.oid::regprocedure::text as name from pg_proc p
    where p.pronamespace in ('public'::regnamespace, 'routing'::regnamespace) and ${ours}
      and not exists (select from unnest(p.proconfig) setting where setting like 'search_path=pg_catalog%')`,
  'a function that PUBLIC may execute': `select p.oid::regprocedure::text as name from pg_proc p
    where p.pronamespace in ('public'::regnamespace, 'routing'::regnamespace) and ${ours}
      and (p.proacl is null or exists (select from aclexplode(p.proacl) acl where acl.grantee = 0))`,
  'a view or a materialized view, which would need its own rules': `select c.relname as name from pg_class c
    where c.relnamespace in ('public'::regnamespace, 'routing'::regnamespace) and c.relkind in ('v', 'm')`,
  'a tenant table whose primary key does not begin with the creator': `select c.relname as name ${tables} and ${isTenant} and not exists (
      select from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
      where k.conrelid = c.oid and k.contype = 'p' and a.attname = 'creator_id')`,
  'a foreign key between tenant tables that does not begin with the creator on both sides': `select k.conname as name from pg_constraint k
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
    join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
    where k.contype = 'f' and (a.attname <> 'creator_id' or b.attname <> 'creator_id')`,
  'a foreign key without an index that begins with its columns': `select k.conrelid::regclass || '.' || k.conname as name from pg_constraint k
    where k.contype = 'f' and k.connamespace = 'public'::regnamespace and not exists (
      select from pg_index i where i.indrelid = k.conrelid and i.indpred is null
        and ((string_to_array(i.indkey::text, ' ')::smallint[])[1:cardinality(k.conkey)] @> k.conkey
          or i.indisunique and k.conkey @> string_to_array(i.indkey::text, ' ')::smallint[]))`,
  'a tenant table without created_at and updated_at': `select c.relname as name ${tables} and ${isTenant} and (
      select count(*) from pg_attribute a where a.attrelid = c.oid and a.attname in ('created_at', 'updated_at')) < 2`,
  'a right of the application beyond reading and writing rows': `select grantee || ' ' || privilege_type || ' ' || table_name as name
    from information_schema.role_table_grants where table_schema = 'public' and grantee in ('PUBLIC', 'companero_app', 'companero_router')
      and not (grantee = 'companero_app' and privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))`,
};

it.each(Object.entries(lints))('finds no: %s', async (_, text) => {
  expect(await names(text)).toEqual([]);
});

it('has no table without creator_id but those of the installation, which the application cannot reach', async () => {
  expect(await names(`select c.relname as name ${tables} and not ${isTenant} order by 1`)).toEqual(globalTables);
  for (const table of globalTables) await expect(db.routing(`select 1 from ${table}`)).rejects.toMatchObject({ code: '42501' });
});

it('has roles that row level security binds and nobody can sign in as', async () => {
  const roles = await db.owner((sql) =>
    sql(
      "select rolname as name, rolsuper or rolbypassrls or rolcanlogin or rolcreaterole as strong from pg_roles where rolname like 'companero\\_%r' or rolname = 'companero_app' order by 1",
    ),
  );
  expect(roles).toContainEqual({ name: 'companero_app', strong: false });
  expect(roles).toContainEqual({ name: 'companero_router', strong: false });
});
