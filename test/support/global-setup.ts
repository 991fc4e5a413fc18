/** Makes, once a run, the migrated database that every test file starts from: a PGlite dump, or a template on TEST_DATABASE_URL. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/store/migrate.ts';
import { openPgliteSession } from '../../src/store/pglite-session.ts';
import { databaseOver } from '../../src/store/session.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the dumped data folder, as a tar. */
    pgliteTemplate: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-test-'));
  const template = join(folder, 'template.tar');
  const session = await openPgliteSession(null);
  await migrate(databaseOver(session));
  await writeFile(template, new Uint8Array(await (await session.dump()).arrayBuffer()));
  await session.close();
  project.provide('pgliteTemplate', template);
  return () => rm(folder, { recursive: true });
}
