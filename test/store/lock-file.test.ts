/** The lock on a data folder. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { lockFile } from '../../src/store/lock-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'companero-lock-'));
const path = join(folder, 'lock');
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => rmSync(path, { force: true }));

function lockOf(holder: object): void {
  writeFileSync(path, JSON.stringify({ pid: 1, host: hostname(), started: null, token: 'theirs', ...holder }));
}

describe('a lock file', () => {
  it('is held once, and free again when given back', () => {
    const unlock = lockFile(path);
    expect(() => lockFile(path)).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE', message: expect.stringContaining(`${process.pid}`) }),
    );
    unlock();
    unlock();
    lockFile(path)();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does not remove the lock of whoever came after', () => {
    const first = lockFile(path);
    first();
    const second = lockFile(path);
    first();
    expect(() => lockFile(path)).toThrow();
    second();
  });

  it('is taken over from a process that has died', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.once('exit', resolve));
    lockOf({ pid: child.pid });
    lockFile(path)();
  });

  it('is taken over from an earlier process that had our number', () => {
    lockOf({ pid: process.pid });
    lockFile(path)();
  });

  it('is taken over from an earlier process whose number a living one has now', () => {
    lockOf({ pid: process.ppid, started: '1' });
    lockFile(path)();
  });

  it('is taken over when its text is damaged', () => {
    writeFileSync(path, '{"pid":');
    lockFile(path)();
  });

  it('is respected on another host, whose processes cannot be asked', () => {
    lockOf({ host: 'another-host' });
    expect(() => lockFile(path)).toThrow(/another-host/);
  });
});
