/** A migrated, empty database for a test file. */
import { readFile } from 'node:fs/promises';
import { afterAll, inject } from 'vitest';
import type { Database } from '../../src/database.ts';
import { type CreatorId, systemIds } from '../../src/ids.ts';
import { openPgvector } from '../../src/rag/pgvector.ts';
import { openPgliteSession } from '../../src/store/pglite-session.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { databaseOver } from '../../src/store/session.ts';
import { silentLog } from './silent-log.ts';
import { createDatabase, dropDatabase, urlOf } from './test-server.ts';

/** Opens a database of its own for the calling test file or suite, closed after its last test. PGlite, or PostgreSQL when TEST_DATABASE_URL is set. */
export async function testDatabase(): Promise<Database> {
  const server = process.env.TEST_DATABASE_URL;
  return server === undefined ? pgliteDatabase() : serverDatabase(server);
}

/** As `testDatabase`, for what needs vectors: PGlite, which has them, also where the server lacks pgvector. */
export async function vectorDatabase(): Promise<Database> {
  const db = await testDatabase();
  return (await openPgvector(db)) === null ? pgliteDatabase() : db;
}

/** As `testDatabase`, but PGlite always. */
export async function pgliteDatabase(): Promise<Database> {
  const template = new Blob([new Uint8Array(await readFile(inject('pgliteTemplate')))]);
  const db = databaseOver(await openPgliteSession(null, template));
  afterAll(() => db.close());
  return db;
}

async function serverDatabase(server: string): Promise<Database> {
  const name = await createDatabase(server, inject('postgresTemplate'));
  const db = await openPostgres({ url: urlOf(server, name), log: silentLog, poolSize: 5 });
  afterAll(async () => {
    await db.close();
    await dropDatabase(server, name);
  });
  return db;
}

/** Takes every creator's rows away. What turns wrote goes with its conversation by a trigger, of which `truncate` does not know. */
export async function emptyDatabase(db: Database): Promise<void> {
  await db.owner((sql) => sql('truncate creators, inputs, messages, timers, effects cascade'));
}

/** Adds a creator and gives its id. */
export async function testCreator(db: Database, name = 'Test workspace'): Promise<CreatorId> {
  const creatorId = systemIds.uuid<CreatorId>();
  await db.tenant(creatorId, (sql) => sql('insert into creators (creator_id, name) values ($1, $2)', [creatorId, name]));
  return creatorId;
}
