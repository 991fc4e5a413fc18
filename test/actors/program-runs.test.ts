/** Programs that lead to other programs, and progress that is counted again, through the whole runtime with every snapshot restored on every turn. */
import { afterAll, describe, expect, it } from 'vitest';
import type { ConversationKey } from '../../src/actors/input.ts';
import { createPrograms } from '../../src/actors/live-programs.ts';
import { planMigration, versionsToMove } from '../../src/actors/migrations.ts';
import { accountOf, recountRunner } from '../../src/actors/recount.ts';
import { conversationAnswer } from '../../src/http/routes/conversation-answers.ts';
import { type CreatorId, systemIds } from '../../src/ids.ts';
import { contentHash } from '../../src/programs/hash.ts';
import { createMemoryFanOut } from '../../src/shared/memory.ts';
import { getConversation, messagesAfter } from '../../src/store/conversations.ts';
import { addMigrations } from '../../src/store/migrations.ts';
import { addVersion, getVersion, setLive } from '../../src/store/programs.ts';
import { forgetMessages } from '../../src/store/retention.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { evening, makeRuntime, openTestConversation, publish } from '../support/runtime.ts';
import { silentLog } from '../support/silent-log.ts';

const db = await testDatabase();
const clock = manualClock(evening);
const programs = createPrograms({ db, fanOut: createMemoryFanOut(() => undefined), clock, log: silentLog });
const runtime = makeRuntime(db, { clock, hotConversations: 0, runners: { recount: recountRunner({ db, programs }) } });
afterAll(() => runtime.stop());

const text = (words: string) => ({ en: { text: words } });
const say = (content: string) => ({ type: 'say', params: { content } });

/** A small program: a first message begins it where `entry` says nothing else. */
function program(id: string, states: object, parts: object = {}) {
  return {
    meta: { id, specVersion: 1, title: id, languages: ['en'], zone: 'UTC' },
    entry: [{ id: 'first', on: 'first-message' }],
    variables: { age: { type: 'number' } },
    content: { hello: text(`Hello from ${id}`), ask: text('How old are you?'), back: text('So you are {{ vars.age }}') },
    delays: { hour: { for: 'PT1H' }, week: { for: 'P7D' } },
    machine: { id, initial: 'start', states: { ...states, end: { type: 'final' } } },
    ...parts,
  };
}

let count = 0;
async function send(key: ConversationKey, words: string) {
  count += 1;
  await runtime.mailboxes.deliver(key, { id: `msg:${count}`, kind: 'message', messageId: systemIds.uuid(), text: words });
}

/** Lets everything run that is due. */
async function settle() {
  await runtime.timers.stop();
  await runtime.effects.stop();
  runtime.timers.start();
  runtime.effects.start();
  await runtime.timers.stop();
  await runtime.effects.stop();
}

const said = async (key: ConversationKey) =>
  (await messagesAfter(db, key, 0, 100)).flatMap(({ role, body }) => (role === 'coach' ? [body.text] : []));
const stateOf = async (key: ConversationKey) => (await getConversation(db, key)).state;

const waits = { on: { MESSAGE: 'end' }, after: { week: 'end' } };
const called = { entry: [{ id: 'other', on: 'program' }] };

describe('a program that starts another', () => {
  it.each([
    ['now', 'begun', ['Hello from first', 'Hello from second']],
    ['after-end', 'end', ['Hello from first']],
  ])('%s', async (mode, state, words) => {
    const creatorId = await testCreator(db);
    await publish(db, creatorId, program('second', { start: { entry: [say('hello')], always: 'begun' }, begun: waits }, called));
    const start = {
      entry: [say('hello'), { type: 'startProgram', params: { program: 'second', mode } }],
      on: { MESSAGE: 'end' },
      after: { week: 'end' },
    };
    await publish(db, creatorId, program('first', { start }));
    const key = await openTestConversation(db, creatorId);
    await send(key, 'hi');
    expect(await said(key)).toEqual(words);
    if (mode === 'now') expect(await stateOf(key)).toBe(state);
    await send(key, 'go on');
    expect(await said(key)).toEqual(['Hello from first', 'Hello from second']);
    expect(await stateOf(key)).toBe(mode === 'now' ? 'end' : 'begun');
  });

  it('lets a program that is entered once be entered once', async () => {
    const creatorId = await testCreator(db);
    const once = { entry: [{ id: 'other', on: 'program', reentry: 'never' }] };
    await publish(
      db,
      creatorId,
      program('second', { start: { entry: [say('hello')], on: { MESSAGE: 'end' }, after: { week: 'end' } } }, once),
    );
    const entry = [{ id: 'word', keywords: ['go'] }];
    await publish(
      db,
      creatorId,
      program('first', { start: { entry: [{ type: 'startProgram', params: { program: 'second' } }], ...waits } }, { entry }),
    );
    const key = await openTestConversation(db, creatorId);
    for (const words of ['go', 'end it', 'go', 'end it']) await send(key, words);
    expect(await said(key)).toEqual(['Hello from second']);
  });
});

describe('a program that runs another to its end', () => {
  const asking = program(
    'asking',
    {
      start: {
        entry: [{ type: 'ask', params: { content: 'ask', question: 'age', input: { type: 'number' }, saveTo: 'vars.age' } }],
        on: { ANSWER: 'end' },
        after: { week: 'end' },
      },
    },
    called,
  );
  const calling = program('calling', {
    start: {
      invoke: {
        src: 'program',
        input: { program: 'asking' },
        onDone: { target: 'knows', actions: [{ type: 'set', params: { age: 'event.output.data.age' } }] },
        onError: 'end',
      },
      on: { 'EVENT.remind': { actions: [say('hello')] } },
      after: { hour: 'late' },
    },
    knows: { entry: [say('back')], ...waits },
    late: waits,
  });

  async function begun() {
    const creatorId = await testCreator(db);
    const [caller, callee] = [await publish(db, creatorId, calling), await publish(db, creatorId, asking)];
    const key = await openTestConversation(db, creatorId);
    await send(key, 'hi');
    return { creatorId, caller, callee, key };
  }

  it('goes on with what it gives back, and is the conversation’s program again', async () => {
    const { key, caller, callee } = await begun();
    expect((await getConversation(db, key)).programId).toBe(callee);
    await runtime.mailboxes.deliver(key, { id: `event:${count}`, kind: 'event', name: 'remind', data: {} });
    await send(key, 'forty-two or so');
    await send(key, '42');
    expect(await said(key)).toEqual(['How old are you?', 'Hello from calling', 'Please write a number, such as 7.', 'So you are 42']);
    expect(await getConversation(db, key)).toMatchObject({ state: 'knows', status: 'active', programId: caller });
    expect((await getConversation(db, key)).timers.map(({ timerId }) => timerId)).toEqual(['xstate.after.week.conversation.program.knows']);
  });

  it('is seen beside the run that waits for it, which a migration counts', async () => {
    const { key, creatorId, caller } = await begun();
    const { conversation } = conversationAnswer(await getConversation(db, key));
    expect(conversation.waiting_runs).toEqual([
      { program_id: caller, program_version: 1, state: expect.any(String), variables: { age: 0 } },
    ]);
    const { definition } = await getVersion(db, creatorId, caller, 1);
    await addVersion(db, creatorId, caller, { definition, hash: 'two', at: clock.wall() });
    const [state] = conversation.waiting_runs.map((run) => run.state);
    expect(await planMigration(db, creatorId, caller, 2)).toMatchObject([{ version: 1, state, people: 1, waiting: true, how: 'stays' }]);
    expect(versionsToMove(await planMigration(db, creatorId, caller, 2))).toMatchObject([{ version: 1 }]);
  });

  it('has its own time limit fired by the pump while the other runs', async () => {
    const { key } = await begun();
    expect((await getConversation(db, key)).timers.map(({ timerId }) => timerId).sort()).toEqual([
      '1/xstate.after.week.conversation.program.start',
      'xstate.after.hour.conversation.program.start',
    ]);
    clock.advance(3_600_000);
    await settle();
    const { state, timers } = await getConversation(db, key);
    expect(state).toBe('late');
    expect(timers.map(({ timerId }) => timerId)).toEqual(['xstate.after.week.conversation.program.late']);
  });

  it('that was taken off line goes on from its version', async () => {
    const { key, creatorId, caller, callee } = await begun();
    await setLive(db, creatorId, caller, null, clock.wall());
    await setLive(db, creatorId, callee, null, clock.wall());
    clock.advance(6_000);
    await send(key, '42');
    expect(await stateOf(key)).toBe('knows');
  });
});

describe('progress under new rules', () => {
  const rules = (points: number) => ({
    progress: { points: [{ id: 'did', state: 'done', points }], milestones: { hundred: { points: 100 } } },
    machine: {
      id: 'earning',
      initial: 'start',
      states: { start: { on: { MESSAGE: 'done' }, after: { week: 'end' } }, done: { always: 'start' }, end: { type: 'final' } },
    },
  });
  const earned = async (creatorId: CreatorId, key: ConversationKey) => {
    const { contact } = await getConversation(db, key);
    const { stands, counted } = await accountOf({ db, programs }, creatorId, { contactId: contact.id });
    return { stands: stands.points, counted: counted.points, milestones: Object.keys(stands.milestones) };
  };

  it('is counted again from the record once, whatever comes meanwhile, and never paid twice', async () => {
    const creatorId = await testCreator(db);
    const programId = await publish(db, creatorId, program('earning', {}, rules(10)));
    const key = await openTestConversation(db, creatorId);
    for (const words of ['hi', 'one', 'two', 'three']) await send(key, words);
    expect(await earned(creatorId, key)).toEqual({ stands: 30, counted: 30, milestones: [] });

    const definition = program('earning', {}, rules(25));
    await addVersion(db, creatorId, programId, { definition, hash: contentHash(definition as never), at: clock.wall() });
    await setLive(db, creatorId, programId, 2, clock.wall());
    clock.advance(6_000);
    expect(await earned(creatorId, key)).toMatchObject({ stands: 30, counted: 75 });
    await addMigrations(db, creatorId, programId, 2, versionsToMove(await planMigration(db, creatorId, programId, 2)), clock.wall());
    clock.advance(6_000);
    // The first turn under the new rules plans the recount; the second comes before it has run.
    await send(key, 'four');
    await send(key, 'five');
    await settle();
    await settle();
    expect(await earned(creatorId, key)).toEqual({ stands: 125, counted: 125, milestones: ['hundred'] });
    const kinds = await db.tenant(creatorId, (sql) => sql<{ status: string }>("select status from effects where type = 'recount'"));
    expect(new Set(kinds.map(({ status }) => status))).toEqual(new Set(['done']));
    await send(key, 'six');
    await settle();
    expect(await earned(creatorId, key)).toMatchObject({ stands: 150, counted: 150 });
    // Words that are forgotten take nothing of what was earned with them.
    await db.tenant(creatorId, (sql) => forgetMessages(sql, new Date(clock.wall() + 1_000), 1_000));
    expect((await messagesAfter(db, key, 0, 100)).every(({ body }) => body.text === '')).toBe(true);
    expect(await earned(creatorId, key)).toMatchObject({ stands: 150, counted: 150 });
  });

  it('is counted by those that are live, whatever version a run follows, and again only for what the other rules gave', async () => {
    const creatorId = await testCreator(db);
    const programId = await publish(db, creatorId, program('earning', {}, rules(10)));
    const key = await openTestConversation(db, creatorId);
    for (const words of ['hi', 'one', 'two']) await send(key, words);
    const definition = program('earning', {}, rules(25));
    await addVersion(db, creatorId, programId, { definition, hash: contentHash(definition as never), at: clock.wall() });
    await setLive(db, creatorId, programId, 2, clock.wall());
    clock.advance(6_000);
    const recounts = async () => {
      await settle();
      const rows = await db.tenant(creatorId, (sql) => sql("select 1 from effects where type = 'recount'"));
      return rows.length;
    };
    const poke = (id: string) => runtime.mailboxes.deliver(key, { id, kind: 'event', name: 'nothing', data: {} });
    await poke('e:1');
    expect([await recounts(), await earned(creatorId, key)]).toMatchObject([1, { stands: 50, counted: 50 }]);
    for (const id of ['e:2', 'e:3', 'e:4']) await poke(id);
    expect(await recounts()).toBe(1);
    await send(key, 'three');
    expect([await recounts(), await earned(creatorId, key)]).toMatchObject([2, { stands: 75, counted: 75 }]);
  });
});
