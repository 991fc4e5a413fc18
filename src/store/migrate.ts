/** Brings the schema up to date: every file of `sql/` in order, once, unchanged for ever. */
import { readdir, readFile } from 'node:fs/promises';
import { sha256 } from 'hash-wasm';
import type { Database, Sql } from '../database.ts';
import { AppError } from '../errors.ts';

const folder = new URL('../../sql/', import.meta.url);
const fileName = /^\d{4}-[a-z0-9-]+\.sql$/;
/** Any number that no other program takes on this database: serialises nodes that start at the same moment. */
const advisoryLock = 7_204_118_331;

interface Migration {
  name: string;
  text: string;
  hash: string;
}

/**
 * Applies the migrations that are not on record yet, each in its own transaction. Many nodes may start at once: one applies, the others wait.
 *
 * @returns the names of the files applied now, in order
 * @throws AppError INTERNAL when an applied file has changed · the driver's error when a file fails; the files before it stay applied
 */
export async function migrate(db: Database): Promise<string[]> {
  const migrations = await readMigrations();
  await db.owner(async (sql) => {
    await lock(sql);
    await sql(`create table if not exists migrations (
      name text primary key, hash text not null, created_at timestamptz not null default now(), updated_at timestamptz not null default now())`);
  });
  const applied: string[] = [];
  for (const migration of migrations) {
    if (await db.owner((sql) => apply(sql, migration))) applied.push(migration.name);
  }
  return applied;
}

async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => fileName.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(new URL(name, folder), 'utf8');
      return { name, text, hash: await sha256(text) };
    }),
  );
}

async function lock(sql: Sql): Promise<void> {
  await sql('select pg_advisory_xact_lock($1)', [advisoryLock]);
}

/** Whether the migration was applied by this call. */
async function apply(sql: Sql, migration: Migration): Promise<boolean> {
  await lock(sql);
  const [record] = await sql<{ hash: string }>('select hash from migrations where name = $1', [migration.name]);
  if (record?.hash === migration.hash) return false;
  if (record !== undefined) {
    throw new AppError('INTERNAL', `Restore migration "${migration.name}": it was changed after it had been applied`);
  }
  await sql(migration.text);
  await sql('insert into migrations (name, hash) values ($1, $2)', [migration.name, migration.hash]);
  return true;
}
