import { afterAll, describe, expect, it } from 'vitest';
import type { ConversationKey, Input } from '../../src/actors/input.ts';
import { planMigration, sweep, versionsToMove } from '../../src/actors/migrations.ts';
import { review } from '../../src/actors/review.ts';
import { systemIds } from '../../src/ids.ts';
import { hasErrors } from '../../src/programs/check.ts';
import type { Definition } from '../../src/programs/definition.ts';
import { contentHash } from '../../src/programs/hash.ts';
import { getConversation, listTurns, messagesAfter } from '../../src/store/conversations.ts';
import { addMigrations } from '../../src/store/migrations.ts';
import { addVersion } from '../../src/store/programs.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { sleepReset } from '../support/example.ts';
import { quietLog } from '../support/quiet-log.ts';
import { evening, makeRuntime, openTestConversation, publish } from '../support/runtime.ts';

const db = await testDatabase();
const clock = manualClock(evening);
const runtime = makeRuntime(db, { clock });
afterAll(() => runtime.stop());

/** The example in a second version: `missed` is gone, `check` has become a state within another, the wait is shorter, a variable is new. */
function secondVersion(
  policy: 'stay' | 'next-quiet-state' | 'move',
  states: Record<string, string> = { missed: 'morning.again', check: 'morning.check' },
): Definition {
  const { missed: _gone, check, ...others } = sleepReset.machine.states;
  const renamed = JSON.parse(
    JSON.stringify(others).replaceAll('"check"', '"morning"').replaceAll('"missed"', '"morning"'),
  ) as typeof others;
  const within = JSON.parse(
    JSON.stringify(check)
      .replaceAll('"asleep"', '"#sleep-reset.asleep"')
      .replaceAll('"counted"', '"#sleep-reset.counted"')
      .replaceAll('"missed"', '"again"'),
  );
  const again = {
    entry: [{ type: 'say', params: { content: 'miss', class: 'nudge' } }],
    on: { MESSAGE: '#sleep-reset.asleep' },
    after: { noReply: '#sleep-reset.lost' },
  };
  return {
    ...sleepReset,
    variables: { ...sleepReset.variables, mood: { type: 'number' } },
    delays: { ...sleepReset.delays, noReply: { for: 'PT10H' } },
    machine: { ...sleepReset.machine, states: { ...renamed, morning: { initial: 'check', states: { check: within, again } } } } as never,
    migrations: [{ from: 1, states, variables: { mood: 3 }, policy }],
  };
}

let count = 0;
const send = (key: ConversationKey, text: string) =>
  runtime.mailboxes.deliver(key, { id: `msg:${count++}`, kind: 'message', messageId: systemIds.uuid(), text });

/** Fires what is armed for a conversation, as the pump would. */
async function fireNext(key: ConversationKey): Promise<void> {
  const { timers } = await getConversation(db, key);
  const [timer] = [...timers].sort((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
  if (!timer) throw new Error('No timer is armed');
  clock.set(Math.max(clock.now(), timer.dueAt.getTime()));
  const input: Input = {
    id: `timer:${timer.timerId}:${timer.generation}`,
    kind: 'timer',
    timerId: timer.timerId,
    generation: timer.generation,
    dueAt: timer.dueAt.getTime(),
  };
  await runtime.mailboxes.deliver(key, input);
}

/** A conversation in each state that waits. */
async function everyState(creatorId: Awaited<ReturnType<typeof testCreator>>) {
  const open = async (...acts: ((key: ConversationKey) => Promise<unknown>)[]) => {
    const key = await openTestConversation(db, creatorId);
    for (const act of acts) await act(key);
    return key;
  };
  const say = (text: string) => (key: ConversationKey) => send(key, text);
  return {
    start: await open(say('sleep')),
    asleep: await open(say('sleep'), say('7:00')),
    help: await open(say('sleep'), say('7:00'), say('I cannot sleep')),
    check: await open(say('sleep'), say('7:00'), fireNext),
    missed: await open(say('sleep'), say('7:00'), fireNext, fireNext),
    lost: await open(say('sleep'), say('7:00'), fireNext, fireNext, fireNext, fireNext),
  };
}

const stateOf = async (key: ConversationKey) => {
  const { state, programVersion } = await getConversation(db, key);
  return `${programVersion}:${state}`;
};

async function prepare(definition: Definition) {
  const creatorId = await testCreator(db);
  const programId = await publish(db, creatorId);
  const people = await everyState(creatorId);
  await addVersion(db, creatorId, programId, { definition, hash: contentHash(definition as never), at: evening });
  return { creatorId, programId, people };
}

async function moveTo(version: number, { creatorId, programId }: Awaited<ReturnType<typeof prepare>>) {
  const versions = versionsToMove(await planMigration(db, creatorId, programId, version));
  await addMigrations(db, creatorId, programId, version, versions, clock.wall());
  // Five seconds: as long as a node without news of the change takes to see it.
  clock.advance(5_000);
  return sweep(
    { db, mailboxes: runtime.mailboxes, ids: systemIds, log: quietLog },
    creatorId,
    programId,
    versions.map((one) => one.version),
  );
}

describe('a migration of people in every state', () => {
  it('has a second version that may be published', () => {
    expect(review(secondVersion('move')).findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(hasErrors(review(secondVersion('move', { missed: 'nowhere' })).findings)).toBe(true);
  });

  it('says beforehand who would land where, and changes nothing by that', async () => {
    const prepared = await prepare(secondVersion('move'));
    const groups = await planMigration(db, prepared.creatorId, prepared.programId, 2);
    expect(groups.map(({ state, people, how, lands }) => [state, people, how, lands])).toEqual([
      ['asleep', 1, 'stays', 'asleep'],
      ['check', 1, 'enters', 'morning.check'],
      ['help', 1, 'stays', 'help'],
      ['missed', 1, 'enters', 'morning.again'],
      ['start', 1, 'stays', 'start'],
    ]);
    expect(await stateOf(prepared.people.missed)).toBe('1:missed');
  });

  it('moves everybody at once, keeps questions, reconciles timers and enters what is new', async () => {
    const prepared = await prepare(secondVersion('move'));
    const { people } = prepared;
    const before = await getConversation(db, people.start);
    expect(await moveTo(2, prepared)).toBe(5);
    expect(await Promise.all(Object.values(people).map(stateOf))).toEqual([
      '2:start',
      '2:asleep',
      '2:help',
      '2:morning.check',
      '2:morning.again',
      '1:lost',
    ]);

    const start = await getConversation(db, people.start);
    expect(JSON.parse(start.snapshot ?? '')).toMatchObject({ question: { id: 'wake' }, machine: { vars: { nights: 0, mood: 3 } } });
    expect(start.timers.map(({ timerId }) => timerId)).toEqual(before.timers.map(({ timerId }) => timerId));
    // Ten hours instead of twenty are over: what was late under the new rule falls due now.
    expect(start.timers[0]?.dueAt.getTime()).toBe(clock.now());
    await send(people.start, '8:00');
    expect(await stateOf(people.start)).toBe('2:asleep');

    const turn = (await listTurns(db, people.missed, Number.MAX_SAFE_INTEGER, 100)).find(({ kind }) => kind === 'migrate');
    expect(turn?.trace).toMatchObject({ as: 'migrated', from: 'missed', to: 'morning.again', moved: { from: 1, to: 2, how: 'enters' } });
    const kept = await db.tenant(prepared.creatorId, (sql) =>
      sql<{ state: string; program_version: number }>(
        'select state, program_version from kept_snapshots where creator_id = $1 order by state',
        [prepared.creatorId],
      ),
    );
    expect(kept.map(({ state }) => state)).toEqual(['asleep', 'check', 'help', 'missed', 'start']);
  });

  it('waits for a quiet state where something is asked or being found out', async () => {
    const prepared = await prepare(secondVersion('next-quiet-state'));
    const { people } = prepared;
    await moveTo(2, prepared);
    expect(await stateOf(people.start)).toBe('1:start');
    expect(await stateOf(people.help)).toBe('1:help');
    expect(await stateOf(people.asleep)).toBe('2:asleep');
    await send(people.start, '7:30');
    expect(await stateOf(people.start)).toBe('2:asleep');
    expect((await messagesAfter(db, people.start, 0, 100)).map(({ body }) => body.text)).toContain('7:30');
  });

  it('is lazy: whoever was not reached goes over with their next turn', async () => {
    const prepared = await prepare(secondVersion('move'));
    const versions = versionsToMove(await planMigration(db, prepared.creatorId, prepared.programId, 2));
    await addMigrations(db, prepared.creatorId, prepared.programId, 2, versions, clock.wall());
    clock.advance(5_000);
    expect(await stateOf(prepared.people.check)).toBe('1:check');
    await fireNext(prepared.people.check);
    expect((await stateOf(prepared.people.check)).startsWith('2:morning')).toBe(true);
  });

  it('row 41: leaves everybody behind where the version says so', async () => {
    const prepared = await prepare(secondVersion('stay'));
    expect(await moveTo(2, prepared)).toBe(0);
    expect(await stateOf(prepared.people.asleep)).toBe('1:asleep');
  });

  it('goes back the way it came', async () => {
    const prepared = await prepare(secondVersion('move'));
    await moveTo(2, prepared);
    expect(await moveTo(1, prepared)).toBe(5);
    const { people } = prepared;
    expect(await Promise.all(Object.values(people).map(stateOf))).toEqual([
      '1:start',
      '1:asleep',
      '1:help',
      '1:check',
      '1:missed',
      '1:lost',
    ]);
    await send(people.missed, 'here I am');
    expect(await stateOf(people.missed)).toBe('1:asleep');
  });

  it('takes back exactly where people came from, what was asked and since when, and whoever has moved on by the map', async () => {
    // Two states become one: the map alone cannot tell them apart on the way back.
    const prepared = await prepare(secondVersion('move', { missed: 'morning.check', check: 'morning.check', start: 'asleep' }));
    const { people, creatorId, programId } = prepared;
    const of = async (key: ConversationKey) => {
      const { state, snapshot, timers } = await getConversation(db, key);
      const { question, offer, machine } = JSON.parse(snapshot ?? '');
      const dues = timers.map(({ timerId, dueAt }): [string, number] => [timerId, Math.max(clock.now(), dueAt.getTime())]);
      return { state, question, offer, value: machine.value, history: machine.history, dues };
    };
    const everybody = async () => {
      const all = Object.entries(people).map(async ([name, key]) => [name, await of(key)] as const);
      return Object.fromEntries(await Promise.all(all));
    };
    const seqs = () => Promise.all(Object.values(people).map(async (key) => (await getConversation(db, key)).seq));
    const before = await everybody();
    await moveTo(2, prepared);
    expect(await Promise.all([people.start, people.check, people.missed].map(stateOf))).toEqual([
      '2:asleep',
      '2:morning.check',
      '2:morning.check',
    ]);
    const said = await seqs();

    const plan = await planMigration(db, creatorId, programId, 1);
    expect(plan.map(({ state, people: count, how, lands }) => [state, count, how, lands])).toEqual([
      ['asleep', 1, 'restored', 'asleep'],
      ['asleep', 1, 'restored', 'start'],
      ['help', 1, 'restored', 'help'],
      ['morning.check', 1, 'restored', 'check'],
      ['morning.check', 1, 'restored', 'missed'],
    ]);
    expect(await moveTo(1, prepared)).toBe(5);
    const after = await everybody();
    const now = (dues: [string, number][]) => dues.map(([id, at]) => [id, Math.max(clock.now(), at)]);
    for (const [name, one] of Object.entries(before)) expect({ name, ...after[name] }).toEqual({ name, ...one, dues: now(one.dues) });
    expect(await seqs()).toEqual(said);
    await send(people.start, '7:45');
    expect(await stateOf(people.start)).toBe('1:asleep');

    await moveTo(2, prepared);
    await send(people.missed, 'a word');
    const moved = await stateOf(people.missed);
    await moveTo(1, prepared);
    expect([moved.startsWith('2:'), (await stateOf(people.missed)).startsWith('1:')]).toEqual([true, true]);
    const turns = await listTurns(db, people.check, Number.MAX_SAFE_INTEGER, 100);
    expect(turns.flatMap(({ trace }) => (trace as { moved?: { how: string } }).moved?.how ?? [])).toContain('restored');
  });

  it('is refused while anybody would have no state to be in', async () => {
    const { creatorId, programId } = await prepare(secondVersion('move', { check: 'morning.check' }));
    const groups = await planMigration(db, creatorId, programId, 2);
    expect(() => versionsToMove(groups)).toThrow(
      expect.objectContaining({ code: 'CONFLICT', details: { stranded: [{ version: 1, state: 'missed', people: 1 }] } }),
    );
  });
});
