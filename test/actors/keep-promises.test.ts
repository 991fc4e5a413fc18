/** Promises on real conversations: what breaks them is on record and told, once, even when nothing more happens. */
import { afterAll, describe, expect, it } from 'vitest';
import type { ConversationKey } from '../../src/actors/input.ts';
import { eventRunner } from '../../src/actors/run-event.ts';
import { systemIds } from '../../src/ids.ts';
import type { Promised } from '../../src/programs/promises.ts';
import { getConversation, listTurns } from '../../src/store/conversations.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { makeDefinition, sleepReset } from '../support/example.ts';
import { evening, makeRuntime, openTestConversation, publish } from '../support/runtime.ts';

const db = await testDatabase();
const clock = manualClock(evening);
const runtime = makeRuntime(db, { clock, hotConversations: 0, runners: { event: eventRunner({ db, clock }) } });
afterAll(() => runtime.stop());

let count = 0;
const send = (key: ConversationKey, text: string) => {
  count += 1;
  return runtime.mailboxes.deliver(key, { id: `msg:${count}`, kind: 'message', messageId: systemIds.uuid(), text });
};

async function follow(promises: Promised[]) {
  const creatorId = await testCreator(db);
  await publish(db, creatorId, makeDefinition({ promises }));
  const webhook = [creatorId, systemIds.uuid(), ['promise-broken']];
  await db.tenant(creatorId, (sql) =>
    sql("insert into webhooks (creator_id, id, url, events, sealed_secret) values ($1, $2, 'u', $3, 's')", webhook),
  );
  const key = await openTestConversation(db, creatorId);
  await send(key, 'sleep');
  const settle = async () => {
    for (const pump of [runtime.timers, runtime.effects]) {
      pump.start();
      await pump.stop();
    }
  };
  const broken = async () => {
    const turns = await listTurns(db, key, Number.MAX_SAFE_INTEGER, 100);
    return turns.flatMap(({ trace }) => ((trace as { broken?: { promise: string }[] }).broken ?? []).map(({ promise }) => promise));
  };
  const told = async () => {
    const rows = await db.tenant(creatorId, (sql) => sql<{ payload: { promise: string } }>('select payload from webhook_deliveries'));
    return rows.map(({ payload }) => payload.promise);
  };
  const timers = async () =>
    (await getConversation(db, key)).timers.map(({ timerId }) => timerId).filter((id) => id.startsWith('promise:'));
  return { key, settle, broken, told, timers };
}

describe('a promise that something never is', () => {
  it('is broken once, on record and told', async () => {
    const { key, settle, broken, told } = await follow([{ id: 'no-sleep', never: { state: 'asleep' } }]);
    expect(await broken()).toEqual([]);
    await send(key, '7:00');
    await send(key, 'why?');
    await settle();
    expect([await broken(), await told()]).toEqual([['no-sleep'], ['no-sleep']]);
    await settle();
    expect(await broken()).toEqual(['no-sleep']);
  });

  it('is not broken by a run that keeps it, nor by what comes after its end', async () => {
    const { key, broken } = await follow([{ id: 'not-lost', never: { holds: 'contact.points >= 10' } }]);
    await send(key, '7:00');
    await runtime.mailboxes.deliver(key, { id: 'control:1', kind: 'control', act: 'end' });
    await send(key, 'hello?');
    expect(await broken()).toEqual([]);
  });
});

describe('a promise that something comes in time', () => {
  const answered: Promised = { id: 'answered', after: { state: 'start' }, within: 'PT1H', comes: { state: 'asleep' } };

  it('is broken in silence when its time is over, even while a person has control', async () => {
    const { key, settle, broken, told, timers } = await follow([answered]);
    expect(await timers()).toEqual(['promise:answered']);
    await runtime.mailboxes.deliver(key, { id: 'control:1', kind: 'control', act: 'takeover' });
    clock.advance(3_600_000);
    await settle();
    expect(await broken()).toEqual([]);
    clock.advance(1_000);
    await settle();
    await settle();
    expect([await broken(), await told(), await timers()]).toEqual([['answered'], ['answered'], []]);
    expect((await getConversation(db, key)).snapshot).toContain('"control":"human"');
  });

  it('is kept by what comes, and nothing is looked for after that', async () => {
    const { key, settle, broken, timers } = await follow([answered]);
    await send(key, '7:00');
    expect(await timers()).toEqual([]);
    clock.advance(2 * 3_600_000);
    await settle();
    expect(await broken()).toEqual([]);
  });
});

it('a program without promises carries nothing of them', async () => {
  const creatorId = await testCreator(db);
  await publish(db, creatorId, sleepReset);
  const key = await openTestConversation(db, creatorId);
  await send(key, 'sleep');
  expect((await getConversation(db, key)).snapshot).not.toContain('promises');
});
