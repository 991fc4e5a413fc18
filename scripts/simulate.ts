/** Any number of simulated histories: `npm run simulate -- --seed 1 --count 2000`. A failing seed is run again with `--seed N --count 1`. */
import { parseArgs } from 'node:util';
import { type CreatorId, systemIds } from '../src/ids.ts';
import { migrate } from '../src/store/migrate.ts';
import { openPgliteSession } from '../src/store/pglite-session.ts';
import { databaseOver } from '../src/store/session.ts';
import { restless, runHistory } from '../test/simulation/history.ts';
import { publish } from '../test/support/runtime.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, count: { type: 'string', default: '2000' }, steps: { type: 'string', default: '80' } },
});
const [first, count, steps] = [values.seed, values.count, values.steps].map(Number) as [number, number, number];

const db = databaseOver(await openPgliteSession(null));
await migrate(db);
const creators: CreatorId[] = [];
for (const definition of restless) {
  const creatorId = systemIds.uuid<CreatorId>();
  await db.tenant(creatorId, (sql) =>
    sql('insert into creators (creator_id, name) values ($1, $2)', [creatorId, definition.policies?.whileReplying]),
  );
  await publish(db, creatorId, definition);
  creators.push(creatorId);
}

const total: Record<string, number> = {};
const started = performance.now();
for (let seed = first; seed < first + count; seed += 1) {
  // Every other seed restores each snapshot from the record on every turn.
  const seen = await runHistory(db, creators, seed, { steps, nodes: 2 + (seed % 3), cold: seed % 2 === 0, warm: seed % 5 < 2 });
  for (const [name, number] of Object.entries(seen)) total[name] = (total[name] ?? 0) + number;
  if ((seed - first + 1) % 250 === 0) console.log(`${seed - first + 1} histories, ${Math.round((performance.now() - started) / 1000)} s`);
}
console.log(`${count} histories from seed ${first} kept I1–I10: ${JSON.stringify(total)}`);
await db.close();
