/** One PGlite session in this thread: opens the data, stays in the unprivileged role, and speaks the row types of the port. */
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { ensureRole, rowParsers, type Session, sessionSetup } from './session.ts';
import { isNewCluster, syncAll, syncedFolder } from './synced-folder.ts';

/** A session whose whole data folder can be dumped as a tar, to start others from. */
export interface PgliteSession extends Session {
  dump(): Promise<Blob>;
}

/**
 * Opens PGlite with pgvector. On disk a commit is kept when it has returned, through a crash of the machine too.
 *
 * @param dataDir the folder on disk, made when missing; null keeps everything in memory
 * @param template a dumped data folder to start from instead of a new one; only with an empty `dataDir`
 */
export async function openPgliteSession(dataDir: string | null, template?: Blob): Promise<PgliteSession> {
  const isNew = dataDir !== null && isNewCluster(dataDir);
  const engine = await PGlite.create({
    ...(dataDir === null ? {} : syncedFolder(dataDir)),
    ...(template === undefined ? {} : { loadDataDir: template }),
    extensions: { vector },
  });
  if (isNew) syncAll(dataDir);
  await engine.exec(ensureRole);
  await engine.exec(sessionSetup);
  return {
    async run(text, params) {
      const result =
        params.length === 0
          ? (await engine.exec(text, { parsers: rowParsers })).at(-1)
          : await engine.query<Record<string, unknown>>(text, [...params], { parsers: rowParsers });
      return { command: result?.command ?? '', rows: result?.rows ?? [] };
    },
    close: () => engine.close(),
    dump: () => engine.dumpDataDir('none'),
  };
}
