import { describe, expect, it } from 'vitest';
import { programKey } from '../../src/actors/draft.ts';
import type { Input } from '../../src/actors/input.ts';
import { receive } from '../../src/actors/receive.ts';
import { createSimulation } from '../../src/actors/simulate.ts';
import { check, hasErrors } from '../../src/programs/check.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Program } from '../../src/programs/program.ts';

const start = Date.UTC(2026, 10, 21, 10);
const text = (words: string) => ({ en: { text: words } });
const say = (content: string) => ({ type: 'say', params: { content } });

const vars = { age: { type: 'number' }, how: { type: 'text' }, more: { type: 'number' } };

function program(id: string, machine: object, parts: object = {}): Program {
  const { definition, findings } = check({
    meta: { id, specVersion: 1, title: id, languages: ['en'], zone: 'Europe/Lisbon' },
    variables: vars,
    content: { hello: text(`Hello from ${id}`), ask: text('How old are you?'), back: text('Back with {{ vars.age }}: {{ vars.how }}') },
    delays: { hour: { for: 'PT1H' }, day: { for: 'P1D' }, week: { for: 'P7D' } },
    machine: { id, ...machine },
    ...parts,
  });
  if (!definition || hasErrors(findings)) throw new Error(JSON.stringify(findings));
  return compile(definition);
}

const ask = {
  type: 'ask',
  params: { content: 'ask', question: 'age', input: { type: 'number' }, saveTo: 'vars.age' },
};

/** Asks for an age, in as many years as it is told to add. */
const asking = program(
  'asking',
  {
    initial: 'open',
    states: {
      open: { entry: [ask], on: { ANSWER: 'counted' }, after: { day: 'given-up' } },
      counted: { entry: [{ type: 'set', params: { age: 'vars.age + vars.more' } }], always: 'told' },
      told: { type: 'final', meta: { outcome: 'known' } },
      'given-up': { type: 'final', meta: { outcome: 'unknown' } },
    },
  },
  { entry: [{ id: 'other', on: 'program' }] },
);

const took = [{ type: 'set', params: { age: 'event.output.data.age', how: 'event.output.text' } }];

/** Calls a program and says what came back. */
function calling(
  invoke: object = { program: 'asking', input: { more: '5' } },
  parts: { machine?: object; calling?: object } & Record<string, unknown> = {},
) {
  const { machine, calling: more, ...others } = parts;
  return program(
    'caller',
    {
      initial: 'calling',
      states: {
        calling: {
          invoke: { src: 'program', input: invoke, onDone: { target: 'back', actions: took }, onError: 'failed' },
          after: { week: 'late' },
          ...more,
        },
        back: { entry: [say('back')], on: { MESSAGE: 'calling' }, after: { week: 'late' } },
        failed: { on: { MESSAGE: 'calling' }, after: { week: 'late' } },
        late: { type: 'final', meta: { outcome: 'late' } },
      },
      ...machine,
    },
    { entry: [{ id: 'first', on: 'first-message' }], ...others },
  );
}

function begun(caller: Program, others: readonly Program[] = [asking]) {
  const simulation = createSimulation(caller, {}, start, { others });
  simulation.say('hi');
  const said = () => simulation.outbound().map(({ body }) => body.text);
  const state = () => simulation.conversation().state;
  const timers = () => simulation.timers().map(({ id }) => id);
  return { simulation, said, state, timers };
}

describe('a sub-program', () => {
  it('runs with what it is given, talks to the contact and gives its variables and outcome back', () => {
    const { simulation, said, state, timers } = begun(calling());
    expect([said(), state()]).toEqual([['How old are you?'], 'open']);
    expect(timers()).toEqual(['1/xstate.after.day.conversation.program.open', 'xstate.after.week.conversation.program.calling']);
    simulation.say('thirty');
    simulation.say('30');
    expect([said().at(-1), state()]).toEqual(['Back with 35: known', 'back']);
    expect(timers()).toEqual(['xstate.after.week.conversation.program.back']);
    expect(simulation.conversation().snapshot.callers).toEqual([]);
  });

  it('may be called again, with nothing left of the time before', () => {
    const { simulation, said } = begun(calling());
    simulation.say('30');
    simulation.say('again');
    simulation.say('40');
    expect(said().at(-1)).toBe('Back with 45: known');
  });

  it('that ends by its own timer gives its outcome too', () => {
    const { simulation, said } = begun(calling());
    simulation.advance('P2D');
    expect(said().at(-1)).toBe('Back with 0: unknown');
  });

  it('is over when the run that waits goes on without it', () => {
    const forgetful = program('asking', {
      initial: 'open',
      states: {
        open: { entry: [ask], on: { ANSWER: 'end' }, after: { day: 'open2' } },
        open2: { on: { MESSAGE: 'end' }, meta: { timeout: 'none' } },
        end: { type: 'final' },
      },
    });
    const { simulation, timers, state } = begun(calling(), [forgetful]);
    simulation.advance('P8D');
    expect(simulation.conversation()).toMatchObject({ state: 'late', status: 'ended', outcome: 'late', snapshot: { question: null } });
    expect([timers(), state()]).toEqual([[], 'late']);
  });

  it.each<[string, object, readonly Program[]]>([
    ['is not live', { program: 'nobody' }, []],
    ['is given a value of another type', { program: 'asking', input: { more: '"x"' } }, [asking]],
    ['is given what it does not declare', { program: 'asking', input: { what: '1' } }, [asking]],
    ['calls itself without end', { program: 'caller' }, []],
  ])('that %s goes the way of errors', (_name, invoke, others) => {
    const { state, simulation } = begun(calling(invoke), others);
    expect(state()).toBe('failed');
    expect(simulation.transcript().some((line) => 'error' in line)).toBe(false);
  });

  it('that lets nobody in twice goes the way of errors the second time', () => {
    const once = { ...asking, definition: { ...asking.definition, entry: [{ id: 'other', on: 'program', reentry: 'never' }] } } as Program;
    const { simulation, state } = begun(calling(), [once]);
    simulation.say('30');
    simulation.say('again');
    expect(state()).toBe('failed');
  });

  it('fails beside another: two cannot talk to one person', () => {
    const branch = (name: string) => ({
      initial: 'calling',
      states: {
        calling: { invoke: { src: 'program', input: { program: 'asking' }, onDone: 'done', onError: 'failed' }, after: { week: 'failed' } },
        done: { type: 'final' },
        failed: { type: 'final', entry: [{ type: 'tag', params: { tag: name } }] },
      },
    });
    const both = program(
      'caller',
      {
        initial: 'both',
        states: {
          both: { type: 'parallel', states: { left: branch('left'), right: branch('right') }, onDone: 'end' },
          end: { type: 'final' },
        },
      },
      { entry: [{ id: 'first', on: 'first-message' }] },
    );
    const { simulation, state } = begun(both);
    expect(simulation.conversation().contact.tags).toEqual(['right']);
    simulation.say('30');
    expect(state()).toBe('end');
  });
});

describe('the run that waits', () => {
  const listening = calling(undefined, {
    calling: {
      on: {
        'EVENT.nudge': { actions: [say('hello')] },
        'EVENT.stop': 'late',
        'CALENDAR.daily': { actions: [say('hello')] },
      },
    },
    calendar: { daily: { rrule: 'FREQ=DAILY', localTime: '12:00' } },
  });

  it('hears events that the sub-program does not wait for, and goes on waiting', () => {
    const { simulation, said, state } = begun(listening);
    simulation.tell('nudge', {});
    expect([said().at(-1), state()]).toEqual(['Hello from caller', 'open']);
    simulation.say('30');
    expect(said().at(-1)).toBe('Back with 35: known');
  });

  it('keeps its calendar', () => {
    const { simulation, said, state } = begun(listening);
    simulation.advance('PT3H');
    expect([said().at(-1), state()]).toEqual(['Hello from caller', 'open']);
  });

  it('that leaves its state ends what runs for it', () => {
    const { simulation, state } = begun(listening);
    simulation.tell('stop', {});
    expect(state()).toBe('late');
    simulation.say('30');
    expect(simulation.conversation()).toMatchObject({ status: 'ended', outcome: 'late' });
  });

  it('begins anew with restart, from the outermost program', () => {
    const { simulation, said } = begun(calling());
    simulation.say('restart');
    expect(said()).toEqual(['How old are you?', 'How old are you?']);
    expect(simulation.conversation().snapshot.callers).toHaveLength(1);
    simulation.say('30');
    expect(said().at(-1)).toBe('Back with 35: known');
  });

  it('is ended by a person with all that runs for it', () => {
    const { simulation, timers } = begun(calling());
    simulation.control('end');
    expect(simulation.conversation()).toMatchObject({ status: 'ended', snapshot: { callers: [] } });
    expect(timers()).toEqual([]);
  });

  it('rests while a person has control, and what fell due comes after', () => {
    const { simulation, said, state } = begun(listening);
    simulation.control('takeover');
    simulation.advance('P1D');
    simulation.say('30');
    expect(said()).toEqual(['How old are you?']);
    simulation.control('release');
    expect(said().filter((words) => words === 'Hello from caller')).toHaveLength(1);
    expect(state()).toBe('back');
  });

  it('gives control to a person itself, and the sub-program keeps silent', () => {
    const careful = calling(undefined, { calling: { on: { 'EVENT.alarm': { actions: [{ type: 'handoff', params: {} }] } } } });
    const { simulation, said } = begun(careful);
    simulation.tell('alarm', {});
    expect(simulation.conversation().snapshot.control).toBe('human');
    simulation.say('30');
    expect(said()).toEqual(['How old are you?']);
    simulation.control('release');
    simulation.say('30');
    expect(said().at(-1)).toBe('Back with 35: known');
  });
});

describe('an answer that the run that waits had asked for', () => {
  const caller = program(
    'caller',
    {
      initial: 'idle',
      states: {
        idle: { on: { 'EVENT.go': 'calling' }, after: { week: 'late' } },
        calling: { invoke: { src: 'program', input: { program: 'asking' }, onDone: 'late', onError: 'late' }, after: { week: 'late' } },
        late: { type: 'final' },
      },
    },
    { entry: [{ id: 'first', on: 'first-message' }], policies: { unmatched: 'answer', whileReplying: 'queue' } },
  );
  const live = [caller, asking].map((one, index) => ({
    id: `00000000-0000-7000-8000-1${`${index}`.padStart(11, '0')}` as never,
    version: 1,
    program: one,
  }));
  const byKey = new Map(live.map((one) => [programKey(one), one.program]));

  /** A conversation that takes one input after the other, with nobody who answers. */
  function conversing() {
    let conversation = createSimulation(caller, {}, start, { others: [asking] }).conversation();
    let count = 0;
    return (input: Record<string, unknown>) => {
      count += 1;
      const current = conversation.program ? (byKey.get(programKey(conversation.program)) ?? null) : null;
      const given = { id: `${count}`, messageId: `${count}`, ...input } as Input;
      const stepping = receive(conversation, given, { now: start, generation: count, current, live, waiting: byKey });
      conversation = { ...stepping.next, version: count };
      return stepping;
    };
  }

  it.each([
    ['the word to stop', { kind: 'message', text: 'STOP' }],
    ['a word that calls a person', { kind: 'message', text: 'human' }],
    ['a person who takes over', { kind: 'control', act: 'takeover' }],
  ])('is called off by %s, as one of the run in front is', (_name, input) => {
    const take = conversing();
    take({ kind: 'message', text: 'hi' });
    const [answer] = take({ kind: 'message', text: 'and why?' }).effects;
    take({ kind: 'message', text: 'and how?' });
    expect(take({ kind: 'event', name: 'go', data: {} }).messages.map(({ body }) => body.text)).toEqual(['How old are you?']);
    const stopped = take(input);
    expect(stopped.effectsEnded).toEqual([{ id: answer?.id, status: 'cancelled', result: null }]);
    const result = { answer: { text: 'Because.', citations: [], grounded: true, degraded: false } };
    const late = take({ id: 'late', kind: 'effect', effectId: answer?.id, outcome: 'done', result });
    expect([late.trace.as, late.messages]).toEqual(['superseded', []]);
  });
});

it('a program that follows a sub-program runs in its place before the caller goes on', () => {
  const first = program('asking', {
    initial: 'go',
    states: {
      go: { entry: [{ type: 'startProgram', params: { program: 'next', mode: 'after-end' } }], always: 'end' },
      end: { type: 'final' },
    },
  });
  const next = program('next', {
    initial: 'open',
    states: { open: { entry: [ask], on: { ANSWER: 'end' }, after: { day: 'end' } }, end: { type: 'final', meta: { outcome: 'next' } } },
  });
  const { simulation, said, state } = begun(calling(), [first, next]);
  expect(state()).toBe('open');
  simulation.say('30');
  expect(said().at(-1)).toBe('Back with 30: next');
});
