/** What is damaged on purpose or called by names that mean something inside: set aside, told of, kept, and of no harm to others. */
import { register } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { ConversationKey, Input } from '../../src/actors/input.ts';
import { planMigration } from '../../src/actors/migrations.ts';
import type { Sql } from '../../src/database.ts';
import { getConversation, messagesAfter } from '../../src/store/conversations.ts';
import { addVersion } from '../../src/store/programs.ts';
import { extendLease, postponeEffect, takeUp } from '../../src/store/turns.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { sleepReset } from '../support/example.ts';
import { keptLog } from '../support/kept-log.ts';
import { evening, makeRuntime, openTestConversation, publish } from '../support/runtime.ts';
import { soon } from '../support/soon.ts';

const db = await testDatabase();
const message = (id: string, text = id): Input => ({ id: `msg:${id}`, kind: 'message', messageId: crypto.randomUUID(), text });
const texts = async (key: ConversationKey) => (await messagesAfter(db, key, 0, 100)).map(({ body }) => body.text);

/** A creator with the example live, and a conversation in it. */
async function begun() {
  const creatorId = await testCreator(db);
  const programId = await publish(db, creatorId);
  const key = await openTestConversation(db, creatorId);
  await makeRuntime(db).mailboxes.deliver(key, message('sleep'));
  return { creatorId, programId, key };
}

const inSnapshot =
  (part: object) =>
  (sql: Sql, { conversationId }: ConversationKey) =>
    sql('update conversations set snapshot = (snapshot::jsonb || $2::jsonb)::text where id = $1', [conversationId, JSON.stringify(part)]);
// As a record is that was put together by hand: with its constraints no such row comes about.
await db.owner((sql) => sql('alter table conversations drop constraint conversations_creator_id_program_id_program_version_fkey'));

/** What `/metrics` says of them. */
const setAsides = async () => (await register.getSingleMetric('companero_conversations_set_aside_total')?.get())?.values[0]?.value ?? 0;

describe('a conversation with', () => {
  it.each<[string, (sql: Sql, key: ConversationKey) => Promise<unknown>]>([
    [
      'a snapshot that is no JSON',
      (sql, { conversationId }) => sql(`update conversations set snapshot = '{"format":1' where id = $1`, [conversationId]),
    ],
    ['a snapshot of another format', inSnapshot({ format: 2 })],
    ['timers of another shape', inSnapshot({ timers: { x: 'soon' } })],
    [
      'a version of its program that nobody knows',
      (sql, { conversationId }) => sql('update conversations set program_version = 99 where id = $1', [conversationId]),
    ],
    [
      'a program that nobody knows',
      (sql, { conversationId }) => sql('update conversations set program_id = $2 where id = $1', [conversationId, crypto.randomUUID()]),
    ],
    ['a definition that cannot be read', (sql) => sql(`update program_versions set definition = '{"meta":{"specVersion":9}}'`)],
  ])('%s is set aside with its data kept and an alert, and others go on', async (_name, damage) => {
    const { creatorId, key } = await begun();
    const other = await openTestConversation(db, await testCreator(db));
    const before = (await getConversation(db, key)).snapshot;
    await db.tenant(creatorId, (sql) => damage(sql, key));
    const { snapshot } = await getConversation(db, key);
    const { log, lines } = keptLog();
    const { mailboxes } = makeRuntime(db, { log, hotConversations: 0 });
    const alarms = await setAsides();
    for (const id of ['a', 'b']) await expect(mailboxes.deliver(key, message(id))).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await getConversation(db, key)).toMatchObject({ status: 'set-aside', snapshot, seq: 3 });
    expect([before === null, await texts(key)]).toMatchObject([false, ['sleep', expect.any(String), expect.any(String)]]);
    expect(lines.filter((line) => line.includes('conversation.set-aside'))).toHaveLength(1);
    expect(await setAsides()).toBe(alarms + 1);
    expect(await mailboxes.deliver(other, message('hello'))).toEqual({ seq: 1 });
  });

  it('a state that its program does not have keeps what it says on record and is paused', async () => {
    const { creatorId, key } = await begun();
    const { machine } = JSON.parse((await getConversation(db, key)).snapshot ?? '');
    await db.tenant(creatorId, (sql) => inSnapshot({ machine: { ...machine, value: { ...machine.value, program: 'nowhere' } } })(sql, key));
    const { mailboxes } = makeRuntime(db, { hotConversations: 0 });
    for (let n = 0; n < 5; n += 1) await mailboxes.deliver(key, message(`m${n}`));
    expect(await getConversation(db, key)).toMatchObject({ control: 'paused', status: 'active' });
    expect(await texts(key)).toEqual(expect.arrayContaining(['m0', 'm4']));
  });
});

describe('what is set aside', () => {
  it('is taken from every node that has it in memory, its timers and effects wait, and it goes on where it was', async () => {
    const { creatorId, key } = await begun();
    const clock = manualClock(evening);
    const [reading, remembering] = [makeRuntime(db, { hotConversations: 0 }), makeRuntime(db, { clock })];
    await remembering.mailboxes.deliver(key, message('why', 'why do you ask?'));
    const { snapshot } = await getConversation(db, key);
    await db.tenant(creatorId, (sql) => inSnapshot({ format: 2 })(sql, key));
    await expect(reading.mailboxes.deliver(key, message('x'))).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(remembering.mailboxes.deliver(key, message('y'))).rejects.toMatchObject({ code: 'CONFLICT' });
    const [effect] = await db.tenant(creatorId, (sql) =>
      sql<{ id: string; attempts: number }>(`select id, attempts from effects where status = 'planned'`),
    );
    const claimed = { creator_id: creatorId, conversation_id: key.conversationId, id: effect?.id ?? '' };
    // Whoever runs it loses the lease.
    expect(await extendLease(db, claimed, effect?.attempts ?? 0, evening + 60_000)).toBe(false);
    await postponeEffect(db, claimed, effect?.attempts ?? 0, evening);
    const later = makeRuntime(db, { clock: manualClock(evening + 30 * 24 * 3_600_000) });
    later.timers.start();
    later.effects.start();
    await later.stop();
    expect([later.asked, await texts(key)]).toMatchObject([[], { length: 4 }]);
    await db.tenant(creatorId, (sql) => sql('update conversations set snapshot = $2 where id = $1', [key.conversationId, snapshot]));
    expect(await takeUp(db, key)).toBe(true);
    remembering.effects.start();
    await soon(async () => expect((await texts(key)).at(-1)).toBe('Nine hours.'));
    await remembering.stop();
  });

  it('does not keep a migration from being planned', async () => {
    const { creatorId, programId, key } = await begun();
    await db.tenant(creatorId, (sql) => sql(`update conversations set snapshot = '{ ' where id = $1`, [key.conversationId]));
    const whole = await openTestConversation(db, creatorId);
    await makeRuntime(db).mailboxes.deliver(whole, message('sleep'));
    await addVersion(db, creatorId, programId, { definition: sleepReset, hash: 'two', at: evening });
    expect(await planMigration(db, creatorId, programId, 2)).toMatchObject([{ how: 'stays', people: 2 }]);
  });
});

describe('names that mean something inside', () => {
  it.each<[string, Input]>([
    ['an event', { id: 'e:1', kind: 'event', name: 'xstate.done.actor.reply', data: {} }],
    ['an event of the control region', { id: 'e:2', kind: 'event', name: 'CONTROL.takeover', data: {} }],
    ['a start', { id: 's:1', kind: 'start', programSlug: 'xstate.init' }],
    ['a button', { id: 'b:1', kind: 'button', messageId: crypto.randomUUID(), messageSeq: 3, button: 'xstate.stop' }],
    ['a timer', { id: 'timer:xstate.init:1', kind: 'timer', timerId: 'xstate.init', generation: 1, dueAt: evening }],
    ['an effect', { id: 'effect:__proto__', kind: 'effect', effectId: '__proto__', outcome: 'done', result: {} }],
    ['words', { id: 'msg:xstate', kind: 'message', messageId: crypto.randomUUID(), text: 'xstate.done.actor.reply' }],
  ])('move nothing as %s', async (_name, input) => {
    const { key } = await begun();
    const before = await getConversation(db, key);
    await makeRuntime(db).mailboxes.deliver(key, input);
    expect(await getConversation(db, key)).toMatchObject({ state: before.state, control: 'bot', status: 'active' });
  });
});
