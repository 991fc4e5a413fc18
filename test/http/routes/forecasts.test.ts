/** Forecasts, replays and migrations over HTTP. */
import { afterAll, expect, test } from 'vitest';
import { testApp } from '../../support/app.ts';
import { manualClock } from '../../support/clock.ts';
import { testDatabase } from '../../support/database.ts';
import { sleepReset } from '../../support/example.ts';
import { evening, makeRuntime, openTestConversation } from '../../support/runtime.ts';

const database = await testDatabase();
const clock = manualClock(evening);
const runtime = makeRuntime(database, { clock });
afterAll(() => runtime.stop());
const { newMember } = await testApp(database, clock, { mailboxes: runtime.mailboxes });
const programs = '/api/v1/creators/programs';
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();

async function published() {
  const owner = await newMember();
  const { program } = await read(await owner.call('POST', programs, { definition: sleepReset }));
  const path = `${programs}/${program.id}`;
  await owner.call('POST', `${path}/publish`);
  await owner.call('POST', `${path}/versions/1/live`);
  return { ...owner, path };
}

test('a forecast is the same for the same seed, and tells its progress to whoever listens', async () => {
  const { call, path } = await published();
  const question = { personas: 20, days: 7, seed: 3, zones: ['Asia/Tokyo'] };
  const answer = await call('POST', `${path}/forecasts`, question);
  expect(answer.status).toBe(200);
  const forecast = await read(answer);
  expect(forecast).toMatchObject({ personas: 20, days: 7, seed: 3, failures: 0, stopped: 0 });
  const events = await (await call('POST', `${path}/forecasts`, question, { Accept: 'text/event-stream' })).text();
  expect(events).toContain('event: progress\ndata: {"done":20,"of":20}');
  expect(JSON.parse(/event: forecast\ndata: (.*)/.exec(events)?.[1] ?? '')).toEqual(forecast);
});

test.each([
  ['too many people', { personas: 2_001 }],
  ['no people', { personas: 0 }],
  ['too many days', { days: 91 }],
  ['an unknown zone', { zones: ['Mars/Olympus'] }],
  ['a seed that is no number', { seed: 'x' }],
  ['an unknown key', { people: 3 }],
])('a forecast for %s is refused', async (_name, body) => {
  const { call, path } = await published();
  expect((await call('POST', `${path}/forecasts`, body)).status).toBe(400);
});

test('a draft is replayed against what people did, and they are taken over to it and back', async () => {
  const { call, path, creatorId } = await published();
  const key = await openTestConversation(database, creatorId);
  for (const text of ['sleep', '7:00']) {
    await runtime.mailboxes.deliver(key, { id: `msg:${text}`, kind: 'message', messageId: crypto.randomUUID(), text });
  }
  expect(await read(await call('POST', `${path}/replays`, {}))).toEqual({
    conversations: 1,
    different: 0,
    differences: [],
    failures: 0,
    stopped: 0,
  });

  const { asleep, ...states } = sleepReset.machine.states;
  const machine = JSON.parse(
    JSON.stringify({ ...sleepReset.machine, states: { ...states, resting: asleep } }).replaceAll('"asleep"', '"resting"'),
  );
  const content = { ...sleepReset.content, 'ask-wake': { en: { text: 'When is your morning?' } } };
  const changed = { ...sleepReset, content, machine, migrations: [{ from: 1, states: { asleep: 'resting' }, policy: 'move' }] };
  const draft = await call('PUT', path, { definition: changed }, { 'If-Match': '"1"' });
  expect(draft.status).toBe(200);
  const replayed = await read(await call('POST', `${path}/replays`, { conversations: 10 }));
  expect(replayed).toMatchObject({
    conversations: 1,
    different: 1,
    differences: [{ before: 'When do you want to get up?', after: 'When is your morning?' }],
  });

  expect((await call('POST', `${path}/publish`)).status).toBe(201);
  const plan = {
    people: [{ version: 1, state: 'asleep', people: 1, how: 'enters', lands: 'resting', policy: 'move', missing: [], waiting: false }],
    moving: 1,
  };
  const dry = await call('POST', `${path}/versions/2/migrations?dryRun=true`);
  expect([dry.status, await read(dry)]).toEqual([200, plan]);
  const conversation = `/api/v1/creators/conversations/${key.conversationId}`;
  const stateOf = async () => (await read(await call('GET', conversation))).conversation;
  expect(await stateOf()).toMatchObject({ state: 'asleep' });

  expect((await call('POST', `${path}/versions/2/migrations`)).status).toBe(409);
  await call('POST', `${path}/versions/2/live`);
  const moved = await call('POST', `${path}/versions/2/migrations`);
  expect([moved.status, await read(moved)]).toEqual([202, plan]);
  clock.advance(5_000);
  await runtime.mailboxes.deliver(key, { id: 'migrate:test', kind: 'migrate' });
  expect(await stateOf()).toMatchObject({ state: 'resting' });
  await call('POST', `${path}/versions/1/live`);
  expect((await call('POST', `${path}/versions/1/migrations`)).status).toBe(202);
  clock.advance(5_000);
  await runtime.mailboxes.deliver(key, { id: 'migrate:back', kind: 'migrate' });
  expect(await stateOf()).toMatchObject({ state: 'asleep' });
});

test('nobody is stranded, and nobody migrates the people of another creator', async () => {
  const { call, path, creatorId } = await published();
  const key = await openTestConversation(database, creatorId);
  await runtime.mailboxes.deliver(key, { id: 'msg:a', kind: 'message', messageId: crypto.randomUUID(), text: 'sleep' });
  const { start, ...states } = sleepReset.machine.states;
  await call(
    'PUT',
    path,
    { definition: { ...sleepReset, machine: { ...sleepReset.machine, initial: 'begin', states: { ...states, begin: start } } } },
    { 'If-Match': '"1"' },
  );
  expect((await call('POST', `${path}/publish`)).status).toBe(201);
  const refused = await call('POST', `${path}/versions/2/migrations`);
  expect(refused.status).toBe(409);
  expect((await read(refused)).error.details).toEqual({ stranded: [{ version: 1, state: 'start', people: 1 }] });
  expect((await call('POST', `${path}/versions/3/migrations`)).status).toBe(404);
  expect((await call('POST', `${path}/versions/2/migrations?dryRun=yes`)).status).toBe(400);
  const stranger = await newMember();
  for (const rest of ['versions/2/migrations', 'forecasts', 'replays'])
    expect((await stranger.call('POST', `${path}/${rest}`, {})).status).toBe(404);
});
