/** Fields that a program keeps only so long: forgotten by the daily round, whatever the creator has chosen or not. */
import { expect, test } from 'vitest';
import { systemIds } from '../../src/ids.ts';
import { createRetentionPump } from '../../src/privacy/retention.ts';
import { patchContact } from '../../src/store/contacts.ts';
import { getConversation } from '../../src/store/conversations.ts';
import { saveRetention } from '../../src/store/retention.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { makeDefinition } from '../support/example.ts';
import { quietLog } from '../support/quiet-log.ts';
import { evening, openTestConversation, publish } from '../support/runtime.ts';

const db = await testDatabase();
const day = 86_400_000;
const fields = {
  wakeTime: { type: 'time' as const },
  mood: { type: 'text' as const, retention: 'P30D' },
  weight: { type: 'number' as const, retention: 'P1Y' },
};

async function round(clock: ReturnType<typeof manualClock>): Promise<void> {
  const pump = createRetentionPump({ database: db, clock, log: quietLog });
  pump.start();
  await pump.stop();
}

test('a live program has its fields forgotten when their time is over; a shorter choice of the creator comes first', async () => {
  const clock = manualClock(evening);
  const creatorId = await testCreator(db);
  await publish(db, creatorId, makeDefinition({ fields }));
  const key = await openTestConversation(db, creatorId);
  const { contact } = await getConversation(db, key);
  await patchContact(db, creatorId, contact.id, { fields: { wakeTime: '07:00', mood: 'low', weight: 70 } }, clock.now());
  const known = async () => Object.keys((await getConversation(db, key)).contact.fields).sort();
  await round(clock);
  expect(await known()).toEqual(['mood', 'wakeTime', 'weight']);
  clock.advance(31 * day);
  await round(clock);
  expect(await known()).toEqual(['wakeTime', 'weight']);
  await db.tenant(creatorId, (sql) => saveRetention(sql, creatorId, { message_days: null, field_days: { weight: 40, mood: 3_650 } }));
  clock.advance(10 * day);
  await round(clock);
  expect(await known()).toEqual(['wakeTime']);
  await patchContact(db, creatorId, contact.id, { fields: { mood: 'good' } }, clock.now());
  clock.advance(31 * day);
  await round(clock);
  expect(await known()).toEqual(['wakeTime']);
});

test('nobody is looked at whose programs say nothing', async () => {
  const creatorId = await testCreator(db);
  await publish(db, creatorId, { ...makeDefinition(), meta: { ...makeDefinition().meta, id: systemIds.uuid() } });
  expect(await db.tenant(creatorId, (sql) => sql('select 1 from retention'))).toEqual([]);
});
