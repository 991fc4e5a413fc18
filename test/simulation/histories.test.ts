import { describe, expect, it } from 'vitest';
import type { CreatorId } from '../../src/ids.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { publish } from '../support/runtime.ts';
import { restless, runHistory, type Seen } from './history.ts';

const db = await testDatabase();
const creators: CreatorId[] = [];
for (const definition of restless) {
  const creatorId = await testCreator(db);
  await publish(db, creatorId, definition);
  creators.push(creatorId);
}

/** Histories by default; `npm run simulate` runs any number. */
const count = 30;

describe.each([
  ['hot snapshots', false],
  ['every snapshot restored on every turn', true],
])('simulated histories with %s', (_name, cold) => {
  it(`keep I1–I10 through crashes, lost replies, repetitions and jumps of the clock: ${count} seeds`, async () => {
    const total: Seen = { inputs: 0, crashes: 0, outages: 0, lostReplies: 0, answers: 0, timersFired: 0, superseded: 0 };
    for (let seed = 1; seed <= count; seed += 1) {
      const seen = await runHistory(db, creators, seed, { steps: 80, cold });
      for (const key of Object.keys(total) as (keyof Seen)[]) total[key] += seen[key];
    }
    // A run in which nothing went wrong proves nothing.
    for (const key of Object.keys(total) as (keyof Seen)[]) expect(total[key]).toBeGreaterThan(0);
  }, 300_000);
});
