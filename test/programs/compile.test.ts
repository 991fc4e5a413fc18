import { describe, expect, test } from 'vitest';
import { type AnyMachineSnapshot, createMachine, initialTransition, transition } from 'xstate';
import example from '../../examples/sleep-reset.json' with { type: 'json' };
import { check } from '../../src/programs/check.ts';
import { compile, maxAutomaticSteps } from '../../src/programs/compile.ts';
import type { Definition } from '../../src/programs/definition.ts';
import { asExpressionError, ExpressionError } from '../../src/programs/expressions.ts';
import { definitionJsonSchema } from '../../src/programs/json-schema.ts';
import { machineJson } from '../../src/programs/machine.ts';
import type { MachineEvent, Program } from '../../src/programs/program.ts';
import { newContact, type Scope } from '../../src/programs/scope.ts';

function definitionOf(json: unknown): Definition {
  const { definition, findings } = check(json);
  if (!definition) throw new Error(JSON.stringify(findings));
  return definition;
}

/** The example with other parts. */
function withParts(parts: object): Definition {
  return definitionOf({ ...example, ...parts });
}

/** A small machine in place of the example's. */
function withStates(states: object, parts: object = {}): Definition {
  return withParts({ machine: { id: 'tiny', initial: 'start', states }, progress: {}, ...parts });
}

interface Act {
  type: string;
  params: Record<string, unknown>;
  info: { context: Scope; event: MachineEvent };
}

/** Drives a program at the level of the machine, as the runtime does: one context a step, actions as data. */
function drive(program: Program, start: string, zone = 'Europe/Lisbon', channel = 'widget') {
  let now = Date.parse(start);
  let snapshot: AnyMachineSnapshot;
  let actions: Act[];
  const contact = { ...newContact('c' as never), zone, name: 'Ana' };
  const scope = (): Scope => ({
    now,
    contact: snapshot?.context.contact ?? contact,
    vars: snapshot?.context.vars ?? program.variables,
    conversation: { channel, lastInboundAt: null, tries: 0 },
  });
  const keep = ([next, list]: readonly [AnyMachineSnapshot, readonly unknown[]]) => {
    snapshot = next;
    actions = list as Act[];
    if (next.status === 'error') throw next.error;
  };
  keep(initialTransition(program.machine, scope() as never) as never);
  return {
    /** The context a field was answered into, as the runtime saves `saveTo`. */
    know(field: string, value: string) {
      const { contact: known } = snapshot.context as Scope;
      snapshot = {
        ...snapshot,
        context: { ...snapshot.context, contact: { ...known, fields: { ...known.fields, [field]: value } } },
      } as AnyMachineSnapshot;
    },
    send(event: MachineEvent, at?: string | number) {
      if (at !== undefined) now = typeof at === 'string' ? Date.parse(at) : at;
      const before = program.machine.resolveState({ value: snapshot.value as never, context: scope() as never });
      keep(transition(program.machine, before, event) as never);
    },
    state: () => (snapshot.value as Record<string, unknown>).program,
    context: () => snapshot.context as Scope,
    did: () => actions.map(({ type }) => type).filter((type) => !type.startsWith('xstate.') && type !== 'progress'),
    said: () =>
      actions
        .filter(({ type }) => type === 'say')
        .map(({ params, info }) => program.render(String(params.content), info.context, info.event).text),
    raw: () => actions.filter(({ type }) => type !== 'progress'),
    /** Delay → due, of the timers armed by the last step. */
    armed: () =>
      Object.fromEntries(
        actions
          .filter(({ type, params }) => type === 'xstate.raise' && typeof params.delay === 'number')
          .map(({ params }) => [program.delayOf(String(params.id))?.name, new Date(now + Number(params.delay)).toISOString()]),
      ),
    timer: () => String(actions.findLast(({ type, params }) => type === 'xstate.raise' && typeof params.delay === 'number')?.params.id),
    now: () => now,
    due: () =>
      now + Number(actions.findLast(({ type, params }) => type === 'xstate.raise' && typeof params.delay === 'number')?.params.delay),
  };
}

describe('the example, from hello to seven nights', () => {
  const program = compile(definitionOf(example));

  test.each([
    // The clocks go forward in Lisbon in the night to 29 March 2026: the mornings stay at 7:30 on the wall.
    [
      'Europe/Lisbon',
      [
        '2026-03-28T07:30',
        '2026-03-29T06:30',
        '2026-03-30T06:30',
        '2026-03-31T06:30',
        '2026-04-01T06:30',
        '2026-04-02T06:30',
        '2026-04-03T06:30',
      ],
    ],
    [
      'Africa/Maputo',
      [
        '2026-03-28T05:30',
        '2026-03-29T05:30',
        '2026-03-30T05:30',
        '2026-03-31T05:30',
        '2026-04-01T05:30',
        '2026-04-02T05:30',
        '2026-04-03T05:30',
      ],
    ],
  ])('in %s', (zone, mornings) => {
    const run = drive(program, '2026-03-27T20:00:00Z', zone);
    expect(run.did()).toEqual(['say', 'ask']);
    expect(run.said()).toEqual(['Welcome, Ana. For one week we look at your sleep together.']);
    expect(run.raw()[1]?.params).toMatchObject({ question: 'wake', saveTo: 'contact.wakeTime', state: 'conversation.program.start' });
    run.know('wakeTime', '07:00');
    run.send({ type: 'ANSWER', question: 'wake', value: '07:00' });
    const seen: string[] = [];
    for (let night = 1; night <= 7; night += 1) {
      expect(run.state()).toBe('asleep');
      seen.push(run.armed().nextMorning?.slice(0, 16) ?? '');
      run.send({ type: run.timer() }, run.due());
      expect(run.said()).toEqual(['Good morning. How was your night?']);
      run.send({ type: 'BUTTON', id: night % 2 ? 'good' : 'bad' }, run.now() + 60_000);
      // The variable is set before the praise is rendered.
      expect(run.said()[0]).toBe(`Well done: night ${night} of 7.`);
    }
    expect(seen).toEqual(mornings);
    expect(run.state()).toBe('done');
    expect(run.did()).toEqual(['award', 'say', 'badge', 'say']);
    expect(run.said()[1]).toBe('Seven nights. You did it.');
    const { progress } = run.context().contact;
    expect(progress).toMatchObject({ points: 40, badges: ['week'], streak: { count: 7, day: '2026-04-03' } });
  });

  test('who does not answer is missed, and then let go', () => {
    const run = drive(program, '2026-03-27T20:00:00Z');
    run.send({ type: 'ANSWER', question: 'wake', value: '07:00' });
    run.send({ type: run.timer() }, run.due());
    run.send({ type: run.timer() }, run.due());
    expect(run.said()).toEqual(['I missed you yesterday. Shall we go on?']);
    run.send({ type: run.timer() }, run.due());
    expect(run.state()).toBe('lost');
  });

  test('facts of a delay are found by its timer', () => {
    expect(program.delayOf('xstate.after.nextMorning.conversation.program.asleep')).toEqual({
      name: 'nextMorning',
      calendar: true,
      class: null,
      recurring: true,
      late: { afterMs: 3 * 3_600_000, do: 'skip' },
      whileHuman: 'keep',
      jitterMs: 0,
    });
    expect(program.delayOf('xstate.after.noReply.conversation.program.check')).toMatchObject({
      calendar: false,
      recurring: false,
      late: null,
    });
    expect(program.delayOf('timer:x')).toBeUndefined();
  });
});

describe('beside the program', () => {
  test('a person takes over, a pause holds, an answer is restarted', () => {
    const program = compile(definitionOf(example));
    const run = drive(program, '2026-03-27T20:00:00Z');
    const value = () => {
      run.send({ type: 'UNHEARD' });
      return run.state();
    };
    run.send({ type: 'CONTROL.takeover' });
    run.send({ type: 'REPLY.start' });
    expect(run.raw().map(({ type, params }) => [type, params.src, params.id])).toEqual([['xstate.spawnChild', 'answer', 'reply']]);
    run.send({ type: 'REPLY.start' });
    expect(run.raw().map(({ type }) => type)).toContain('xstate.spawnChild');
    run.send({ type: 'xstate.done.actor.reply', output: {} });
    expect(run.raw().map(({ type }) => type)).not.toContain('xstate.spawnChild');
    expect(value()).toBe('start');
  });
});

const always = { noReply: 'end' };

describe('actions', () => {
  test('awards are recorded first and seen after', () => {
    const definition = withStates({
      start: {
        entry: [
          { type: 'award', params: { points: 5, reason: 'x' } },
          { type: 'metric', params: { name: 'm', value: 'contact.points * 2' } },
          { type: 'consent', params: { kind: 'promo', granted: true } },
          { type: 'tag', params: { tag: 'vip' } },
          { type: 'setField', params: { name: "contact.name + '!'" } },
        ],
        always: [
          {
            guard: {
              type: 'all',
              params: {
                guards: [
                  { type: 'hasTag', params: { tag: 'vip' } },
                  { type: 'hasConsent', params: { kind: 'promo' } },
                ],
              },
            },
            target: 'end',
          },
        ],
        after: always,
      },
      end: { type: 'final' },
    });
    const run = drive(compile(definition), '2026-03-27T20:00:00Z');
    expect(run.did()).toEqual(['award', 'metric', 'consent']);
    expect(run.raw()[0]?.info.context.contact.progress.points).toBe(0);
    expect(run.raw()[1]?.params).toEqual({ name: 'm', value: 10 });
    expect(run.context().contact).toMatchObject({ name: 'Ana!', tags: ['vip'], consent: { promo: true } });
    expect(run.state()).toBe('end');
  });

  test('a question on the way is asked by the state it leads to', () => {
    const ask = { type: 'ask', params: { content: 'ask-wake', question: 'wake', input: { type: 'time' } } };
    const definition = withStates({
      start: { on: { MESSAGE: { target: 'asked', actions: [ask] } }, after: always },
      asked: { on: { ANSWER: 'end' }, after: always },
      end: { type: 'final' },
    });
    const run = drive(compile(definition), '2026-03-27T20:00:00Z');
    run.send({ type: 'MESSAGE', text: 'hi' });
    expect(run.raw().find(({ type }) => type === 'ask')?.params.state).toBe('conversation.program.asked');
  });

  test('targets by id, history and nested states work as in any XState machine', () => {
    const definition = withStates({
      start: {
        initial: 'a',
        on: { MESSAGE: 'help' },
        after: always,
        states: { a: { on: { BUTTON: 'b' } }, b: { on: { BUTTON: '#tiny.end' } }, last: { type: 'history' } },
      },
      help: {
        invoke: { src: 'answer', input: { instructions: 'For {{ contact.name }}' }, onDone: 'start.last', onError: 'end' },
        after: always,
      },
      end: { type: 'final' },
    });
    const run = drive(compile(definition), '2026-03-27T20:00:00Z');
    run.send({ type: 'BUTTON', id: 'x' });
    expect(run.state()).toEqual({ start: 'b' });
    run.send({ type: 'MESSAGE', text: 'hi' });
    expect(run.raw().find(({ type }) => type === 'xstate.spawnChild')?.params).toMatchObject({
      src: 'answer',
      input: { instructions: 'For Ana' },
    });
  });
});

describe('what goes wrong in a machine becomes an ExpressionError', () => {
  const failing = (states: object) => {
    const run = drive(compile(withStates(states)), '2026-03-27T20:00:00Z');
    try {
      run.send({ type: 'MESSAGE', text: 'x' });
    } catch (error) {
      return asExpressionError(error);
    }
    return null;
  };

  test.each<[string, object]>([
    [
      'a guard that divides by zero',
      {
        start: {
          on: { MESSAGE: { target: 'end', guard: { type: 'when', params: { expr: '1 / vars.nights > event.value' } } } },
          after: always,
        },
        end: { type: 'final' },
      },
    ],
    [
      'a variable set to nothing',
      {
        start: { on: { MESSAGE: { actions: [{ type: 'set', params: { nights: 'event.value' } }] } }, after: always },
        end: { type: 'final' },
      },
    ],
    [
      `more than ${maxAutomaticSteps} automatic steps`,
      {
        start: { on: { MESSAGE: 'round' }, after: always },
        round: {
          entry: [{ type: 'set', params: { nights: 'vars.nights + 1' } }],
          always: { target: 'round', reenter: true, guard: { type: 'when', params: { expr: 'vars.nights > 0' } } },
          after: always,
        },
        end: { type: 'final' },
      },
    ],
  ])('%s', (_name, states) => {
    expect(failing(states)).toMatchObject({ name: 'ExpressionError' });
  });
});

describe('delays', () => {
  const anchor = Date.parse('2026-10-24T12:00:00Z');
  const program = compile(
    withParts({
      fields: { wakeTime: { type: 'time' }, startDate: { type: 'date' }, meeting: { type: 'datetime' } },
      delays: {
        ...example.delays,
        daily: { until: { time: 'contact.wakeTime', weekdays: ['mon'] } },
        week: { field: 'startDate', plus: 'P7D', time: '09:00' },
        meeting: { field: 'meeting' },
      },
    }),
  );
  const scope = (fields: Scope['contact']['fields'], zone = 'Europe/Lisbon'): Scope => ({
    now: anchor,
    contact: { ...newContact('c' as never), zone, fields },
    vars: {},
    conversation: { channel: 'widget', lastInboundAt: null, tries: 0 },
  });

  test.each<[string, Scope['contact']['fields'], string]>([
    ['nextMorning', { wakeTime: '07:00' }, '2026-10-25T07:30:00.000Z'],
    ['nextMorning', {}, '2026-10-25T09:30:00.000Z'],
    ['nextMorning', { wakeTime: 'seven' }, '2026-10-25T09:30:00.000Z'],
    ['daily', { wakeTime: '07:00' }, '2026-10-26T07:00:00.000Z'],
    ['noReply', {}, '2026-10-25T08:00:00.000Z'],
    ['week', { startDate: '2026-10-20' }, '2026-10-27T09:00:00.000Z'],
    ['week', { startDate: '2026-01-01' }, '2026-10-24T12:00:00.000Z'],
    ['week', { startDate: 'soon' }, '2036-10-31T12:00:00.000Z'],
    ['week', {}, '2036-10-31T12:00:00.000Z'],
    ['meeting', { meeting: '2026-11-01T10:00' }, '2026-11-01T10:00:00.000Z'],
    ['meeting', { meeting: '2026-11-01T10:00:00+02:00' }, '2026-11-01T08:00:00.000Z'],
  ])('%s for %j', (delay, fields, due) => {
    expect(new Date(program.dueAt(delay, scope(fields), anchor)).toISOString()).toBe(due);
  });

  test('an unknown zone of a contact gives way to that of the program', () => {
    expect(program.zoneOf(scope({}, 'Mars/Base'))).toBe('Europe/Lisbon');
    expect(() => program.dueAt('nope', scope({}), anchor)).toThrow('Cannot find the delay "nope"');
  });
});

describe('content', () => {
  const program = compile(
    withParts({
      meta: { ...example.meta, languages: ['en', 'pt', 'de'] },
      content: {
        ...example.content,
        hello: {
          en: { text: 'Hello {{ contact.name | friend }}' },
          pt: { text: 'Olá {{ contact.name }}', buttons: [{ id: 'x', title: '{{ vars.nights }}' }] },
        },
      },
    }),
  );
  const render = (language: string | null, name: string) =>
    program.render(
      'hello',
      {
        now: 0,
        contact: { ...newContact('c' as never), language, name },
        vars: {},
        conversation: { channel: 'widget', lastInboundAt: null, tries: 0 },
      },
      { type: 'x' },
    );

  test.each([
    ['en', '', 'Hello friend'],
    [null, 'Ana', 'Hello Ana'],
    ['pt-BR', '{{ vars.nights }}', 'Olá {{ vars.nights }}'],
    ['de', 'Ana', 'Hello Ana'],
    ['constructor', 'Ana', 'Hello Ana'],
  ])('in %s', (language, name, text) => {
    expect(render(language, name).text).toBe(text);
  });

  test('buttons are filled in too, and unknown content is an ExpressionError', () => {
    expect(render('pt', 'Ana').buttons).toEqual([{ id: 'x', title: '0' }]);
    expect(() => program.render('constructor', {} as never, { type: 'x' })).toThrow();
  });
});

test('the machine as JSON opens in XState and names the states as the compiled one does', () => {
  const definition = definitionOf(example);
  const json = machineJson(definition);
  expect(JSON.parse(JSON.stringify(json))).toEqual(json);
  const idsOf = (machine: object) => [...(machine as { idMap: Map<string, unknown> }).idMap.keys()].sort();
  expect(idsOf(createMachine(json as never))).toEqual(idsOf(compile(definition).machine));
});

test('the JSON Schema knows the parts of a definition', () => {
  const schema = definitionJsonSchema() as { properties: object; $defs?: object; definitions?: object };
  expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['meta', 'content', 'machine', 'policies', 'tests']));
  expect(JSON.stringify(schema)).toContain('inQuietHours');
});

test('an event too large to be seen is an ExpressionError where it is looked at, not a crash', () => {
  const program = compile(definitionOf(example));
  const scope: Scope = {
    now: 0,
    contact: newContact('c' as never),
    vars: {},
    conversation: { channel: 'widget', lastInboundAt: null, tries: 0 },
  };
  const event = { type: 'EVENT.x', data: { text: 'x'.repeat(100_000) } };
  expect(() => program.evaluate('event.data.text == ""', scope, event)).toThrow(ExpressionError);
  expect(() => program.render('hello', scope, event)).not.toThrow();
});
