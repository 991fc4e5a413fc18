/** The effect pump: a share for each creator, and the calls that are not cut off. */
import { expect, it, vi } from 'vitest';
import type { RunEffect } from '../../src/actors/effects.ts';
import type { ConversationKey } from '../../src/actors/input.ts';
import { commitTurns, type TurnRow } from '../../src/store/turns.ts';
import { testCreator, testDatabase } from '../support/database.ts';
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
