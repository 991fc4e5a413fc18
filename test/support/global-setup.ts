/** Makes, once a run, the migrated database that every test file starts from: a PGlite dump, or a template on TEST_DATABASE_URL. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/store/migrate.ts';
import { openPgliteSession } from '../../src/store/pglite-session.ts';
import { openPostgres } from '../../src/store/postgres.ts';
import { databaseOver } from '../../src/store/session.ts';
import { silentLog } from './silent-log.ts';
import { createDatabase, dropDatabase, urlOf } from './test-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the dumped data folder, as a tar. */
    pgliteTemplate: string;
    /** Name of the migrated database on TEST_DATABASE_URL; empty without a server. */
    postgresTemplate: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-test-'));
  project.provide('pgliteTemplate', await makeDump(join(folder, 'template.tar')));
  const server = process.env.TEST_DATABASE_URL;
  const template = server === undefined ? '' : await makeTemplate(server);
  project.provide('postgresTemplate', template);
  return async () => {
    await rm(folder, { recursive: true });
    if (server !== undefined) await dropDatabase(server, template);
  };
}

async function makeDump(path: string): Promise<string> {
  const session = await openPgliteSession(null);
  await migrate(databaseOver(session));
  await writeFile(path, new Uint8Array(await (await session.dump()).arrayBuffer()));
  await session.close();
  return path;
}

async function makeTemplate(server: string): Promise<string> {
  const name = await createDatabase(server);
  const db = await openPostgres({ url: urlOf(server, name), log: silentLog, poolSize: 1 });
  await migrate(db);
  await db.close();
  return name;
}
