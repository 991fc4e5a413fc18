/** Simulations over HTTP: a script in, a dated transcript out, nothing kept. */
import { expect, test } from 'vitest';
import { testApp } from '../../support/app.ts';
import { manualClock } from '../../support/clock.ts';
import { testDatabase } from '../../support/database.ts';
import { sleepReset } from '../../support/example.ts';

const database = await testDatabase();
const { newMember } = await testApp(database, manualClock(Date.UTC(2026, 0, 1)));
const programs = '/api/v1/creators/programs';
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const { call } = await newMember();
const { program } = await read(await call('POST', programs, { definition: sleepReset }));
const path = `${programs}/${program.id}/simulations`;

test('a script gives its transcript with states, timers and decisions', async () => {
  const answer = await call('POST', path, {
    persona: { zone: 'Africa/Maputo', name: 'Ana' },
    start: '2026-10-20T20:00:00Z',
    steps: [
      { say: 'sleep' },
      { say: '7:00' },
      { advance: 'next' },
      { press: 'good' },
      { advance: 'P3D' },
      { expect: { state: 'nowhere' } },
    ],
  });
  expect(answer.status).toBe(200);
  const { transcript, ...end } = await read(answer);
  expect(transcript[0]).toEqual({ at: '2026-10-20T20:00:00.000Z', role: 'contact', class: 'inbound', text: 'sleep' });
  expect(transcript.filter((line: { role?: string }) => line.role === 'coach').map(({ text }: { text: string }) => text)).toEqual([
    'Welcome, Ana. For one week we look at your sleep together.',
    'When do you want to get up?',
    'Good morning. How was your night?',
    'Well done: night 1 of 7.',
    'Good morning. How was your night?',
    'I missed you yesterday. Shall we go on?',
  ]);
  const held = transcript
    .flatMap((line: { decisions?: { do: string }[] }) => line.decisions ?? [])
    .find((decision: { do: string }) => decision.do === 'hold');
  expect(held).toEqual({
    content: 'miss',
    class: 'nudge',
    do: 'hold',
    reason: 'quiet hours 21:30–06:30',
    until: '2026-10-23T04:30:00.000Z',
  });
  expect(end).toMatchObject({
    now: '2026-10-24T05:30:00.000Z',
    state: 'lost',
    status: 'ended',
    outcome: 'lost',
    variables: { nights: 1 },
    contact: { fields: { wakeTime: '07:00' }, progress: { points: 10 } },
    timers: [],
    failures: [{ step: 5, problem: 'The state is "lost", not "nowhere"' }],
    stopped: null,
  });
});

test('a version that is published is simulated without its draft', async () => {
  expect((await call('POST', path, { steps: [], version: 1 })).status).toBe(404);
  expect((await call('POST', `${programs}/${program.id}/publish`)).status).toBe(201);
  expect((await call('POST', path, { steps: [{ say: 'sleep' }], version: 1 })).status).toBe(200);
});

test('a clock that is turned for ever is stopped and says so', async () => {
  const definition = { ...sleepReset, delays: { ...sleepReset.delays, nextMorning: { for: 'PT1S' }, noReply: { for: 'PT1S' } } };
  const states = { ...sleepReset.machine.states, lost: { after: { noReply: 'asleep' } } };
  const endless = { ...definition, meta: { ...definition.meta, id: 'endless' }, machine: { ...sleepReset.machine, states } };
  const { program: draft } = await read(await call('POST', programs, { definition: endless }));
  const answer = await read(
    await call('POST', `${programs}/${draft.id}/simulations`, { steps: [{ say: 'sleep' }, { advance: 'P9999Y' }] }),
  );
  expect(answer.stopped).toBe('Cannot simulate more than 4000 turns');
});

test.each([
  ['no steps', {}],
  ['a step that is two', { steps: [{ say: 'a', press: 'b' }] }],
  ['an unknown step', { steps: [{ shout: 'a' }] }],
  ['a duration that is none', { steps: [{ advance: 'tomorrow' }] }],
  ['a start in the year 9999', { steps: [], start: '9999-01-01T00:00:00Z' }],
  ['a start that is no day', { steps: [], start: '2026-02-31T99:00:00Z' }],
  ['an unknown zone', { steps: [], persona: { zone: 'Mars/Olympus' } }],
  ['a persona with an unknown key', { steps: [], persona: { role: 'owner' } }],
  ['too many steps', { steps: new Array(1001).fill({ say: 'a' }) }],
  ['an endless number as a field', { steps: [], persona: { fields: { n: '__x'.repeat(2000) } } }],
])('%s is refused', async (_name, body) => {
  expect((await call('POST', path, body)).status).toBe(400);
});

test('nobody simulates the program of another creator', async () => {
  const stranger = await newMember();
  expect((await stranger.call('POST', path, { steps: [] })).status).toBe(404);
});

test('a script goes into the programs that this one starts', async () => {
  const owner = await newMember();
  const publish = async (definition: { meta: { id: string } }) => {
    const added = await read(await owner.call('POST', programs, { definition }));
    const { version } = await read(await owner.call('POST', `${programs}/${added.program.id}/publish`));
    await owner.call('POST', `${programs}/${added.program.id}/versions/${version}/live`);
    return `${programs}/${added.program.id}`;
  };
  const small = {
    meta: { id: 'before', specVersion: 1, title: 'Before', languages: ['en'] },
    entry: [{ id: 'first', on: 'first-message' }],
    content: { back: { en: { text: 'You slept {{ vars.nights }} nights' } } },
    variables: { nights: { type: 'number' } },
    delays: { year: { for: 'P365D' } },
    machine: {
      id: 'before',
      initial: 'sleeping',
      states: {
        sleeping: {
          invoke: {
            src: 'program',
            input: { program: 'sleep-reset', input: { nights: '6' } },
            onDone: { target: 'end', actions: [{ type: 'set', params: { nights: 'event.output.data.nights' } }] },
            onError: 'end',
          },
          after: { year: 'end' },
        },
        end: { entry: [{ type: 'say', params: { content: 'back' } }], type: 'final' },
      },
    },
  };
  const alone = await publish(small);
  const steps = [{ say: 'hello' }, { say: '7:00' }, { advance: 'next' }, { press: 'good' }];
  expect(await read(await owner.call('POST', `${alone}/check`))).toMatchObject({
    findings: [{ severity: 'warning', code: 'unknown-name', pointer: '/machine/states/sleeping/invoke/input/program' }],
  });
  expect(await read(await owner.call('POST', `${alone}/simulations`, { steps }))).toMatchObject({
    status: 'ended',
    variables: { nights: 0 },
  });
  await publish(sleepReset);
  expect(await read(await owner.call('POST', `${alone}/check`))).toEqual({ findings: [] });
  const { transcript, ...end } = await read(await owner.call('POST', `${alone}/simulations`, { steps }));
  expect(end).toMatchObject({ status: 'ended', state: 'end', variables: { nights: 7 } });
  expect(transcript.findLast((line: { text?: string }) => line.text !== undefined).text).toBe('You slept 7 nights');
  const forecast = await read(await owner.call('POST', `${alone}/forecasts`, { personas: 5, days: 10 }));
  expect(forecast.messages_per_day[0]).toBeGreaterThan(10);
});
