/** Durable turns over WebSocket beside a bare echo and a bare group-commit server: rates, waits, memory, start. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '../test/support/postgres-server.ts';
import { closedLoop, type Loaded, openLoop, singleMessages, type Talker, type Waits } from './load.ts';
import { median, table } from './report.ts';
import { cpuMs, memoryMiB, type ServerProcess, startServer } from './server-process.ts';
import { openEchoTalkers, openTalkers, openWorkspace } from './talkers.ts';

const conversations = 200;
const rounds = 3;
const warmMs = 1_500;
const measureMs = 5_000;
/** The shares of the echo's rate that are asked of turns, on PostgreSQL and embedded. */
const asked = { postgres: 0.08, embedded: 0.045 };
const seconds = Number(process.env.BENCH_SECONDS ?? measureMs / 1000);

/** A server with open conversations, and whose CPU it burns. */
interface Target {
  name: string;
  ours: boolean;
  durable: boolean;
  talkers: Talker[];
  server: ServerProcess;
  store: PostgresServer | null;
}

interface Measured extends Loaded {
  serverUs: number;
  storeUs: number;
}

interface Waited {
  half: Waits;
  halfOfAsked: Waits;
  alone: Waits;
}

/** Measures everything and gives the report in Markdown. */
export async function benchTurns(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-bench-'));
  const postgres = await startPostgres({ durable: true });
  try {
    return await measureAll(folder, postgres);
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureAll(folder: string, postgres: PostgresServer): Promise<string> {
  const first = await startOurs({ DATA_DIR: join(folder, 'embedded') });
  await first.stop();
  const embedded = await startOurs({ DATA_DIR: join(folder, 'embedded') });
  const served = await startOurs({
    DATA_DIR: join(folder, 'served'),
    DATABASE_URL: await databaseIn(postgres, 'ours'),
    MASTER_KEY: randomBytes(32).toString('base64'),
  });
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const idle = [
    ['first start, embedded', `${Math.round(first.startMs)} ms`],
    ['next start, embedded', `${Math.round(embedded.startMs)} ms`],
    ['first start, PostgreSQL', `${Math.round(served.startMs)} ms`],
    ['memory when idle, embedded', `${Math.round(memoryMiB(embedded.pid))} MiB`],
    ['memory when idle, PostgreSQL', `${Math.round(memoryMiB(served.pid))} MiB`],
  ];
  const targets = [
    await echo(),
    await bare('bare, PostgreSQL', { DATABASE_URL: await databaseIn(postgres, 'bare') }, postgres),
    await companero('Compañero, PostgreSQL', served, postgres),
    await bare('bare, PGlite', { DATA_DIR: join(folder, 'bare') }, null),
    await companero('Compañero, PGlite', embedded, null),
  ];
  const loads = await saturate(targets);
  const waits = await waitsOfDurable(targets, loads);
  for (const { talkers } of targets) for (const talker of talkers) talker.close();
  await Promise.all(targets.map(({ server }) => server.stop()));
  return report(targets, loads, waits, idle);
}

/** Ours as `npm start` runs it, with limits raised to what two hundred busy people behind one proxy need. */
function startOurs(environment: Readonly<Record<string, string>>): Promise<ServerProcess> {
  return startServer(
    'src/main.ts',
    { PORT: '0', DEMO: 'false', TRUSTED_PROXY_HOPS: '1', WIDGET_FRAMES_PER_SECOND: '10000', ...environment },
    'is up.',
  );
}

async function databaseIn(postgres: PostgresServer, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return new URL(`/${name}`, postgres.url).href;
}

async function echo(): Promise<Target> {
  const server = await startServer('bench/echo-server.ts', {}, 'up on');
  const talkers = await openEchoTalkers(portOf(server), conversations);
  return { name: '`ws` echo', ours: false, durable: false, talkers, server, store: null };
}

async function bare(name: string, environment: Readonly<Record<string, string>>, store: PostgresServer | null): Promise<Target> {
  const server = await startServer('bench/bare-server.ts', environment, 'up on');
  return { name, ours: false, durable: true, talkers: await openEchoTalkers(portOf(server), conversations), server, store };
}

async function companero(name: string, server: ServerProcess, store: PostgresServer | null): Promise<Target> {
  const origin = `http://127.0.0.1:${portOf(server)}`;
  const talkers = await openTalkers(origin, await openWorkspace(origin), conversations);
  return { name, ours: true, durable: true, talkers, server, store };
}

function portOf({ output }: ServerProcess): number {
  return Number(/(?:up on |:\/\/[^/\s]+:)(\d+)/.exec(output)?.[1]);
}

/**
 * Interleaved, so that a slow minute of the machine falls on everybody. The first round does not count for anybody: a server that
 * goes on for weeks has its code compiled and its plans made.
 */
async function saturate(targets: readonly Target[]): Promise<Map<Target, Measured[]>> {
  const loads = new Map<Target, Measured[]>(targets.map((target) => [target, []]));
  for (const target of targets) await measure(target);
  for (let round = 0; round < rounds; round += 1) for (const target of targets) loads.get(target)?.push(await measure(target));
  return loads;
}

async function measure({ talkers, server, store }: Target): Promise<Measured> {
  const burnt = () => ({ server: cpuMs(server.pid), store: store === null ? 0 : cpuMs(store.pid, true) });
  const before = burnt();
  // The warming is measured too, so the CPU is shared out over all turns of the run.
  const loaded = await closedLoop(talkers, warmMs, seconds * 1000);
  const after = burnt();
  const turns = loaded.perSecond * (seconds + warmMs / 1000);
  return {
    ...loaded,
    serverUs: ((after.server - before.server) * 1000) / turns,
    storeUs: ((after.store - before.store) * 1000) / turns,
  };
}

/**
 * What people wait, round by round: at half of our own rate over the same store, at half of the rate that is asked, and alone. The bare
 * servers show what of it is the machine's.
 */
async function waitsOfDurable(targets: readonly Target[], loads: Map<Target, Measured[]>): Promise<Map<Target, Waited[]>> {
  const rateOf = (target: Target) => median((loads.get(target) ?? []).map(({ perSecond }) => perSecond));
  const echoed = rateOf(targets[0] as Target);
  const waits = new Map<Target, Waited[]>(targets.filter(({ durable }) => durable).map((target) => [target, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [target, waited] of waits) {
      const ours = targets.find(({ ours, store }) => ours && store === target.store) as Target;
      const share = target.store === null ? asked.embedded : asked.postgres;
      waited.push({
        half: await openLoop(target.talkers, rateOf(ours) / 2, 1_000, seconds * 1000),
        halfOfAsked: await openLoop(target.talkers, (echoed * share) / 2, 1_000, seconds * 1000),
        alone: await singleMessages(target.talkers, 100, 10),
      });
    }
  }
  return waits;
}

function report(
  targets: readonly Target[],
  loads: Map<Target, Measured[]>,
  waits: Map<Target, Waited[]>,
  idle: readonly string[][],
): string {
  const middle = (target: Target, of: (measured: Measured) => number) => median((loads.get(target) ?? []).map(of));
  const echoed = middle(targets[0] as Target, ({ perSecond }) => perSecond);
  const ms = (wait: number) => wait.toFixed(1);
  const spread = (waited: readonly Waits[]) =>
    [median(waited.map(({ p50 }) => p50)), median(waited.map(({ p99 }) => p99))].map(ms).join(' / ');
  const rows = targets.map((target) => {
    const rates = (loads.get(target) ?? []).map(({ perSecond }) => perSecond);
    const waited = waits.get(target);
    return [
      target.name,
      `${Math.round(median(rates))} (${Math.round(Math.min(...rates))}–${Math.round(Math.max(...rates))})`,
      (median(rates) / echoed).toFixed(3),
      `${ms(middle(target, (one) => one.waits.p50))} / ${ms(middle(target, (one) => one.waits.p99))}`,
      `${Math.round(middle(target, (one) => one.serverUs))} + ${Math.round(middle(target, (one) => one.storeUs))}`,
      waited ? spread(waited.map(({ half }) => half)) : '',
      waited ? spread(waited.map(({ halfOfAsked }) => halfOfAsked)) : '',
      waited ? spread(waited.map(({ alone }) => alone)) : '',
    ];
  });
  const heads = [
    'server',
    'turns/s (least–most)',
    'of echo',
    'p50 / p99 ms',
    'CPU µs a turn, server + PostgreSQL',
    'at half of our rate: p50 / p99 ms',
    'at half of the asked: p50 / p99 ms',
    'alone: p50 / p99 ms',
  ];
  return [
    `### Durable turns: ${conversations} open conversations, everything the median of ${rounds} interleaved runs of ${seconds} s`,
    table(heads, rows),
    table(['at rest', ''], idle),
  ].join('\n\n');
}
