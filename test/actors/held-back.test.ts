/** What must not get lost while a person has control, a run ends, an answer is called off, or a moment waits to be given. */
import { describe, expect, it } from 'vitest';
import type { Conversation, Stepping } from '../../src/actors/conversation.ts';
import type { Input } from '../../src/actors/input.ts';
import { quarantine, receive } from '../../src/actors/receive.ts';
import type { ProgramId } from '../../src/ids.ts';
import { check, hasErrors } from '../../src/programs/check.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Program } from '../../src/programs/program.ts';
import { simulate } from '../support/example.ts';

const noon = Date.UTC(2026, 10, 21, 12);
const hourMs = 3_600_000;
const text = (words: string) => ({ en: { text: words } });
const say = (content: string) => ({ type: 'say', params: { content } });

function program(id: string, states: object, parts: object = {}): Program {
  const { definition, findings } = check({
    meta: { id, specVersion: 1, title: id, languages: ['en'], zone: 'UTC' },
    entry: [
      { id: 'api', on: 'api', reentry: 'never' },
      { id: 'other', on: 'program' },
    ],
    content: { hello: text(`Hello from ${id}`), ask: text('How old are you?'), safe: text('Somebody will come') },
    delays: { week: { for: 'P7D' }, hour: { for: 'PT1H' } },
    machine: {
      id,
      initial: 'open',
      states: { open: { entry: [say('hello')], after: { week: 'over' } }, over: { type: 'final' }, ...states },
    },
    ...parts,
  });
  if (!definition || hasErrors(findings)) throw new Error(JSON.stringify(findings));
  return compile(definition);
}

/** A conversation under a program: each input takes it on, and what was said is told. */
function talk(front: Program, others: readonly Program[] = []) {
  const live = [front, ...others].map((one, index) => ({ id: `p${index}` as ProgramId, version: 1, program: one }));
  let conversation: Conversation = simulate().conversation();
  let inputs = 0;
  const surroundings = (now: number) => {
    const current = live.find(({ id }) => id === conversation.program?.id)?.program ?? null;
    return { now, generation: conversation.version + 1, current, live };
  };
  type Given = Input extends infer One ? (One extends Input ? Omit<One, 'id'> : never) : never;
  const give = (input: Given, now = noon, how = receive): Stepping => {
    inputs += 1;
    const stepping = how(conversation, { id: `i${inputs}`, ...input } as Input, surroundings(now));
    conversation = { ...stepping.next, version: conversation.version + 1 };
    return stepping;
  };
  return {
    give,
    says: (input: Given, now = noon) =>
      give(input, now)
        .messages.filter(({ role }) => role === 'coach')
        .map(({ body }) => body.text),
    conversation: () => conversation,
    start: () => give({ kind: 'start', programSlug: front.definition.meta.id }),
    timer: (id: string) => ({ kind: 'timer' as const, timerId: id, ...(conversation.snapshot.timers[id] ?? { generation: -1, dueAt: 0 }) }),
    timers: () => Object.keys(conversation.snapshot.timers),
  };
}

const takeover = { kind: 'control', act: 'takeover' } as const;
const release = { kind: 'control', act: 'release' } as const;
const event = (name: string) => ({ kind: 'event', name, data: {} }) as const;
const message = (words: string) => ({ kind: 'message', messageId: 'm', text: words }) as const;
const asks = {
  entry: [{ type: 'ask', params: { content: 'ask', question: 'age', input: { type: 'number' } } }],
  on: { ANSWER: 'over' },
  after: { week: 'over' },
};

describe('while a person has control', () => {
  it('what the program goes on to ask is asked once it has control again', () => {
    const talking = talk(program('a', { open: { on: { 'EVENT.go': 'asking' }, after: { week: 'over' } }, asking: asks }));
    talking.start();
    talking.give(takeover);
    expect(talking.says(event('go'))).toEqual([]);
    expect(talking.conversation().state).toBe('asking');
    expect(talking.says(release, noon + hourMs)).toEqual(['How old are you?']);
    expect(talking.give(message('40')).trace.as).toMatch(/ANSWER/);
  });

  it('what belonged to a state that was left meanwhile is not said', () => {
    const states = {
      open: { on: { 'EVENT.go': 'asking' }, after: { week: 'over' } },
      asking: { ...asks, on: { ANSWER: 'over', 'EVENT.on': 'quiet' } },
    };
    const talking = talk(program('a', { ...states, quiet: { after: { week: 'over' } } }));
    talking.start();
    talking.give(takeover);
    talking.give(event('go'));
    talking.give(event('on'));
    expect(talking.says(release)).toEqual([]);
  });

  it('a program that follows another begins without taking control, and speaks when it is given', () => {
    const ends = { entry: [{ type: 'startProgram', params: { program: 'b', mode: 'after-end' } }, { type: 'handoff' }], type: 'final' };
    const talking = talk(program('a', { open: { on: { 'EVENT.crisis': 'called' }, after: { week: 'over' } }, called: ends }), [
      program('b', {}),
    ]);
    talking.start();
    expect(talking.says(event('crisis'))).toEqual([]);
    expect(talking.conversation()).toMatchObject({ program: { id: 'p1' }, snapshot: { control: 'human' } });
    expect(talking.says(message('help'))).toEqual([]);
    expect(talking.says(release)).toEqual(['Hello from b']);
  });

  it('a link to another program takes nothing from the person', () => {
    const talking = talk(program('a', {}), [program('b', {}, { entry: [{ id: 'api', on: 'api', reentry: 'always' }] })]);
    talking.start();
    talking.give(takeover);
    expect(talking.says({ kind: 'start', programSlug: 'b' })).toEqual([]);
    expect(talking.conversation().snapshot.control).toBe('human');
  });

  it('a member who restarts the program gives it control again', () => {
    const talking = talk(program('a', {}));
    talking.start();
    talking.give(takeover);
    expect(talking.says({ kind: 'control', act: 'restart' })).toEqual(['Hello from a']);
    expect(talking.conversation().snapshot.control).toBe('bot');
  });

  it.each(['takeover', 'pause'] as const)(
    'after a %s the documents are asked for nobody, and for what a state wants once it has control again',
    (act) => {
      const invoke = { src: 'answer', input: { message: 'What is sleep?' }, onDone: 'over', onError: 'over' };
      const talking = talk(
        program('a', { open: { on: { 'EVENT.go': 'asking' }, after: { week: 'over' } }, asking: { invoke, after: { week: 'over' } } }),
      );
      talking.start();
      talking.give({ kind: 'control', act });
      expect(talking.give(event('go'))).toMatchObject({ next: { state: 'asking' }, effects: [] });
      expect(talking.give(release).effects).toMatchObject([{ type: 'answer', params: { text: 'What is sleep?' } }]);
    },
  );

  it('no dots tell that the program writes', () => {
    const types = { entry: [{ type: 'typing', params: { for: 'PT10S' } }], after: { week: 'over' } };
    const talking = talk(program('a', { open: { on: { 'EVENT.go': 'typing' }, after: { week: 'over' } }, typing: types }));
    talking.start();
    talking.give(takeover);
    expect(talking.give(event('go'))).toMatchObject({ next: { state: 'typing' }, typingMs: 0 });
  });

  it.each([
    ['pause', 3],
    ['keep', 1],
  ] as const)('a timer armed meanwhile that says %s waits as one armed before', (whileHuman, hours) => {
    const delays = { week: { for: 'P7D' }, soon: { for: 'PT3H', whileHuman } };
    const states = { open: { on: { 'EVENT.go': 'waiting' }, after: { week: 'over' } }, waiting: { after: { soon: 'over' } } };
    const talking = talk(program('a', states, { delays }));
    talking.start();
    talking.give(takeover);
    talking.give(event('go'));
    talking.give(release, noon + 2 * hourMs);
    const [armed] = Object.values(talking.conversation().snapshot.timers);
    expect(armed?.dueAt).toBe(noon + (2 + hours) * hourMs);
  });
});

it('a program that may be entered once is not entered again by its link', () => {
  const talking = talk(program('a', { open: { on: { 'EVENT.end': 'over' }, after: { week: 'over' } } }));
  expect(talking.start().trace.as).toBe('start');
  talking.give(event('end'));
  expect(talking.start().trace.as).toBe('unhandled start');
});

it('a link leads into the program that names it', () => {
  const talking = talk(program('a', {}, { entry: [{ id: 'spring', on: 'link', link: 'spring-2026' }] }));
  expect(talking.says({ kind: 'start', programSlug: 'spring-2026' })).toEqual(['Hello from a']);
});

it('a moment of the calendar that is due is given, whatever comes between', () => {
  const parts = { fields: { exam: { type: 'date' } }, calendar: { eve: { field: 'exam', localTime: '13:00' } } };
  const given = { open: { on: { 'CALENDAR.eve': 'told' }, after: { week: 'over' } }, told: { entry: [say('hello')], type: 'final' } };
  const talking = talk(program('a', given, parts));
  const contact = { ...talking.conversation().contact, fields: { exam: '2026-11-21' } };
  Object.assign(talking.conversation(), { contact });
  talking.start();
  const [timerId = ''] = talking.timers().filter((id) => id.includes('eve'));
  const due = talking.timer(timerId);
  talking.give(event('anything'), due.dueAt + 5);
  expect(talking.says(due, due.dueAt + 10)).toEqual(['Hello from a']);
});

it('a broadcast held over the night outlives the run it came in', () => {
  const policies = { quiet: { from: '11:00', to: '15:00' } };
  const talking = talk(program('a', { open: { on: { 'EVENT.end': 'over' }, after: { week: 'over' } } }, { policies }));
  talking.start();
  const wordings = { en: { text: 'New dates' } };
  const content = { wordings, class: 'nudge' as const };
  expect(talking.says({ kind: 'broadcast', broadcast: 'b', content })).toEqual([]);
  talking.give(event('end'));
  const [timerId = ''] = talking.timers();
  const due = talking.timer(timerId);
  expect(talking.says(due, due.dueAt)).toEqual(['New dates']);
});

describe('a text that waits for an answer', () => {
  const parts = { policies: { whileReplying: 'queue' } };
  const waiting = () => {
    const talking = talk(
      program(
        'a',
        {
          open: { on: { 'EVENT.on': 'listening' }, after: { week: 'over' } },
          listening: { on: { MESSAGE: 'over' }, after: { week: 'over' } },
        },
        parts,
      ),
    );
    talking.start();
    talking.give(message('what is sleep?'));
    talking.give(message('and coffee?'));
    return talking;
  };

  it('is heard when the answer is called off by a person who gives control back', () => {
    const talking = waiting();
    talking.give(takeover);
    expect(talking.conversation().snapshot.waiting).toEqual(['and coffee?']);
    const released = talking.give(release);
    expect(released.effects).toMatchObject([{ type: 'answer', params: { text: 'and coffee?' } }]);
    expect(talking.conversation().snapshot.waiting).toEqual([]);
  });

  it('fails no input after one that could not be taken', () => {
    const talking = waiting();
    talking.give(message('third'), noon, (conversation, input, surroundings) => quarantine(conversation, input, surroundings));
    expect(talking.conversation().snapshot.waiting).toEqual([]);
  });
});

describe('an input in quarantine', () => {
  const inQuarantine = ((conversation, input, surroundings) => quarantine(conversation, input, surroundings)) as typeof receive;

  it('keeps its files', () => {
    const file = { id: 'f', kind: 'image' as const, type: 'image/png', name: 'a.png', bytes: 3 };
    const talking = talk(program('a', {}));
    const { messages } = talking.give({ ...message(''), attachments: [file] }, noon, inQuarantine);
    expect(messages[0]?.body).toEqual({ text: '', attachments: [file] });
  });

  it('tells the program the event of a timer that it armed by name, when it is tried again', () => {
    const arms = {
      entry: [{ type: 'setTimer', params: { id: 't', delay: 'hour', event: 'EVENT.ring' } }],
      on: { 'EVENT.ring': 'rung' },
      after: { week: 'over' },
    };
    const talking = talk(program('a', { open: arms, rung: { entry: [say('hello')], type: 'final' } }));
    talking.start();
    const due = talking.timer('timer:t');
    talking.give(due, due.dueAt, inQuarantine);
    expect(talking.says({ ...due, again: true }, due.dueAt + hourMs)).toEqual(['Hello from a']);
  });
});
