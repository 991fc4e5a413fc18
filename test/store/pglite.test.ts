/** The embedded database on disk: kept over restarts, held by one process, honest when its worker dies. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import { openPglite } from '../../src/store/pglite.ts';
import { testCreator } from '../support/database.ts';
import { silentLog } from '../support/silent-log.ts';

const folder = await mkdtemp(join(tmpdir(), 'companero-pglite-'));
const dataDir = join(folder, 'data');
// Each first start makes a new database cluster: seconds of work on a busy machine.
vi.setConfig({ testTimeout: 60_000 });
afterAll(() => rm(folder, { recursive: true }));

it('keeps rows over a restart, and its folder to itself while open', async () => {
  const first = await openPglite({ dataDir, log: silentLog });
  await migrate(first);
  const creator = await testCreator(first, 'kept');
  await expect(openPglite({ dataDir, log: silentLog })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await first.close();

  const second = await openPglite({ dataDir, log: silentLog });
  expect(await migrate(second)).toEqual([]);
  expect(await second.tenant(creator, (sql) => sql('select name from creators'))).toEqual([{ name: 'kept' }]);
  await second.close();
  await expect(second.routing('select 1')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await second.close();
});

it('finishes what was asked before the close', async () => {
  const db = await openPglite({ dataDir, log: silentLog });
  const pending = db.routing('select 1 as one');
  await db.close();
  expect(await pending).toEqual([{ one: 1 }]);
});

it('goes on after a parameter that cannot cross threads', async () => {
  const db = await openPglite({ dataDir: null, log: silentLog });
  await expect(db.routing('select $1::text', [() => 1])).rejects.toThrow();
  expect(await db.routing('select 1 as one')).toEqual([{ one: 1 }]);
  await db.close();
});

it('says which folder it cannot open', async () => {
  const file = join(folder, 'file');
  await writeFile(file, '');
  await expect(openPglite({ dataDir: file, log: silentLog })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining(file),
  });
});

it('gives the lock back when the folder cannot be opened', async () => {
  const damaged = join(folder, 'damaged');
  await mkdir(join(damaged, 'postgres'), { recursive: true });
  await writeFile(join(damaged, 'postgres', 'PG_VERSION'), '9.6');
  for (const _ of [1, 2]) {
    await expect(openPglite({ dataDir: damaged, log: silentLog })).rejects.toMatchObject({
      message: expect.stringContaining('data folder'),
    });
  }
});
