import { describe, expect, it } from 'vitest';
import type { Conversation } from '../../src/actors/conversation.ts';
import { receive } from '../../src/actors/receive.ts';
import { createSimulation } from '../../src/actors/simulate.ts';
import { check } from '../../src/programs/check.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Definition } from '../../src/programs/definition.ts';

const hour = 3_600_000;
const morning = Date.UTC(2026, 10, 21, 8);
const say = (content: string, more: object = {}) => ({ type: 'say', params: { content, ...more } });

/** One after another: a first word after an hour, a second an hour later, both by the same rule. */
function chain(delay: object, policies: object = {}): Definition {
  const { definition, findings } = check({
    meta: { id: 'chain', specVersion: 1, title: 'Chain', languages: ['en'], zone: 'UTC' },
    entry: [{ id: 'first', on: 'first-message' }],
    content: { one: { en: { text: 'One' } }, two: { en: { text: 'Two' } } },
    delays: { soon: { for: 'PT1H', ...delay } },
    machine: {
      id: 'chain',
      initial: 'start',
      states: {
        start: { after: { soon: 'first' } },
        first: { entry: [say('one')], after: { soon: 'second' } },
        second: { entry: [say('two')], on: { MESSAGE: 'second' }, meta: { timeout: 'none' } },
      },
    },
    policies,
  });
  if (!definition) throw new Error(JSON.stringify(findings));
  return definition;
}

/** Fires whatever is due at `now`, as the pump does after an outage, and gives what was said and decided. */
function catchUp(definition: Definition, from: Conversation, now: number) {
  const program = compile(definition);
  const said: string[] = [];
  const reasons: string[] = [];
  let conversation = from;
  for (let rounds = 0; rounds < 10; rounds += 1) {
    const due = Object.entries(conversation.snapshot.timers).find(([, { dueAt }]) => dueAt <= now);
    if (!due) break;
    const [timerId, { generation, dueAt }] = due;
    const input = { id: `timer:${timerId}:${generation}`, kind: 'timer', timerId, generation, dueAt } as const;
    const stepping = receive(conversation, input, { now, generation: conversation.version + 1, current: program, live: [] });
    conversation = { ...stepping.next, version: conversation.version + 1 };
    said.push(...stepping.messages.map(({ body, class: kind }) => `${kind}: ${body.text}`));
    reasons.push(...stepping.trace.decisions.map(({ do: done, reason }) => `${done}: ${reason}`));
  }
  return { conversation, said, reasons };
}

function begun(definition: Definition): Conversation {
  const simulation = createSimulation(compile(definition), {}, morning);
  simulation.say('hi');
  return simulation.conversation();
}

describe('a delay', () => {
  it.each([
    ['without a class', {}, 'nudge: One'],
    ['of a class', { class: 'transactional' }, 'transactional: One'],
  ])('%s says what it leads to as that', (_name, delay, said) => {
    const definition = chain(delay);
    expect(catchUp(definition, begun(definition), morning + hour).said).toEqual([said]);
  });

  it('of a class leaves a message its own', () => {
    const definition = chain({ class: 'promo' });
    const { states } = definition.machine;
    const own = {
      ...definition,
      machine: { ...definition.machine, states: { ...states, first: { entry: [say('one', { class: 'safety' })] } } },
    };
    expect(catchUp(own as Definition, begun(own as Definition), morning + hour).said).toEqual(['safety: One']);
  });
});

describe('what is late by its rule', () => {
  it.each([
    ['send', [['nudge: One'], ['nudge: Two']]],
    ['skip', [[], []]],
  ])('%s', (rule, [first, second]) => {
    const definition = chain({ late: { after: 'PT30M', do: rule } });
    const once = catchUp(definition, begun(definition), morning + 5 * hour);
    expect(once.said).toEqual(first);
    expect(catchUp(definition, once.conversation, morning + 10 * hour).said).toEqual(second);
  });

  it('fold: gathers for a minute and comes as one message, whatever state was left since', () => {
    const definition = chain({ for: 'PT1S', late: { after: 'PT30M', do: 'fold' } });
    const now = morning + 5 * hour;
    const late = catchUp(definition, begun(definition), now);
    expect(late).toMatchObject({ said: [], reasons: ['hold: late: joined with what else is'] });
    const later = { ...late.conversation, snapshot: { ...late.conversation.snapshot } };
    const armed = Object.entries(later.snapshot.timers).find(([id]) => id.startsWith('xstate.after'));
    const overdue = { ...later.snapshot.timers, [armed?.[0] ?? '']: { ...armed?.[1], dueAt: now - 2 * hour } };
    const both = catchUp(definition, { ...later, snapshot: { ...later.snapshot, timers: overdue as never } }, now);
    expect(both.said).toEqual([]);
    expect(catchUp(definition, both.conversation, now + 60_000).said).toEqual(['nudge: One\n\nTwo']);
  });

  it.each([
    ['send', 1],
    ['skip', 0],
  ])('counts how long the quiet hours would hold it: %s', (rule, held) => {
    const definition = chain({ late: { after: 'PT3H', do: rule } }, { quiet: { from: '08:30', to: '14:00' } });
    const simulation = createSimulation(compile(definition), {}, morning);
    simulation.say('hi');
    // It is due at nine and would be held for five hours.
    simulation.advance('PT1H');
    expect(Object.keys(simulation.conversation().snapshot.held)).toHaveLength(held);
  });
});

describe('what is spread over its jitter', () => {
  const jitterMs = 1_800_000;
  const people = ['a', 'b', 'c', 'd', 'e', 'f'];
  const quiet = { quiet: { from: '08:30', to: '14:00' } };

  /** Each of some people after their timers were taken at `now`. */
  const everybody = (definition: Definition, now: number): Conversation[] =>
    people.map((id) => {
      const { contact, ...rest } = begun(definition);
      const late = catchUp(definition, { ...rest, contact: { ...contact, id: id as never } }, now);
      expect(late.said).toEqual([]);
      return late.conversation;
    });
  /** When something is said next: by what is held, else by what is armed. */
  const nextOf = ({ snapshot: { timers, held } }: Conversation) => {
    const dues = Object.entries(timers).map(([id, { dueAt }]) =>
      id in held || Object.keys(held).length === 0 ? dueAt : Number.POSITIVE_INFINITY,
    );
    return Math.min(...dues);
  };

  it.each([
    ['at the end of the quiet hours', quiet, {}, morning + 1.5 * hour, morning + 6 * hour],
    ['after a night without a server', {}, {}, morning + 9 * hour, morning + 9 * hour],
    ['also where what is late is joined', {}, { late: { after: 'PT1H', do: 'fold' } }, morning + 9 * hour, morning + 9 * hour + 60_000],
  ])('does not reach everybody at once %s', (_name, policies, rule, now, from) => {
    const definition = chain({ jitter: 'PT30M', ...rule }, policies);
    const told = everybody(definition, now);
    expect(new Set(told.map(nextOf)).size).toBe(people.length);
    for (const one of told) {
      expect(nextOf(one) - from).toSatisfy((after: number) => after >= 0 && after < jitterMs);
    }
    expect(everybody(definition, now).map(nextOf)).toEqual(told.map(nextOf));
  });

  it('and found late says all that its rule sends, one after the other', () => {
    const definition = chain({ jitter: 'PT30M', late: { after: 'PT1H', do: 'send' } });
    const [one] = everybody(definition, morning + 9 * hour) as [Conversation];
    expect(one.state).toBe('start');
    const first = catchUp(definition, one, nextOf(one));
    expect(first.said).toEqual(['nudge: One']);
    expect(catchUp(definition, first.conversation, nextOf(first.conversation)).said).toEqual(['nudge: Two']);
  });

  it('and found late is left out by its rule as ever', () => {
    const definition = chain({ jitter: 'PT30M', late: { after: 'PT1H', do: 'skip' } });
    const [one] = everybody(definition, morning + 9 * hour) as [Conversation];
    expect(one.state).toBe('first');
  });

  it.each([
    ['what is a little late', {}, {}, ['nudge: One']],
    ['in the quiet hours what may not wait', { class: 'safety' }, quiet, ['safety: One']],
  ])('says at once %s', (_name, own, policies, said) => {
    const definition = chain({ jitter: 'PT30M' }, policies);
    const { states } = definition.machine;
    const first = { ...states.first, entry: [say('one', own)] };
    const changed = { ...definition, machine: { ...definition.machine, states: { ...states, first } } } as Definition;
    expect(catchUp(changed, begun(changed), morning + 1.5 * hour).said).toEqual(said);
  });
});

it('what the quiet hours hold is due in the order it was written, whatever came when', () => {
  const definition = chain({}, { quiet: { from: '08:30', to: '14:00' } });
  const { states } = definition.machine;
  const first = { ...states.first, entry: [say('one'), say('two'), say('one')] };
  const simulation = createSimulation(
    compile({ ...definition, machine: { ...definition.machine, states: { ...states, first } } } as Definition),
    {},
    morning,
  );
  simulation.say('hi');
  simulation.advance('PT2H');
  // As the record gives them: by when they are due.
  const contents = simulation.timers().map(({ id }) => simulation.conversation().snapshot.held[id]?.content);
  expect(new Set(simulation.timers().map(({ dueAt }) => dueAt)).size).toBe(contents.length);
  expect(contents).toEqual(['one', 'two', 'one', 'two']);
  simulation.advance('PT5H');
  expect(simulation.outbound().map(({ body }) => body.text)).toEqual(['Two']);
});

describe('what the quiet hours hold of one of two parallel regions', () => {
  const region = (delay: string, told: object) => ({
    initial: 'waits',
    states: { waits: { after: { [delay]: 'told' } }, told: { on: { MESSAGE: 'waits' }, meta: { timeout: 'none' }, ...told }, gone: {} },
  });

  it.each([
    ['is said although the other has gone on', 'P1D', ['One']],
    ['is not said when its own has', 'PT2H', []],
  ])('%s', (_name, staysFor, said) => {
    const definition = chain({}, { quiet: { from: '08:30', to: '14:00' } });
    const states = {
      both: {
        type: 'parallel',
        states: {
          speaks: region('soon', { entry: [say('one')], after: { leaves: 'gone' } }),
          stirs: region('later', {}),
        },
      },
    };
    const delays = { ...definition.delays, later: { for: 'PT2H' }, leaves: { for: staysFor } };
    const program = compile({ ...definition, delays, machine: { id: 'chain', initial: 'both', states } } as Definition);
    const simulation = createSimulation(program, {}, morning);
    simulation.say('hi');
    simulation.advance('PT7H');
    expect(simulation.outbound().map(({ body }) => body.text)).toEqual(said);
  });
});
