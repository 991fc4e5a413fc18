/** A folder for PGlite in which a commit has reached the disk: PGlite alone runs without `fsync`, and its files have none to call. */
import { closeSync, existsSync, fsyncSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite, type PGliteOptions } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';

/** An open file of Emscripten's NODEFS, as far as we use it: a folder that is open has no descriptor. */
interface OpenFile {
  nfd?: number;
  node: object;
}

/** What Emscripten keeps of its kinds of file systems, which its types do not tell. */
interface EmscriptenModule {
  FS: { filesystems: { NODEFS: { realPath(node: object): string; stream_ops: { fsync?(file: OpenFile): number } } } };
}

/**
 * The options that let PGlite keep a folder as PostgreSQL does, with `fsync`. Without them it starts PostgreSQL with `-F`, and NODEFS
 * answers every `fsync` without doing it (https://github.com/electric-sql/pglite/issues/1107). `fdatasync` never reaches a file system in
 * Emscripten, hence the other method for the log.
 *
 * A disk that fails to keep what it was given ends the database, as in PostgreSQL: what is on it is then no longer known.
 *
 * @param folder made when missing
 * @param onSynced hears the path of each file or folder that has reached the disk
 */
export function syncedFolder(folder: string, onSynced: (path: string) => void = () => undefined): PGliteOptions {
  const fs = new NodeFS(folder);
  const init = fs.init.bind(fs);
  fs.init = async (engine, options) => {
    const { emscriptenOpts } = await init(engine, options);
    const patch = ({ FS: { filesystems } }: EmscriptenModule) => {
      const { NODEFS } = filesystems;
      NODEFS.stream_ops.fsync = ({ nfd, node }) => {
        const path = NODEFS.realPath(node);
        if (nfd === undefined) syncPath(path);
        else fsyncSync(nfd);
        onSynced(path);
        return 0;
      };
    };
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), patch as never] } };
  };
  return { fs, startParams: [...PGlite.defaultStartParams.filter((param) => param !== '-F'), '-c', 'wal_sync_method=fsync'] };
}

/** Whether PGlite has yet to make its files in a folder. */
export function isNewCluster(folder: string): boolean {
  return !existsSync(join(folder, 'PG_VERSION'));
}

/** Sends a folder with everything in it to the disk: PGlite fills a new one without `fsync`, as `initdb` does with `--no-sync`. */
export function syncAll(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncAll(path);
    else if (entry.isFile()) syncPath(path);
  }
  syncPath(folder);
}

function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
