/** A herd of timers due at one instant on PostgreSQL, each a full durable turn, while other people chat. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../test/support/postgres-server.ts';
import { openLoop } from './load.ts';
import { table } from './report.ts';
import { startServer } from './server-process.ts';
import { openTalkers, openWorkspace } from './talkers.ts';

const timers = Number(process.env.BENCH_TIMERS ?? 20_000);
const chatting = 20;
const chatPerSecond = 20;
const mostMs = 120_000;
/** Time for the rows to be written before they fall due. */
const leadMs = 1_000;

/** Measures and gives the report in Markdown. */
export async function benchHerd(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-bench-'));
  const postgres = await startPostgres({ durable: true });
  const record = new pg.Client({ connectionString: postgres.url });
  const server = await startServer(
    'src/main.ts',
    {
      ...{ PORT: '0', TRUSTED_PROXY_HOPS: '1', WIDGET_FRAMES_PER_SECOND: '10000', DATA_DIR: folder },
      ...{ DATABASE_URL: postgres.url, MASTER_KEY: randomBytes(32).toString('base64') },
    },
    'is up.',
  );
  try {
    await record.connect();
    const origin = `http://127.0.0.1:${/:\/\/[^/\s]+:(\d+)/.exec(server.output)?.[1]}`;
    const talkers = await openTalkers(origin, await openWorkspace(origin), chatting);
    const herdCreator = await openWorkspace(origin);
    const [seed] = await openTalkers(origin, herdCreator, 1);
    seed?.close();
    const before = await turnsOf(record, herdCreator);
    const dueAt = await breed(record, herdCreator);
    const chat = openLoop(talkers, chatPerSecond, 0, 8_000);
    const fired = await untilFired(record, herdCreator, before, dueAt);
    const waits = await chat;
    for (const talker of talkers) talker.close();
    const rows = [
      ['timers fired a second', String(Math.round((timers * 1000) / fired))],
      ['lateness of the last', `${Math.round(fired)} ms`],
      [`chat of another creator meanwhile (${chatPerSecond}/s), p50 / p99`, `${waits.p50.toFixed(1)} / ${waits.p99.toFixed(1)} ms`],
    ];
    return [`### ${timers} timers due at one instant, PostgreSQL`, table(['', ''], rows)].join('\n\n');
  } finally {
    await server.stop();
    await record.end();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies the one conversation of a creator, timer and all, with every timer due at the instant given back (milliseconds since 1970). */
async function breed(record: pg.Client, creatorId: string): Promise<number> {
  const given = [creatorId, timers];
  await record.query(
    'create temporary table herd as select gen_random_uuid() as id, gen_random_uuid() as contact from generate_series(1, $1)',
    [timers],
  );
  await record.query(`insert into contacts (creator_id, id) select $1, contact from herd limit $2`, given);
  await record.query(
    `insert into conversations (creator_id, id, session_id, contact_id, channel, program_id, program_version, version, seq, snapshot, state, status)
     select c.creator_id, h.id, h.id, h.contact, c.channel, c.program_id, c.program_version, c.version, c.seq, c.snapshot, c.state, c.status
     from herd h, conversations c where c.creator_id = $1 limit $2`,
    given,
  );
  await record.query('analyze');
  const dueAt = Date.now() + leadMs + timers / 10;
  await record.query(
    `insert into timers (creator_id, conversation_id, timer_id, generation, due_at, detail)
     select t.creator_id, h.id, t.timer_id, t.generation, $3, t.detail from herd h, timers t where t.creator_id = $1 limit $2`,
    [...given, new Date(dueAt)],
  );
  return dueAt;
}

async function turnsOf(record: pg.Client, creatorId: string): Promise<number> {
  const { rows } = await record.query(`select count(*)::int as turns from inputs where creator_id = $1 and kind = 'timer'`, [creatorId]);
  return rows[0].turns;
}

/** Milliseconds from the instant until every timer's turn is on record. */
async function untilFired(record: pg.Client, creatorId: string, before: number, dueAt: number): Promise<number> {
  for (;;) {
    if ((await turnsOf(record, creatorId)) - before >= timers) return Date.now() - dueAt;
    if (Date.now() - dueAt > mostMs) throw new Error(`Only ${await turnsOf(record, creatorId)} of ${timers} timers fired in ${mostMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
