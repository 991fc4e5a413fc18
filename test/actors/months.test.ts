/** Timers for months: armed once, kept through restarts, moved with what they count from, and no storm after a night without a server. */
import { afterEach, describe, expect, it } from 'vitest';
import type { ConversationKey, Input } from '../../src/actors/input.ts';
import type { ContactId, ConversationId, SessionId } from '../../src/ids.ts';
import { check } from '../../src/programs/check.ts';
import type { Definition } from '../../src/programs/definition.ts';
import { type ContactPatch, patchContact } from '../../src/store/contacts.ts';
import { getConversation, messagesAfter, openConversation } from '../../src/store/conversations.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { evening, makeRuntime, openTestConversation, publish, type TestRuntime } from '../support/runtime.ts';
import { soon } from '../support/soon.ts';

const db = await testDatabase();
const hour = 3_600_000;

const running: TestRuntime[] = [];
/** A server that starts at an instant. */
function serverAt(at: number): TestRuntime {
  const runtime = makeRuntime(db, { clock: manualClock(at) });
  running.push(runtime);
  return runtime;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((runtime) => runtime.stop()));
});

const say = (content: string) => ({ type: 'say', params: { content } });
const message = (text: string): Input => ({ id: `msg:${crypto.randomUUID()}`, kind: 'message', messageId: crypto.randomUUID(), text });

/** A program in Lisbon, found right in its shape, that speaks its states' names. */
function lisbon(parts: object): Definition {
  const { definition, findings } = check({
    meta: { id: 'months', specVersion: 1, title: 'Months', languages: ['en'], zone: 'Europe/Lisbon' },
    entry: [{ id: 'first', on: 'first-message' }],
    content: { one: { en: { text: 'One' } }, two: { en: { text: 'Two' } }, three: { en: { text: 'Three' } } },
    ...parts,
  });
  if (!definition) throw new Error(JSON.stringify(findings));
  return definition;
}

/** Waits for one delay and says one thing. */
const waits = (delay: object, parts: object = {}) =>
  lisbon({
    delays: { wait: delay },
    machine: {
      id: 'months',
      initial: 'start',
      states: { start: { after: { wait: 'told' } }, told: { entry: [say('one')], on: { MESSAGE: 'told' }, meta: { timeout: 'none' } } },
    },
    ...parts,
  });

async function begin(definition: Definition, count = 1): Promise<ConversationKey[]> {
  const creatorId = await testCreator(db);
  await publish(db, creatorId, definition);
  const keys = await Promise.all(Array.from({ length: count }, () => openTestConversation(db, creatorId)));
  const node = serverAt(evening);
  await Promise.all(keys.map((key) => node.mailboxes.deliver(key, message('hi'))));
  return keys;
}

const said = async (key: ConversationKey) =>
  (await messagesAfter(db, key, 0, 100)).filter(({ role }) => role === 'coach').map(({ body }) => body.text);
const due = async (key: ConversationKey) => (await getConversation(db, key)).timers[0]?.dueAt.toISOString();

/** A member changes the contact, as the API does. */
async function change(key: ConversationKey, node: TestRuntime, patch: ContactPatch): Promise<void> {
  const { contactId } = await getConversation(db, key);
  const { version } = await patchContact(db, key.creatorId, contactId as ContactId, patch, node.clock.now());
  await node.mailboxes.deliver(key, { id: `contact:${version}`, kind: 'event', name: 'contact-changed', data: {} });
}

/** Servers one after the other, each for an hour, at these instants. */
async function serve(...instants: readonly number[]): Promise<void> {
  for (const at of instants) {
    const node = serverAt(at);
    node.timers.start();
    await node.timers.stop();
  }
}

describe('a timer that is months away', () => {
  it('keeps the local time over daylight saving, and fires once, on whatever server runs then', async () => {
    const [key] = (await begin(waits({ for: 'P3M' }))) as [ConversationKey];
    // 21:00 in Lisbon, where summer time ends in between.
    const at = Date.UTC(2027, 0, 20, 21);
    expect(await due(key)).toBe(new Date(at).toISOString());
    await serve(Date.UTC(2026, 10, 20), Date.UTC(2026, 11, 24), at - 1_000);
    expect(await said(key)).toEqual([]);
    await Promise.all([serve(at), serve(at + 500)]);
    await serve(at + 40_000);
    expect(await said(key)).toEqual(['One']);
  });

  it('goes with the field it counts from and with the zone, as often as they are edited', async () => {
    const definition = waits({ field: 'visit', time: '09:00', plus: 'P7D' }, { fields: { visit: { type: 'date' } } });
    const [key] = (await begin(definition)) as [ConversationKey];
    const node = serverAt(Date.UTC(2026, 10, 1));
    await change(key, node, { fields: { visit: '2027-03-25' } });
    // Seven days later summer time has begun.
    expect(await due(key)).toBe('2027-04-01T08:00:00.000Z');
    await change(key, node, { zone: 'America/New_York' });
    expect(await due(key)).toBe('2027-04-01T13:00:00.000Z');
    await change(key, node, { fields: { visit: '2027-06-01' } });
    expect(await due(key)).toBe('2027-06-08T13:00:00.000Z');
    await serve(Date.UTC(2027, 3, 2), Date.UTC(2027, 5, 8, 12, 59, 59));
    expect(await said(key)).toEqual([]);
    await serve(Date.UTC(2027, 5, 8, 13));
    expect(await said(key)).toEqual(['One']);
  });
});

it('goes with the contact in every conversation of theirs, whichever of them heard of the change', async () => {
  const moving = waits({ field: 'visit', time: '09:00' }, { fields: { visit: { type: 'date' } } });
  const { states } = moving.machine;
  const told = { actions: [{ type: 'setField', params: { zone: '"America/New_York"', visit: '"2027-06-01"' } }] };
  const creatorId = await testCreator(db);
  await publish(db, creatorId, {
    ...moving,
    machine: { ...moving.machine, on: { 'EVENT.moved': told, 'EVENT.contact-changed': told }, states },
  });
  const ids = { creatorId, channel: 'telegram', externalId: 'ana', at: evening };
  const keys: ConversationKey[] = [];
  for (let n = 0; n < 2; n += 1) {
    const [sessionId, conversationId] = [crypto.randomUUID() as SessionId, crypto.randomUUID() as ConversationId];
    await openConversation(db, { ...ids, sessionId, conversationId, contactId: crypto.randomUUID() as ContactId });
    keys.push({ creatorId, conversationId });
  }
  const [here, there] = keys as [ConversationKey, ConversationKey];
  const node = serverAt(evening);
  for (const key of keys) await node.mailboxes.deliver(key, message('hi'));
  await node.mailboxes.deliver(here, { id: 'e:moved', kind: 'event', name: 'moved', data: {} });
  await soon(async () => expect([await due(here), await due(there)]).toEqual(['2027-06-01T13:00:00.000Z', '2027-06-01T13:00:00.000Z']));
  // The other program answers with a change of its own, and that is the end of it.
  const { version } = await getConversation(db, here);
  for (let n = 0; n < 20; n += 1) await db.routing('select 1');
  expect((await getConversation(db, here)).version).toBe(version);
});

describe('a server that was off for a night', () => {
  const people = 15;

  /** Three delays that fall due in the small hours. */
  const small = (rule: object, parts: object = {}) => {
    const region = (name: string) => ({
      initial: 'waiting',
      states: {
        waiting: { after: { [name]: 'told' } },
        told: { entry: [say(name)], on: { MESSAGE: 'told' }, meta: { timeout: 'none' } },
      },
    });
    return lisbon({
      delays: { one: { for: 'PT5H', ...rule }, two: { for: 'PT6H', ...rule }, three: { for: 'PT7H', ...rule } },
      machine: {
        id: 'months',
        initial: 'all',
        states: { all: { type: 'parallel', states: { a: region('one'), b: region('two'), c: region('three') } } },
      },
      ...parts,
    });
  };
  /** Nine in the morning in Lisbon, eight hours after the first fell due. */
  const morning = evening + 12 * hour;

  /** Starts again in the morning and lets ten minutes pass; gives what each was told. */
  async function wakeUp(keys: readonly ConversationKey[]): Promise<string[][]> {
    const node = serverAt(morning);
    node.timers.start();
    for (let minute = 0; minute < 10; minute += 1) {
      await soon(async () => {
        // What was set to be called at once is called when the clock is turned.
        node.clock.advance(0);
        for (const key of keys) {
          const { timers } = await getConversation(db, key);
          expect(timers.filter(({ dueAt }) => dueAt.getTime() <= node.clock.now())).toEqual([]);
        }
      });
      node.clock.advance(60_000);
    }
    await node.timers.stop();
    return Promise.all(keys.map(said));
  }

  it.each([
    ['joins what is late into one message', { late: { after: 'PT1H', do: 'fold' } }, {}, ['One\n\nTwo\n\nThree']],
    ['leaves out what is late', { late: { after: 'PT1H', do: 'skip' } }, {}, []],
    ['keeps to the cap of each contact', {}, { policies: { caps: { nudge: { max: 1, per: 'P1D' } } } }, ['One']],
  ])('%s', async (_name, rule, parts, expected) => {
    const told = await wakeUp(await begin(small(rule, parts), people));
    expect(told).toEqual(Array.from({ length: people }, () => expected));
  });
});
