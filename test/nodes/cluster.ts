/** Three real servers over one PostgreSQL and one Redis, with a workspace whose program makes every step countable. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { type Creator, publish, register } from '../acceptance/clients.ts';
import { type ServerProcess, startServer } from '../acceptance/server-process.ts';
import { type Cable, plugIn } from '../support/cable.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

/** Nodes, the services they share, and somebody who owns a workspace on them. */
export interface Cluster {
  /** The nodes in order; a restarted one takes its predecessor's place. */
  nodes: ServerProcess[];
  postgres: PostgresServer;
  redis: RedisServer;
  /** Between the first node and PostgreSQL. */
  cable: Cable;
  /** Reads the record past all tenancy. */
  record: pg.Pool;
  creator: Creator;
  /** Starts a node again in its old place, on its old port. */
  restart(index: number): Promise<void>;
}

/** Counts what it hears, what time does, and what comes from outside; a question is answered from the documents. */
const counting = {
  meta: { id: 'counting', specVersion: 1, title: 'Counting', languages: ['en'], zone: 'UTC', channels: ['widget'] },
  variables: {
    heard: { type: 'number', default: 0 },
    nudges: { type: 'number', default: 0 },
    events: { type: 'number', default: 0 },
  },
  entry: [{ id: 'begin', on: 'api', reentry: 'never' }],
  content: {
    hello: { en: { text: 'We begin' } },
    heard: { en: { text: 'heard {{ vars.heard }}' } },
    nudge: { en: { text: 'nudge {{ vars.nudges }}' } },
    event: { en: { text: 'event {{ vars.events }}' } },
  },
  delays: { pause: { for: 'PT3S' }, limit: { for: 'PT60S' } },
  machine: {
    id: 'counting',
    initial: 'start',
    states: {
      start: { entry: [{ type: 'say', params: { content: 'hello' } }], always: 'talking' },
      talking: {
        on: {
          MESSAGE: [
            { guard: { type: 'when', params: { expr: "event.text.endsWith('?')" } }, target: 'asking', actions: heard() },
            { actions: heard() },
          ],
          'EVENT.tick': { actions: event() },
        },
        after: { pause: 'nudged' },
      },
      nudged: {
        entry: [
          { type: 'set', params: { nudges: 'vars.nudges + 1' } },
          { type: 'say', params: { content: 'nudge', class: 'transactional' } },
        ],
        always: 'talking',
      },
      asking: {
        invoke: { src: 'answer', onDone: 'talking', onError: 'talking' },
        on: { MESSAGE: { actions: heard() }, 'EVENT.tick': { actions: event() } },
        after: { limit: 'talking' },
      },
    },
  },
  policies: { unmatched: 'ignore' },
};

function heard() {
  return [
    { type: 'set', params: { heard: 'vars.heard + 1' } },
    { type: 'say', params: { content: 'heard' } },
  ];
}

function event() {
  return [
    { type: 'set', params: { events: 'vars.events + 1' } },
    { type: 'say', params: { content: 'event', class: 'transactional' } },
  ];
}

/** Starts everything anew for one test, and ends it with the test. `more` goes to the environment of every node. */
export async function startCluster(more: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  onTestFinished(() => Promise.all([postgres.stop(), redis.stop()]).then(() => undefined));
  const record = new pg.Pool({ connectionString: postgres.url });
  record.on('error', () => {
    // tests break its connections on purpose
  });
  onTestFinished(() => record.end());
  const cable = await plugIn(Number(new URL(postgres.url).port));
  onTestFinished(() => cable.close());
  const throughCable = new URL(postgres.url);
  throughCable.port = String(cable.port);
  const environment = {
    REDIS_URL: redis.url,
    MASTER_KEY: randomBytes(32).toString('base64'),
    WIDGET_FRAMES_PER_SECOND: '100',
    ...more,
  };
  const startNode = async (index: number, PORT?: string) =>
    startServer({
      ...environment,
      DATABASE_URL: index === 0 ? throughCable.href : postgres.url,
      DATA_DIR: await ownFolder(),
      ...(PORT === undefined ? {} : { PORT }),
    });
  // The first one migrates; the others find a database in use, as they do in life.
  const nodes = [await startNode(0), ...(await Promise.all([startNode(1), startNode(2)]))];
  const creator = await register((nodes[0] as ServerProcess).origin, 'ana@example.com');
  await publish(creator, counting);
  return {
    nodes,
    postgres,
    redis,
    cable,
    record,
    creator,
    async restart(index) {
      nodes[index] = await startNode(index, new URL((nodes[index] as ServerProcess).origin).port);
    },
  };
}

async function ownFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-node-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
