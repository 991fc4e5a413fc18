/** A suspended workspace: what it has planned waits, and goes on once it may work again. */
import { expect, test } from 'vitest';
import { makeOperator } from '../../src/accounts/operators.ts';
import { systemIds } from '../../src/ids.ts';
import { suspendCreator } from '../../src/store/creators.ts';
import { readWidgetSettings } from '../../src/store/widget-settings.ts';
import { someCaller, testAccounts } from '../support/accounts.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { evening, openTestConversation } from '../support/runtime.ts';

const database = await testDatabase();
const day = 24 * 60 * 60_000;

test('neither timers nor effects of a suspended creator run, those of others do, and nothing is lost', async () => {
  const clock = manualClock(evening);
  const { operators } = await testAccounts(database, clock);
  const operator = await makeOperator(database, systemIds, 'Olga');
  const [calm, suspended] = [await testCreator(database), await testCreator(database)];
  for (const creatorId of [calm, suspended]) {
    const key = await openTestConversation(database, creatorId);
    await database.tenant(creatorId, (sql) =>
      sql(
        "insert into effects (creator_id, id, conversation_id, type, lane, position, params) values ($1, 'e', $2, 'send', 'l', 1, '{}')",
        [creatorId, key.conversationId],
      ),
    );
    await database.tenant(creatorId, (sql) =>
      sql("insert into timers (creator_id, conversation_id, timer_id, generation, due_at) values ($1, $2, 'probe', 1, $3)", [
        creatorId,
        key.conversationId,
        new Date(evening - day),
      ]),
    );
  }
  await operators.suspend(await operators.verify(operator.text), suspended, true, someCaller);

  const claimed = async () => {
    const [timers, effects] = [
      await database.routing<{ creator_id: string }>(
        "select creator_id from routing.claim_timers($1, $1, interval '1 second', 100, '{}')",
        [new Date(clock.wall())],
      ),
      await database.routing<{ creator_id: string }>(
        "select creator_id from routing.claim_effects($1, interval '1 second', 100, null, null)",
        [new Date(clock.wall())],
      ),
    ];
    return [timers, effects].map((rows) => [...new Set(rows.map((row) => row.creator_id))].sort());
  };
  expect(await claimed()).toEqual([[calm], [calm]]);
  await operators.suspend(await operators.verify(operator.text), suspended, false, someCaller);
  clock.advance(2_000);
  expect(await claimed()).toEqual([[calm, suspended].sort(), [calm, suspended].sort()]);
});

test('the widget of a suspended creator is not there', async () => {
  const creatorId = await testCreator(database);
  const read = () => database.tenant(creatorId, (sql) => readWidgetSettings(sql, creatorId));
  expect(await read()).toBeNull();
  await database.tenant(creatorId, (sql) => suspendCreator(sql, creatorId, new Date()));
  expect(await read()).toBeUndefined();
});
