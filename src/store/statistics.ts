/** The planner's statistics: those of the embedded database, where nobody gathers them, and those of a young one, where autovacuum comes too late. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Log } from '../log.ts';

/** Soon after the start, when few rows become many, then ever more seldom: milliseconds until the first time and between the last ones. */
const firstMs = 5_000;
const mostMs = 600_000;

/**
 * The tables that turns grow. A sample of a tenth tells their plans apart just as well: measured at 100,000 rows, 40 ms in which nobody is
 * answered instead of 320.
 */
const analyzeTurns =
  "perform set_config('default_statistics_target', '10', true); analyze conversations, contacts, inputs, messages, timers, effects;";

/** A server's own autovacuum comes once a minute; until then a new installation has grown out of the plans it began with. */
const whileYoung = `do $$ begin
    if (select reltuples < 10000 from pg_class where oid = 'conversations'::regclass) then ${analyzeTurns} end if;
  end $$`;

/** The embedded database has no autovacuum: everything else too. */
const always = `do $$ declare other text; begin
    ${analyzeTurns}
    perform set_config('default_statistics_target', '100', true);
    for other in select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
        and relname not in ('conversations', 'contacts', 'inputs', 'messages', 'timers', 'effects') loop
      execute format('analyze %I', other);
    end loop;
  end $$`;

/**
 * Gathers statistics again and again; the result stops it. Without them plans are made for empty tables and kept: measured, a turn
 * then reads all conversations of its creator and takes four times as long.
 */
export function gatherStatistics({ db, clock, log }: { db: Database; clock: Clock; log: Log }): () => void {
  let cancel = clock.after(firstMs, () => void gather(firstMs));

  async function gather(waitedMs: number): Promise<void> {
    try {
      await db.owner((sql) => sql(db.kind === 'pglite' ? always : whileYoung));
    } catch (error) {
      log.error('statistics.failed', error);
    }
    const ms = Math.min(waitedMs * 2, mostMs);
    cancel = clock.after(ms, () => void gather(ms));
  }

  return () => cancel();
}
