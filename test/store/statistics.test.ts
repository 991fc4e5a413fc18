import { expect, it } from 'vitest';
import type { Database } from '../../src/database.ts';
import { AppError } from '../../src/errors.ts';
import { gatherStatistics } from '../../src/store/statistics.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { quietLog } from '../support/quiet-log.ts';
import { openTestConversation } from '../support/runtime.ts';
import { soon } from '../support/soon.ts';

const db = await testDatabase();

/** How many rows the planner thinks a table has; null before anybody has counted. */
async function rowsOf(table: string): Promise<number | null> {
  const [row] = await db.owner((sql) => sql<{ rows: number }>('select reltuples as rows from pg_class where oid = $1::regclass', [table]));
  return row && row.rows >= 0 ? row.rows : null;
}

it('gathers soon after the start, table by table, and again after twice as long when that failed', async () => {
  const clock = manualClock(0);
  let [down, transactions] = [true, 0];
  const watched: Database = {
    ...db,
    owner: async (work) => {
      transactions += 1;
      if (down) throw new AppError('UNAVAILABLE', 'Connection lost');
      return db.owner(work);
    },
  };
  const creatorId = await testCreator(db);
  for (let n = 0; n < 3; n += 1) await openTestConversation(db, creatorId);
  const stop = gatherStatistics({ db: watched, clock, log: quietLog });
  clock.advance(4_999);
  expect(transactions).toBe(0);
  clock.advance(1);
  await soon(() => expect(transactions).toBe(1));
  down = false;
  clock.advance(9_999);
  expect(transactions).toBe(1);
  clock.advance(1);
  await soon(async () => expect([await rowsOf('conversations'), await rowsOf('timers')]).toEqual([3, 0]));
  // One to look, and one for each table, with which turns alternate.
  await soon(() => expect(transactions).toBeGreaterThanOrEqual(1 + 1 + 6));
  // The embedded database has nobody else who looks after its other tables.
  if (db.kind === 'pglite') await soon(async () => expect(await rowsOf('creators')).toBe(1));
  stop();
});
