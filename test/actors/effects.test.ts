/** The effect pump: a share for each creator, and the calls that are not cut off. */
import { expect, it, vi } from 'vitest';
import { createEffectPump, type RunEffect } from '../../src/actors/effects.ts';
import type { ConversationKey, Mailboxes } from '../../src/actors/input.ts';
import type { Database } from '../../src/database.ts';
import { AppError } from '../../src/errors.ts';
import { commitTurns, type TurnRow } from '../../src/store/turns.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { quietLog } from '../support/quiet-log.ts';
import { evening, makeRuntime, openTestConversation } from '../support/runtime.ts';
import { soon } from '../support/soon.ts';

const db = await testDatabase();

/** Plans effects of a type in a new conversation of a creator. */
async function plan(type: string, creatorId: ConversationKey['creatorId'], count: number): Promise<ConversationKey> {
  const key = await openTestConversation(db, creatorId);
  const effects = Array.from({ length: count }, (_, n) => ({
    id: `${key.conversationId}.${n}`,
    type,
    lane: `${n}`,
    ordinal: n,
    params: {},
  }));
  const row: TurnRow = {
    creator: key.creatorId,
    conversation: key.conversationId,
    at: new Date(evening).toISOString(),
    expected: 0,
    contact_id: key.conversationId,
    contact_expected: 0,
    ...{
      seq: 0,
      program_id: null,
      program_version: null,
      snapshot: null as unknown as string,
      state: null,
      control: 'bot',
      status: 'open',
      outcome: null,
    },
    inputs: [{ id: 'plan', kind: 'event', payload: {}, result: {}, trace: {} }],
    effects,
  };
  expect(await commitTurns(db, [row])).toMatchObject([{ outcome: 'committed' }]);
  return key;
}

/** A runner whose runs last until they are let go. */
function hanging() {
  const runs: { creatorId: string; aborted: () => boolean; letGo: () => void }[] = [];
  const run: RunEffect = ({ key }, signal) =>
    new Promise((resolve, reject) => {
      runs.push({ creatorId: key.creatorId, aborted: () => signal.aborted, letGo: () => resolve({ outcome: 'done', result: {} }) });
      // One that was called off while it was read begins with a signal that has been given.
      if (signal.aborted) reject(signal.reason as Error);
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  return { runs, run };
}

it('of a creator whose calls hang leave room for those of others', async () => {
  const [crowd, other] = [await testCreator(db), await testCreator(db)];
  await plan('http', crowd, 200);
  const { runs, run } = hanging();
  const node = makeRuntime(db, { runners: { http: run } });
  node.effects.start();
  await soon(() => expect(runs).toHaveLength(12));
  await plan('http', other, 1);
  node.effects.wake();
  await soon(() => expect(runs.map(({ creatorId }) => creatorId)).toContain(other));
  expect(runs.filter(({ creatorId }) => creatorId === crowd)).toHaveLength(12);
  runs[0]?.letGo();
  await soon(() => expect(runs.length).toBeGreaterThan(13));
  const stopped = vi.fn();
  void node.effects.stop().then(stopped);
  // Those that do not end are cut off when their time is up.
  await soon(() => {
    node.clock.advance(10_000);
    expect(stopped).toHaveBeenCalled();
  });
});

it('that call somebody end before the node stops, others are left to the next', async () => {
  const creatorId = await testCreator(db);
  await plan('http', creatorId, 1);
  await plan('model', creatorId, 1);
  const [calls, thoughts] = [hanging(), hanging()];
  const node = makeRuntime(db, { runners: { http: calls.run, model: thoughts.run } });
  node.effects.start();
  const mine = () => calls.runs.find((run) => run.creatorId === creatorId);
  await soon(() => expect([mine(), thoughts.runs[0]]).not.toContain(undefined));
  const stopped = node.effects.stop();
  await soon(() => expect(thoughts.runs[0]?.aborted()).toBe(true));
  expect(mine()?.aborted()).toBe(false);
  for (const run of calls.runs) run.letGo();
  await stopped;
  expect(mine()?.aborted()).toBe(false);
});

it('of a node that lost its lease are left to whoever has it now', async () => {
  const creatorId = await testCreator(db);
  await plan('lost', creatorId, 1);
  const [first, second, third] = [hanging(), hanging(), hanging()];
  const hung = makeRuntime(db, { runners: { lost: first.run } });
  hung.effects.start();
  await soon(() => expect(first.runs).toHaveLength(1));
  const heir = makeRuntime(db, { clock: manualClock(evening + 31_000), runners: { lost: second.run } });
  heir.effects.start();
  await soon(() => expect(second.runs).toHaveLength(1));
  // It wakes up, finds that its lease has run out, and stops.
  hung.clock.advance(31_000);
  await soon(() => expect(first.runs[0]?.aborted()).toBe(true));
  await hung.effects.stop();
  const other = makeRuntime(db, { clock: manualClock(evening + 32_000), runners: { lost: third.run } });
  other.effects.start();
  await other.effects.stop();
  expect(third.runs).toHaveLength(0);
  await heir.effects.stop();
});

it('are not begun by a node that read them after its lease had run out', async () => {
  const creatorId = await testCreator(db);
  await plan('slow', creatorId, 1);
  const tries: number[] = [];
  const run: RunEffect = async ({ attempts }) => {
    tries.push(attempts);
    return { outcome: 'done', result: {} };
  };
  const clock = manualClock(evening);
  let read = false;
  const slow: Database = {
    ...db,
    tenant: async (creator, work) => {
      if (creator !== creatorId || read) return db.tenant(creator, work);
      read = true;
      clock.advance(30_000);
      return db.tenant(creator, work);
    },
  };
  const node = makeRuntime(slow, { clock, runners: { slow: run } });
  node.effects.start();
  await soon(() => expect(tries).toEqual([2]));
  await node.effects.stop();
  expect(tries).toEqual([2]);
});

it('whose outcome finds no room keep it until there is, and are not run again', async () => {
  const creatorId = await testCreator(db);
  const key = await plan('full', creatorId, 1);
  let runs = 0;
  let refused = 0;
  const clock = manualClock(evening);
  const mailboxes: Mailboxes = {
    async deliver(to, input) {
      if (input.kind !== 'effect' || refused === 2) return real.mailboxes.deliver(to, input);
      refused += 1;
      throw new AppError('OVERLOADED', 'Too much waits here');
    },
  };
  const real = makeRuntime(db, { clock });
  const run: RunEffect = async () => {
    runs += 1;
    return { outcome: 'done', result: {} };
  };
  const pump = createEffectPump({ db, clock, log: quietLog, runners: { full: run }, mailboxes });
  pump.start();
  const ended = () =>
    db.tenant(creatorId, (sql) => sql<{ status: string }>('select status from effects where conversation_id = $1', [key.conversationId]));
  await soon(async () => {
    clock.advance(500);
    expect(await ended()).toEqual([{ status: 'done' }]);
  });
  await pump.stop();
  expect([runs, refused]).toEqual([1, 2]);
});

it('whose outcome comes home late count as done, not as out of time', async () => {
  const creatorId = await testCreator(db);
  const key = await plan('late', creatorId, 1);
  const clock = manualClock(evening);
  let runs = 0;
  let full = true;
  const real = makeRuntime(db, { clock });
  const mailboxes: Mailboxes = {
    async deliver(to, input) {
      if (full) throw new AppError('OVERLOADED', 'Too much waits here');
      return real.mailboxes.deliver(to, input);
    },
  };
  const run: RunEffect = async () => {
    runs += 1;
    return { outcome: 'done', result: {} };
  };
  const pump = createEffectPump({ db, clock, log: quietLog, runners: { late: run }, mailboxes });
  pump.start();
  await soon(() => expect(runs).toBe(1));
  // Longer than it may take, a little at a time so that its lease is extended.
  const leasedUntil = () =>
    db.tenant(creatorId, (sql) =>
      sql<{ at: Date }>('select leased_until as at from effects where conversation_id = $1', [key.conversationId]),
    );
  for (let gone = 0; gone < 150_000; gone += 5_000) {
    clock.advance(5_000);
    await soon(async () => expect((await leasedUntil())[0]?.at.getTime()).toBeGreaterThan(clock.wall() + 20_000));
  }
  full = false;
  await soon(async () => {
    clock.advance(500);
    const rows = await db.tenant(creatorId, (sql) => sql('select status from effects where conversation_id = $1', [key.conversationId]));
    expect(rows).toEqual([{ status: 'done' }]);
  });
  await pump.stop();
  expect(runs).toBe(1);
});
