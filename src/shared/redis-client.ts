/** Connections to Redis that are never waited for without bound. */
import { createClient } from 'redis';
import { AppError } from '../errors.ts';
import type { Log } from '../log.ts';

/** How long a command or a connection may take. */
const patienceMs = 2_000;

/** A connection, under way or established. */
export type RedisClient = ReturnType<typeof newClient>;

function newClient(url: string, queued: boolean) {
  return createClient({
    url,
    disableOfflineQueue: !queued,
    pingInterval: 10_000,
    socket: { connectTimeout: patienceMs, reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 2_000) },
  });
}

/**
 * Starts to connect, and keeps trying for ever with a pause of two seconds at most; waits two seconds for the first connection. A server
 * that is down is logged, not thrown: everything that matters is on record elsewhere.
 *
 * @param purpose named in the log
 * @param queued whether commands wait for the connection instead of failing while it is down
 */
export async function connectRedis(url: string, purpose: string, queued: boolean, log: Log): Promise<RedisClient> {
  const client = newClient(url, queued);
  let up = true;
  client.on('error', (error: { code?: string }) => {
    if (up) log.warn('redis.lost', { purpose, code: error.code });
    up = false;
  });
  client.on('ready', () => {
    if (!up) log.info('redis.back', { purpose });
    up = true;
  });
  await withinPatience(client.connect()).catch(() => log.warn('redis.unreachable', { purpose }));
  return client;
}

/**
 * The result of a command, within bounds of time.
 *
 * @throws AppError UNAVAILABLE when Redis fails or does not answer within two seconds
 */
export async function withinPatience<T>(command: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${patienceMs} ms`)), patienceMs);
  });
  try {
    return await Promise.race([command, late]);
  } catch (error) {
    throw new AppError('UNAVAILABLE', 'Try again soon: the shared state cannot be reached', { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
