/** A lock that one process holds on a folder: two PGlite processes on one folder lose rows without a word. */
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import * as v from 'valibot';
import { AppError } from '../errors.ts';

const holderSchema = v.object({ pid: v.number(), host: v.string(), started: v.nullable(v.string()), token: v.string() });
type Holder = v.InferOutput<typeof holderSchema>;

/** Tokens held by this process, which tells its own locks from those of a dead process with the same number. */
const held = new Set<string>();

/**
 * Takes the lock. A lock left behind by a process that has died is taken over.
 *
 * @returns gives the lock back; calling it again does nothing
 * @throws AppError UNAVAILABLE naming the process that holds it
 */
export function lockFile(path: string): () => void {
  const me: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid), token: randomUUID() };
  if (!tryCreate(path, me)) {
    const holder = read(path);
    if (holder !== null && isAlive(holder)) throw heldBy(path, holder);
    discard(path, holder);
    if (!tryCreate(path, me)) throw heldBy(path, read(path));
  }
  held.add(me.token);
  return () => {
    if (held.delete(me.token)) rmSync(path, { force: true });
  };
}

function heldBy(path: string, holder: Holder | null): AppError {
  const who = holder === null ? 'another process' : `process ${holder.pid} on host "${holder.host}"`;
  return new AppError('UNAVAILABLE', `Stop ${who} first, or choose another data folder: it holds the lock "${path}"`);
}

/** Whether the file was created. It appears whole or not at all: written aside, then linked into place. */
function tryCreate(path: string, holder: Holder): boolean {
  const aside = `${path}.${holder.token}`;
  writeFileSync(aside, JSON.stringify(holder));
  try {
    linkSync(aside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(aside);
  }
}

function read(path: string): Holder | null {
  try {
    return v.parse(holderSchema, JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // gone meanwhile, or no lock of ours: nobody we know holds it
    return null;
  }
}

/** Moves a dead lock away. Another process may have taken it over meanwhile: then its lock is put back. */
function discard(path: string, dead: Holder | null): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
    const moved = read(aside);
    if (moved !== null && moved.token !== dead?.token) linkSync(aside, path);
    rmSync(aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** A process of another host (a container on the same volume) cannot be asked: it counts as alive. */
function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  if (holder.pid === process.pid) return held.has(holder.token);
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return holder.started === startOf(holder.pid);
}

/**
 * When the process started, in ticks since boot (proc(5), field 22 of stat), which tells it from a later one of the same number. Null where
 * there is no /proc. A zombie has ended: in a container nobody may ever collect it.
 */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : (fields[19] ?? null);
  } catch {
    // no /proc on this system, or no such process
    return null;
  }
}
