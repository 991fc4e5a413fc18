import { describe, expect, it } from 'vitest';
import type { Conversation, NewEffect } from '../../src/actors/conversation.ts';
import type { Input } from '../../src/actors/input.ts';
import { receive } from '../../src/actors/receive.ts';
import { createSimulation } from '../../src/actors/simulate.ts';
import { check } from '../../src/programs/check.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Definition } from '../../src/programs/definition.ts';

const start = Date.UTC(2026, 10, 21, 10);
const text = (words: string) => ({ en: { text: words } });

/** A small program of one's own, found right in its shape. */
function tiny(states: object, parts: object = {}): Definition {
  const { definition, findings } = check({
    meta: { id: 'tiny', specVersion: 1, title: 'Tiny', languages: ['en'], zone: 'Europe/Lisbon' },
    entry: [{ id: 'first', on: 'first-message', reentry: 'never' }],
    content: { hello: text('Hello'), asked: text('When?'), hinted: text('Like this: tomorrow') },
    delays: { day: { for: 'P1D' }, soon: { between: ['PT1H', 'PT3H'] } },
    machine: { id: 'tiny', initial: 'start', states: { ...states, end: { type: 'final' } } },
    ...parts,
  });
  if (!definition) throw new Error(JSON.stringify(findings));
  return definition;
}

function running(definition: Definition, first = 'hi') {
  const simulation = createSimulation(compile(definition), {}, start);
  simulation.say(first);
  return simulation;
}

function take(definition: Definition, conversation: Conversation, input: Input, now = start + 1000) {
  return receive(conversation, input, { now, generation: conversation.version + 1, current: compile(definition), live: [] });
}

const finished = (effect: NewEffect | undefined, output: object, outcome: 'done' | 'failed' = 'done'): Input => ({
  id: `effect:${effect?.id}`,
  kind: 'effect',
  effectId: effect?.id ?? '',
  outcome,
  result: { output: output as never },
});

/** Starts a definition by its first message and gives the first turn. */
function first(definition: Definition) {
  const simulation = createSimulation(compile(definition), {}, start);
  const live = [{ id: '00000000-0000-7000-8000-000000000001' as never, version: 1, program: compile(definition) }];
  const said: Input = { id: 'msg:1', kind: 'message', messageId: '1', text: 'hi there' };
  return receive(simulation.conversation(), said, { now: start, generation: 1, current: null, live });
}

describe('a delay between two durations', () => {
  const waits = tiny({ start: { after: { soon: 'end' } } });

  it('is drawn once, the same for each try of an input', () => {
    const dues = [first(waits), first(waits)].map(({ timersSet }) => (timersSet[0]?.dueAt ?? 0) - start);
    expect(dues[0]).toBe(dues[1]);
    expect(dues[0]).toBeGreaterThanOrEqual(3_600_000);
    expect(dues[0]).toBeLessThanOrEqual(3 * 3_600_000);
  });
});

describe('a trial', () => {
  const guard = (is: string) => ({ type: 'bucket', params: { salt: 's', weights: { a: 1, b: 1 }, is } });
  const split = tiny({
    start: { always: [{ guard: guard('a'), target: 'a' }, { target: 'b' }] },
    a: { on: { MESSAGE: 'end' }, meta: { timeout: 'none' } },
    b: { on: { MESSAGE: 'end' }, meta: { timeout: 'none' } },
  });

  it('keeps the bucket a contact was drawn into', () => {
    const { contact, state } = running(split).conversation();
    expect(contact.progress.buckets).toEqual({ s: state });
  });
});

describe('what is told to people and services', () => {
  const tells = tiny({
    start: {
      entry: [
        { type: 'notify', params: { content: 'hello' } },
        { type: 'emit', params: { event: 'joined', data: { at: 'now.date' } } },
      ],
      after: { day: 'end' },
    },
  });

  it('is planned as effects, in order', () => {
    expect(first(tells).effects.map(({ type, params }) => ({ type, params }))).toEqual([
      { type: 'event', params: { event: 'notification', data: { content: 'hello', text: 'Hello' } } },
      { type: 'event', params: { event: 'joined', data: { data: { at: '2026-11-21' } } } },
    ]);
  });
});

describe('words that are valid everywhere', () => {
  const waits = { start: { on: { 'EVENT.x': 'end' }, meta: { timeout: 'none' } } };

  it.each([
    [{}, 'You can write STOP to get no more messages, RESTART to begin again, or HUMAN to talk to a person.'],
    [{ global: { help: { content: 'hinted' } } }, 'Like this: tomorrow'],
  ])('help is given in words of the program or in ours', (parts, words) => {
    const simulation = running(tiny(waits, parts));
    simulation.say('Help!');
    expect(simulation.outbound().at(-1)).toMatchObject({ class: 'reply', body: { text: words } });
    expect(simulation.conversation()).toMatchObject({ state: 'start', snapshot: { control: 'bot' } });
  });

  it('help is no more than a word while a person has control', () => {
    const simulation = running(tiny(waits));
    simulation.control('takeover');
    simulation.say('help');
    expect(simulation.outbound()).toEqual([]);
  });

  it.each([
    ['human', 'asked'],
    ['I want to end it all', 'crisis'],
  ])('%s calls a person, who hears why', (words, reason) => {
    const definition = tiny(waits, { global: { crisis: { words: ['end it all'] } } });
    const said: Input = { id: 'msg:2', kind: 'message', messageId: '2', text: words };
    const turn = take(definition, running(definition).conversation(), said);
    expect(turn.trace.handoff).toEqual({ reason, queue: null });
    expect(turn.effects).toMatchObject([{ type: 'event', params: { event: 'handoff', data: { reason, queue: null } } }]);
    expect(turn.next.snapshot.control).toBe('human');
  });
});

describe('a handoff', () => {
  it('says why and to whom', () => {
    const definition = tiny({
      start: {
        entry: [{ type: 'handoff', params: { reason: 'knee pain', queue: 'physio' } }],
        on: { MESSAGE: 'end' },
        after: { day: 'end' },
      },
    });
    const turn = first(definition);
    expect(turn.trace.handoff).toEqual({ reason: 'knee pain', queue: 'physio' });
    expect(turn.effects).toMatchObject([{ params: { event: 'handoff', data: { reason: 'knee pain', queue: 'physio' } } }]);
  });
});

describe('a transition without a target', () => {
  it.each([
    ['says something', { actions: [{ type: 'say', params: { content: 'hello' } }] }, ['Hello']],
    ['does nothing', {}, []],
  ])('that %s takes the message: the documents are not asked as well', (_name, transition, words) => {
    const simulation = running(tiny({ start: { on: { MESSAGE: transition }, after: { day: 'end' } } }));
    simulation.say('a word');
    expect(simulation.outbound().map(({ body }) => body.text)).toEqual(words);
    expect(simulation.transcript().at(-1)).toMatchObject({ as: 'MESSAGE', state: 'start' });
  });

  it('whose guard does not hold leaves it to whatever comes next', () => {
    const never = { guard: { type: 'when', params: { expr: 'false' } }, actions: [] };
    const simulation = running(tiny({ start: { on: { MESSAGE: never }, after: { day: 'end' } } }));
    simulation.say('a word');
    expect(simulation.outbound().map(({ body }) => body.text)).toEqual(['(an answer from the documents)']);
  });
});

describe('every event of a kind', () => {
  it('is waited for with a star, which takes nothing else', () => {
    const simulation = running(tiny({ start: { on: { 'EVENT.*': 'end' }, meta: { timeout: 'none' } } }));
    simulation.say('hello?');
    simulation.control('takeover');
    simulation.control('release');
    expect(simulation.conversation().state).toBe('start');
    simulation.tell('anything', {});
    expect(simulation.conversation().state).toBe('end');
  });
});

describe('an invoke', () => {
  const ways = { onDone: 'end', onError: 'failed' };
  const failed = { on: { MESSAGE: 'end' }, meta: { timeout: 'none' } };
  const asking = (invoke: object, parts: object = {}) =>
    tiny(
      { start: { invoke: { ...invoke, ...ways }, after: { day: 'end' } }, failed },
      { variables: { plan: { type: 'text' }, age: { type: 'number' } }, ...parts },
    );

  it('of a model keeps values of the declared type', () => {
    const definition = asking({ src: 'extract', input: { text: 'I am {{ 40 + 2 }}', into: ['vars.age'] } });
    const turn = first(definition);
    expect(turn.effects).toMatchObject([{ type: 'model', params: { task: 'extract', text: 'I am 42', fields: { 'vars.age': 'number' } } }]);
    const done = take(definition, turn.next, finished(turn.effects[0], { data: { 'vars.age': 42 } }));
    expect(done.next).toMatchObject({ state: 'end', snapshot: { machine: { vars: { age: 42 } } } });
    const wrong = take(definition, turn.next, finished(turn.effects[0], { data: { 'vars.age': 'old' } }));
    expect(wrong.next).toMatchObject({ state: 'failed', snapshot: { machine: { vars: { age: 0 } } } });
  });

  it('that fails goes the way of errors', () => {
    const definition = asking({ src: 'classify', input: { text: 'x', labels: ['good', 'bad'] } });
    const turn = first(definition);
    expect(take(definition, turn.next, finished(turn.effects[0], {}, 'failed')).next.state).toBe('failed');
  });

  it('over http escapes what it puts into the address and maps the answer', () => {
    const input = { url: 'https://api.example.org/plans/{{ "a/b?c" }}', map: { 'vars.plan': 'event.output.data.plan' } };
    const definition = asking({ src: 'http', input });
    const turn = first(definition);
    expect(turn.effects).toMatchObject([{ type: 'http', params: { url: 'https://api.example.org/plans/a%2Fb%3Fc' } }]);
    const done = take(definition, turn.next, finished(turn.effects[0], { status: 200, data: { plan: 'gold' } }));
    expect(done.next).toMatchObject({ state: 'end', snapshot: { machine: { vars: { plan: 'gold' } } } });
    expect(take(definition, turn.next, finished(turn.effects[0], { status: 200, data: null })).next.state).toBe('failed');
  });

  it('of a person waits for their word and leaves the program in control', () => {
    const definition = asking({ src: 'person', input: { question: 'May they?' } });
    const turn = first(definition);
    expect(turn.effects).toMatchObject([{ type: 'event', params: { event: 'question', data: { question: 'May they?' } } }]);
    const asked = take(definition, turn.next, finished(turn.effects[0], {}));
    expect(asked.next).toMatchObject({ state: 'start', snapshot: { control: 'bot' } });
    const answered = take(definition, asked.next, { id: 'e', kind: 'event', name: 'person-answered', data: { text: 'Yes' } });
    expect(answered.next.state).toBe('end');
  });
});

describe('a question', () => {
  const ask = (input: object, parts: object = {}) =>
    tiny(
      {
        start: {
          entry: [{ type: 'ask', params: { content: 'asked', question: 'q', input, saveTo: 'vars.day', hint: 'hinted' } }],
          on: { ANSWER: 'end' },
          after: { day: 'end' },
        },
      },
      { variables: { day: { type: 'text' } }, ...parts },
    );

  it('takes a day named from today, and says its hint to what is none', () => {
    const simulation = running(ask({ type: 'date' }));
    simulation.say('dunno');
    expect(simulation.outbound().at(-1)?.body.text).toBe('Like this: tomorrow');
    simulation.say('tomorrow');
    expect(simulation.conversation()).toMatchObject({ state: 'end', snapshot: { machine: { vars: { day: '2026-11-22' } } } });
  });

  it('may be skipped, and keeps nothing then', () => {
    const simulation = running(ask({ type: 'date', skip: true }));
    simulation.say('skip');
    expect(simulation.conversation()).toMatchObject({ state: 'end', snapshot: { machine: { vars: { day: '' } } } });
  });

  it('takes a file that comes without words', () => {
    const definition = ask({ type: 'image' });
    const attachments = [{ id: 'f1', kind: 'image' as const, type: 'image/png', name: 'x.png', bytes: 3 }];
    const sent = take(definition, running(definition).conversation(), { id: 'm', kind: 'message', messageId: 'm', text: '', attachments });
    expect(sent.next).toMatchObject({ state: 'end', snapshot: { machine: { vars: { day: 'f1' } } } });
  });
});

describe('a point of the calendar', () => {
  const told = (calendar: object, on: object = {}) =>
    tiny(
      { start: { on: { ...on }, meta: { timeout: 'none' } } },
      {
        calendar: { weekly: calendar },
        fields: { birthday: { type: 'date' } },
        machine: {
          id: 'tiny',
          initial: 'start',
          on: { 'CALENDAR.weekly': { actions: [{ type: 'say', params: { content: 'hello' } }] } },
          states: {
            start: {
              on: { 'EVENT.x': { actions: [{ type: 'setField', params: { birthday: '"2026-12-24"' } }] } },
              meta: { timeout: 'none' },
            },
          },
        },
      },
    );

  it('recurs by its rule at the local time, across daylight saving', () => {
    const simulation = running(told({ rrule: 'FREQ=WEEKLY;BYDAY=MO', start: '2027-03-15', localTime: '09:00' }));
    simulation.advance('P20W');
    const times = simulation
      .transcript()
      .flatMap((line) => ('message' in line && line.message.role === 'coach' ? [new Date(line.at).toISOString()] : []));
    expect(times).toEqual(['2027-03-15T09:00:00.000Z', '2027-03-22T09:00:00.000Z', '2027-03-29T08:00:00.000Z', '2027-04-05T08:00:00.000Z']);
  });

  it('is armed when the field it counts from becomes known, and comes once', () => {
    const simulation = running(told({ field: 'birthday', offset: '-P1D', localTime: '08:30' }));
    expect(Object.keys(simulation.conversation().snapshot.timers)).toEqual([]);
    simulation.tell('x', {});
    simulation.advance('P60D');
    expect(simulation.outbound()).toHaveLength(1);
    expect(simulation.transcript().find((line) => 'message' in line && line.message.role === 'coach')?.at).toBe(
      Date.UTC(2026, 11, 23, 8, 30),
    );
  });
});

describe('a contact that a member has changed', () => {
  it('moves what is armed by the zone', () => {
    const definition = tiny(
      { start: { after: { morning: 'end' } } },
      { delays: { day: { for: 'P1D' }, soon: { for: 'PT1H' }, morning: { until: { time: '09:00' } } } },
    );
    const before = running(definition).conversation();
    const moved = { ...before, contact: { ...before.contact, zone: 'Asia/Tokyo' } };
    const told = take(definition, moved, { id: 'contact:2', kind: 'event', name: 'contact-changed', data: {} });
    expect(told.timersSet.map(({ dueAt }) => new Date(dueAt).toISOString())).toEqual(['2026-11-22T00:00:00.000Z']);
  });
});

describe('progress', () => {
  const earns = tiny(
    {
      start: { on: { MESSAGE: 'done' }, after: { day: 'end' } },
      done: { always: 'start' },
      proud: { on: { MESSAGE: 'end' }, meta: { timeout: 'none' } },
    },
    {
      progress: {
        points: [{ id: 'did', state: 'done', points: 10, atMost: { times: 2, per: 'day' } }],
        milestones: { twenty: { points: 20 } },
      },
      machine: {
        id: 'tiny',
        initial: 'start',
        on: { 'MILESTONE.twenty': '.proud' },
        states: {
          start: { on: { MESSAGE: 'done' }, after: { day: 'end' } },
          done: { always: 'start' },
          proud: { on: { MESSAGE: 'end' }, meta: { timeout: 'none' } },
          end: { type: 'final' },
        },
      },
    },
  );

  it('pays by its rules, and a milestone reached is an event', () => {
    const simulation = running(earns);
    simulation.say('one');
    expect(simulation.conversation()).toMatchObject({ state: 'start', contact: { progress: { points: 10 } } });
    simulation.say('two');
    expect(simulation.conversation()).toMatchObject({
      state: 'proud',
      contact: { progress: { points: 20, milestones: { twenty: expect.any(String) } } },
    });
  });
});
