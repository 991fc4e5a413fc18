/** The embedded database: PGlite in a worker thread, behind a lock on its folder. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';
import { lockFile } from './lock-file.ts';
import type { Failure, Request, Response } from './pglite-worker.ts';
import { databaseOver, type Ran, type Session } from './session.ts';

/**
 * Opens the embedded database.
 *
 * @param options.dataDir the folder that holds everything, made when missing; null keeps everything in memory
 * @throws AppError UNAVAILABLE when another process uses the folder, or PGlite cannot open it
 */
export async function openPglite(options: { dataDir: string | null; log: Log }): Promise<Database> {
  const { dataDir, log } = options;
  if (dataDir === null) return databaseOver(await openWorker(null, log));
  await mkdir(dataDir, { recursive: true }).catch((cause) => Promise.reject(cannotOpen(dataDir, cause)));
  const unlock = lockFile(join(dataDir, 'companero.lock'));
  try {
    const session = await openWorker(join(dataDir, 'postgres'), log);
    return databaseOver({ run: session.run, close: () => session.close().finally(unlock) });
  } catch (error) {
    unlock();
    throw error;
  }
}

function cannotOpen(folder: string, cause: unknown): AppError {
  return new AppError('UNAVAILABLE', `Check the data folder "${folder}": the embedded database cannot open it`, { cause });
}

interface Waiting {
  resolve(ran: Ran): void;
  reject(error: Error): void;
}

async function openWorker(dataDir: string | null, log: Log): Promise<Session> {
  const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), { workerData: { dataDir } });
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let gone: AppError | null = null;

  function end(cause?: unknown): void {
    gone ??= new AppError('UNAVAILABLE', 'Restart the server: the embedded database has stopped', cause === undefined ? {} : { cause });
    for (const { reject } of waiting.values()) reject(gone);
    waiting.clear();
  }

  function expect(id: number): Promise<Ran> {
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  }

  async function ask(request: Omit<Request, 'id'>): Promise<Ran> {
    if (gone !== null) throw gone;
    lastId += 1;
    // Posted first: a parameter that cannot cross threads throws here, and then nobody must wait for an answer.
    worker.postMessage({ ...request, id: lastId });
    return expect(lastId);
  }

  worker.on('message', (response: Response) => {
    const caller = waiting.get(response.id);
    waiting.delete(response.id);
    if ('ran' in response) caller?.resolve(response.ran);
    else caller?.reject(errorOf(response.failure));
  });
  worker.on('error', (error) => {
    log.error('database.worker.crashed', error);
    end(error);
  });
  worker.on('exit', () => end());

  try {
    await expect(0);
  } catch (error) {
    await worker.terminate();
    throw new AppError('UNAVAILABLE', `Check the data folder "${dataDir ?? 'in memory'}": the embedded database cannot open it`, {
      cause: error,
    });
  }
  return {
    run: (text, params) => ask({ text, params }),
    async close() {
      if (gone !== null) return;
      await ask({ params: [] });
      await worker.terminate();
      end();
    },
  };
}

function errorOf(failure: Failure): Error {
  return Object.assign(new Error(failure.message), failure);
}
