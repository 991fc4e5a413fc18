/** What the server keeps in its data folder beside the database: the embedded master key and the anchor of a fast clock. */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { AppError } from './errors.ts';

/** Makes the folder when missing. Only its owner may look inside. */
export async function makeDataFolder(dataDir: string): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
}

/**
 * The embedded master key: made once, then read.
 *
 * @returns `key` of 32 bytes, the `path` it is kept at, and whether it was `made` just now
 * @throws AppError INTERNAL when the file does not hold 32 bytes in base64
 */
export async function embeddedMasterKey(dataDir: string): Promise<{ key: Uint8Array; path: string; made: boolean }> {
  const path = join(dataDir, 'master.key');
  const kept = await readIfThere(path);
  if (kept === null) {
    const key = crypto.getRandomValues(new Uint8Array(32));
    await writeWhole(path, `${Buffer.from(key).toString('base64')}\n`);
    return { key, path, made: true };
  }
  const key = new Uint8Array(Buffer.from(kept.trim(), 'base64'));
  if (key.length !== 32) throw new AppError('INTERNAL', `Restore the key file "${path}": it must hold 32 bytes in base64`);
  await chmod(path, 0o600);
  return { key, path, made: false };
}

const anchorSchema = v.object({ rate: v.number(), anchor: v.number() });

/**
 * The wall time at which a clock of this rate agreed with the wall, so that conversation time goes on where it stood after a
 * restart, even at another rate. A folder that always ran at rate 1 needs no anchor.
 *
 * @param now wall time, milliseconds since 1970
 * @throws AppError INVALID_INPUT when the folder has run fast and is now asked to run at the wall's own rate, which would turn time back
 */
export async function clockAnchor(dataDir: string, rate: number, now: number): Promise<number> {
  const path = join(dataDir, 'clock.json');
  const kept = await readIfThere(path);
  if (kept === null) {
    if (rate !== 1) await writeWhole(path, JSON.stringify({ rate, anchor: now }));
    return now;
  }
  const last = v.parse(anchorSchema, JSON.parse(kept));
  if (last.rate === rate) return last.anchor;
  if (rate === 1) {
    throw new AppError(
      'INVALID_INPUT',
      `CLOCK_RATE must stay above 1 for the data folder "${dataDir}": its time has run ahead; take another DATA_DIR`,
    );
  }
  const conversationNow = last.anchor + (now - last.anchor) * last.rate;
  const anchor = (conversationNow - now * rate) / (1 - rate);
  await writeWhole(path, JSON.stringify({ rate, anchor }));
  return anchor;
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Writes aside and moves into place, so that a process killed meanwhile leaves no half a file. Readable by its owner only. */
async function writeWhole(path: string, text: string): Promise<void> {
  const aside = `${path}.new`;
  await writeFile(aside, text, { mode: 0o600 });
  await rename(aside, path);
}
