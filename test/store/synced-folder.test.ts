/** Power cuts of the embedded database: a disk that holds only what was sent to it, and what is found there afterwards. */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, expect, it, vi } from 'vitest';
import { openPgliteSession } from '../../src/store/pglite-session.ts';
import { syncedFolder } from '../../src/store/synced-folder.ts';

const folder = await mkdtemp(join(tmpdir(), 'companero-synced-'));
vi.setConfig({ testTimeout: 60_000 });
afterAll(() => rm(folder, { recursive: true }));

/** A disk that has of a folder what was sent to it: of a file its content, of a folder the names in it. */
function diskOf(live: string, disk: string): (path: string) => void {
  cpSync(live, disk, { recursive: true });
  return (path) => {
    const kept = join(disk, relative(live, path));
    if (statSync(path).isDirectory()) sendNames(path, kept);
    else cpSync(path, kept);
  };
}

function sendNames(path: string, kept: string): void {
  for (const name of readdirSync(kept)) if (!existsSync(join(path, name))) rmSync(join(kept, name), { recursive: true });
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (existsSync(join(kept, entry.name))) continue;
    if (entry.isDirectory()) mkdirSync(join(kept, entry.name));
    else writeFileSync(join(kept, entry.name), '');
  }
}

const count = async (engine: PGlite) => (await engine.query<{ n: number }>('select count(*)::integer as n from kept')).rows[0]?.n;

it('keeps what was committed through a power cut, before a checkpoint and after', async () => {
  const live = join(folder, 'live');
  await (await openPgliteSession(live)).close();
  const disks: { disk: string; committed: number }[] = [];
  let send = (_path: string) => {};
  const engine = await PGlite.create(syncedFolder(live, (path) => send(path)));
  send = diskOf(live, join(folder, 'disk'));
  const cutPower = (committed: number) => {
    const disk = join(folder, `cut-${disks.length}`);
    cpSync(join(folder, 'disk'), disk, { recursive: true });
    disks.push({ disk, committed });
  };
  await engine.exec('create table kept (n integer, filler text)');
  const commit = async (n: number) => engine.query(`insert into kept values ($1, repeat('x', 5000))`, [n]);
  for (let n = 1; n <= 20; n += 1) await commit(n);
  cutPower(20);
  await engine.exec('checkpoint');
  cutPower(20);
  for (let n = 21; n <= 40; n += 1) await commit(n);
  await engine.exec('begin');
  await commit(41);
  cutPower(40);
  await engine.close();

  for (const { disk, committed } of disks) {
    const restarted = await PGlite.create(syncedFolder(disk));
    expect(await count(restarted)).toBe(committed);
    await restarted.close();
  }
});
