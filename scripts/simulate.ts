/** Any number of simulated histories: `npm run simulate -- --seed 1 --count 2000`. One that fails names the command that runs it again. */
import { parseArgs } from 'node:util';
import { type CreatorId, systemIds } from '../src/ids.ts';
import { migrate } from '../src/store/migrate.ts';
import { openPgliteSession } from '../src/store/pglite-session.ts';
import { databaseOver } from '../src/store/session.ts';
import { restless, runHistory } from '../test/simulation/history.ts';
import { publish } from '../test/support/runtime.ts';

const usage = 'Use: npm run simulate -- [--seed 1] [--count 2000] [--steps 80] [--cold | --no-cold]';
const values = given();
const [first, count, steps] = [values.seed, values.count, values.steps].map(Number) as [number, number, number];
if (![first, count, steps].every((number) => Number.isSafeInteger(number) && number > 0)) {
  refuse();
}

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
  const seen = await runHistory(db, creators, seed, { steps, cold: values.cold ?? seed % 2 === 0 });
  for (const [name, number] of Object.entries(seen)) total[name] = (total[name] ?? 0) + number;
  if ((seed - first + 1) % 250 === 0) console.log(`${seed - first + 1} histories, ${Math.round((performance.now() - started) / 1000)} s`);
}
console.log(`${count} histories from seed ${first} kept I1–I10: ${JSON.stringify(total)}`);
await db.close();

function given() {
  try {
    return parseArgs({
      options: {
        seed: { type: 'string', default: '1' },
        count: { type: 'string', default: '2000' },
        steps: { type: 'string', default: '80' },
        // Every snapshot restored from the record on every turn, or none. Default by turns.
        cold: { type: 'boolean' },
      },
      allowNegative: true,
    }).values;
  } catch {
    // an option that is none of these
    return refuse();
  }
}

function refuse(): never {
  console.error(usage);
  process.exit(64);
}
