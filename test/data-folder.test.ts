/** The data folder: a master key that stays, and conversation time that never turns back. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { clockAnchor, embeddedMasterKey, makeDataFolder } from '../src/data-folder.ts';

async function temporaryFolder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'companero-data-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'companero-data-'));
  return () => rm(folder, { recursive: true });
});

test('the folder and the key are for their owner only', async () => {
  const inner = join(folder, 'a', 'b');
  await makeDataFolder(inner);
  const { path } = await embeddedMasterKey(inner);
  expect((await stat(inner)).mode & 0o777).toBe(0o700);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test('the key is made once', async () => {
  const first = await embeddedMasterKey(folder);
  const second = await embeddedMasterKey(folder);
  expect(first.made).toBe(true);
  expect(second).toEqual({ ...first, made: false });
  expect(first.key).toHaveLength(32);
});

test('a damaged key is not used', async () => {
  await writeFile(join(folder, 'master.key'), 'short');
  await expect(embeddedMasterKey(folder)).rejects.toMatchObject({ code: 'INTERNAL' });
});

test('a folder that always ran at the rate of the wall keeps nothing', async () => {
  expect(await clockAnchor(folder, 1, 1_000)).toBe(1_000);
  await expect(readFile(join(folder, 'clock.json'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a restart at the same rate goes on from the same anchor', async () => {
  const anchor = await clockAnchor(folder, 60, 1_000);
  expect(await clockAnchor(folder, 60, 900_000)).toBe(anchor);
});

test('a folder that has run fast is not run at the rate of the wall', async () => {
  await clockAnchor(folder, 60, 1_000);
  await expect(clockAnchor(folder, 1, 2_000)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

test('whatever the rates of the starts, conversation time goes on where it stood', async () => {
  const start = fc.record({ rate: fc.integer({ min: 2, max: 100_000 }), laterMs: fc.integer({ min: 0, max: 10 ** 9 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(start, { minLength: 2, maxLength: 5 }), async (starts) => {
      const dataDir = await temporaryFolder();
      let wall = 1_800_000_000_000;
      let time: (wall: number) => number = (at) => at;
      for (const { rate, laterMs } of starts) {
        wall += laterMs;
        const before = time(wall);
        const anchor = await clockAnchor(dataDir, rate, wall);
        time = (at) => anchor + (at - anchor) * rate;
        expect(Math.abs(time(wall) - before)).toBeLessThan(1_000);
      }
    }),
    { numRuns: 30 },
  );
});
