/** A herd of timers due at one instant on PostgreSQL, each a full durable turn, while other people chat. */
import type pg from 'pg';
import { breed } from './breed.ts';
import { type Installation, startInstallation } from './installation.ts';
import { openLoop } from './load.ts';
import { table } from './report.ts';
import { cpuMs } from './server-process.ts';
import { openTalkers, openWorkspace } from './talkers.ts';

const timers = Number(process.env.BENCH_TIMERS ?? 100_000);
const chatting = 20;
const chatPerSecond = 20;
const mostMs = 120_000;
/** Time for the timers to be written before they fall due. */
const leadMs = 3_000 + timers / 12;

/** Measures and gives the report in Markdown. */
export async function benchHerd(): Promise<string> {
  const installation = await startInstallation(['alone']);
  try {
    const [node] = installation.nodes as [Installation['nodes'][0]];
    const talkers = await openTalkers(node.origin, await openWorkspace(node.origin), chatting);
    const herdCreator = await openWorkspace(node.origin);
    const [seed] = await openTalkers(node.origin, herdCreator, 1);
    seed?.close();
    const dueAt = await breed(installation.record, herdCreator, timers, leadMs);
    if (Date.now() > dueAt) throw new Error('The rows took longer than the time they were given');
    const before = await openLoop(talkers, chatPerSecond, 0, Math.max(1_000, dueAt - Date.now() - 500));
    await new Promise((resolve) => setTimeout(resolve, dueAt - Date.now()));
    const burnt = () => [cpuMs(node.pid), cpuMs(installation.postgres.pid, true)] as const;
    const cpuBefore = burnt();
    let over = false;
    const chat = openLoop(talkers, chatPerSecond, 0, mostMs, () => over);
    const firedMs = await untilFired(installation.record, dueAt);
    const cpuAfter = burnt();
    over = true;
    const during = await chat;
    for (const talker of talkers) talker.close();
    const late = await lateness(installation.record, herdCreator, dueAt);
    const us = (index: 0 | 1) => Math.round(((cpuAfter[index] - cpuBefore[index]) * 1000) / timers);
    const rows = [
      ['timers fired a second', String(Math.round((timers * 1000) / firedMs))],
      ['lateness of a timer, p50 / last', `${Math.round(late.p50)} / ${Math.round(firedMs)} ms`],
      ['CPU µs a timer, server + PostgreSQL (chat included)', `${us(0)} + ${us(1)}`],
      [`chat of another creator before (${chatPerSecond}/s), p50 / p95 / p99`, waitsText(before)],
      ['the same during the herd', waitsText(during)],
    ];
    return [`### ${timers} timers of one creator due at one instant, PostgreSQL`, table(['', ''], rows)].join('\n\n');
  } finally {
    await installation.stop();
  }
}

function waitsText({ p50, p95, p99 }: { p50: number; p95: number; p99: number }): string {
  return `${p50.toFixed(1)} / ${p95.toFixed(1)} / ${p99.toFixed(1)} ms`;
}

/** Milliseconds from the instant until every timer's turn is on record. Looks for one that is left, which costs the record little. */
async function untilFired(record: pg.Client, dueAt: number): Promise<number> {
  for (;;) {
    const { rowCount } = await record.query('select from timers where due_at = to_timestamp($1) limit 1', [dueAt / 1000]);
    if (rowCount === 0) return Date.now() - dueAt;
    if (Date.now() - dueAt > mostMs) throw new Error(`Timers are left after ${mostMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** How late the timers' turns were, by the clock of the server; also proves that each was taken once. */
async function lateness(record: pg.Client, creatorId: string, dueAt: number): Promise<{ p50: number }> {
  const { rows } = await record.query(
    `select count(*)::int as turns, percentile_cont(0.5) within group (order by extract(epoch from created_at) * 1000)::float8 as p50
     from inputs where creator_id = $1 and kind = 'timer'`,
    [creatorId],
  );
  if (rows[0].turns !== timers) throw new Error(`${rows[0].turns} turns of ${timers} timers`);
  return { p50: rows[0].p50 - dueAt };
}
