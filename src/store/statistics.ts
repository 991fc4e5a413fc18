/** The planner's statistics: those of the embedded database, where nobody gathers them, and those of a young one, where autovacuum comes too late. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Log } from '../log.ts';

/** Soon after the start, when few rows become many, then ever more seldom: milliseconds until the first time and between the last ones. */
const firstMs = 5_000;
const mostMs = 600_000;

/**
 * The tables that turns grow. A sample of a tenth tells their plans apart just as well: measured at 100,000 rows, 40 ms of PostgreSQL
 * instead of 320.
 */
const turnTables = ['conversations', 'contacts', 'inputs', 'messages', 'timers', 'effects'];
const turnsTarget = 10;
const otherTarget = 100;

/** A server's own autovacuum comes once a minute; until then a new installation has grown out of the plans it began with. */
const youngRows = 10_000;

/**
 * Gathers statistics again and again; the result stops it. Without them plans are made for empty tables and kept: measured, a turn
 * then reads all conversations of its creator and takes four times as long.
 */
export function gatherStatistics({ db, clock, log }: { db: Database; clock: Clock; log: Log }): () => void {
  let cancel = clock.after(firstMs, () => void gather(firstMs));

  async function gather(waitedMs: number): Promise<void> {
    try {
      // Each in a transaction of its own, so that turns go on in between.
      for (const table of await tables(db)) {
        const target = turnTables.includes(table) ? turnsTarget : otherTarget;
        await db.owner((sql) => sql(`set local default_statistics_target = ${target}; analyze "${table}"`));
      }
    } catch (error) {
      log.error('statistics.failed', error);
    }
    const ms = Math.min(waitedMs * 2, mostMs);
    cancel = clock.after(ms, () => void gather(ms));
  }

  return () => cancel();
}

/** Those that nobody else looks after: the embedded database has no autovacuum. */
function tables(db: Database): Promise<readonly string[]> {
  return db.owner(async (sql) => {
    const known = await sql<{ name: string; rows: number }>(
      `select relname as name, reltuples as rows from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`,
    );
    if (db.kind === 'pglite') return known.map(({ name }) => name);
    const rows = known.find(({ name }) => name === 'conversations')?.rows ?? 0;
    return rows < youngRows ? turnTables : [];
  });
}
