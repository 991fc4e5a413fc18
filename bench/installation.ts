/** An installation under measurement: one or more of our servers over a PostgreSQL that waits for its disk, with or without Redis. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '../test/support/postgres-server.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** One of our servers, and where it answers. */
export interface Node extends ServerProcess {
  origin: string;
}

export interface Installation {
  /** In the order asked for; all over one record. */
  nodes: readonly Node[];
  postgres: PostgresServer;
  /** Reads and writes the record past all tenancy. */
  record: pg.Client;
  stop(): Promise<void>;
}

/** Room for many busy people on one machine; the limits themselves stay on. */
const roomy = { PORT: '0', DEMO: 'false', TRUSTED_PROXY_HOPS: '1', WIDGET_FRAMES_PER_SECOND: '10000' };

/**
 * Starts everything anew.
 *
 * @param kinds one for each node: whether it shares state through Redis
 */
export async function startInstallation(kinds: readonly ('redis' | 'alone')[]): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-bench-'));
  const postgres = await startPostgres({ durable: true });
  const redis = kinds.includes('redis') ? await startRedis() : null;
  const record = new pg.Client({ connectionString: postgres.url });
  const nodes: Node[] = [];
  const common = { ...roomy, DATABASE_URL: postgres.url, MASTER_KEY: randomBytes(32).toString('base64') };
  // One after the other: the first one migrates.
  for (const [index, kind] of kinds.entries()) {
    const own = { DATA_DIR: join(folder, String(index)), ...(kind === 'redis' && redis !== null ? { REDIS_URL: redis.url } : {}) };
    const server = await startServer('src/main.ts', { ...common, ...own }, 'is up.');
    nodes.push({ ...server, origin: `http://127.0.0.1:${/:\/\/[^/\s]+:(\d+)/.exec(server.output)?.[1]}` });
  }
  await record.connect();
  return {
    nodes,
    postgres,
    record,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
      await record.end();
      await Promise.all([postgres.stop(), redis?.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
