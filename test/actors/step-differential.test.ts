/** Our step against XState's own actor: the same program and the same events give the same states, whatever the chart. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AnyStateNode, createActor, createMachine, type SnapshotFrom } from 'xstate';
import { enter, type Stepped, step } from '../../src/actors/step.ts';
import { check } from '../../src/programs/check.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Definition } from '../../src/programs/definition.ts';
import { machineJson } from '../../src/programs/machine.ts';
import { newContact, type Scope } from '../../src/programs/scope.ts';

interface State {
  type?: string;
  initial?: string;
  history?: string;
  states?: Record<string, State>;
  on?: Record<string, unknown>;
  after?: Record<string, unknown>;
  always?: unknown;
  onDone?: unknown;
  entry?: unknown[];
  exit?: unknown[];
  meta?: unknown;
}

const events = ['EVENT.a', 'EVENT.b', 'EVENT.c'];
/** Stands for the timer that falls due next, if one is armed. */
const due = 'the next timer';
const add = (amount: number) => ({ type: 'set', params: { n: `vars.n * 2.0 % 1000.0 + ${amount}.0` } });
const amount = fc.integer({ min: 0, max: 9 });

/** The shape first: nested states, some of them parallel, with a history state here and there. */
const shape = (depth: number): fc.Arbitrary<State> =>
  depth === 0
    ? fc.oneof({ weight: 4, arbitrary: fc.constant<State>({}) }, { weight: 1, arbitrary: fc.constant<State>({ type: 'final' }) })
    : fc.oneof(
        { weight: 2, arbitrary: fc.constant<State>({}) },
        {
          weight: 3,
          arbitrary: fc
            .tuple(
              fc.array(shape(depth - 1), { minLength: 1, maxLength: 3 }),
              fc.constantFrom('compound', 'parallel'),
              fc.constantFrom(null, 'shallow', 'deep'),
            )
            .map(([children, type, history]): State => {
              const states = Object.fromEntries(children.map((child, index): [string, State] => [`s${index}`, child]));
              const remembers = type === 'compound' && history !== null ? { h: { type: 'history', history } } : {};
              return { ...(type === 'parallel' ? { type } : { initial: 's0' }), states: { ...states, ...remembers } };
            }),
        },
      );

const pathsOf = (state: State, path: string[] = []): string[][] => [
  ...(path.length > 0 ? [path] : []),
  ...Object.entries(state.states ?? {}).flatMap(([name, inner]) => pathsOf(inner, [...path, name])),
];

/** The ways between the states: to anywhere, guarded by what the variable is, with and without entering anew. */
const furnished = (root: State): fc.Arbitrary<State> => {
  const targets = pathsOf(root).map((path) => `#chart.${path.join('.')}`);
  const guard = fc.tuple(fc.constantFrom('<', '>'), fc.integer({ min: 0, max: 60 }));
  const way = fc
    .record({ to: fc.option(fc.constantFrom(...targets), { freq: 4 }), guard: fc.option(guard), reenter: fc.boolean(), amount })
    .map(({ to, guard: test, reenter, amount: more }) => ({
      ...(to === null ? {} : { target: to, ...(reenter ? { reenter } : {}) }),
      ...(test === null ? {} : { guard: { type: 'when', params: { expr: `vars.n % 61.0 ${test[0]} ${test[1]}.0` } } }),
      actions: [add(more)],
    }));
  const on = fc.dictionary(fc.constantFrom(...events, 'EVENT.*'), fc.array(way, { minLength: 1, maxLength: 2 }), {
    maxKeys: 2,
    noNullPrototype: true,
  });
  const always = fc.option(
    way.map((one) => ({ ...one, guard: { type: 'when', params: { expr: 'vars.n % 7.0 == 3.0' } } })),
    { freq: 5, nil: undefined },
  );
  const after = fc.option(
    fc.array(way, { minLength: 1, maxLength: 2 }).map((ways) => ({ soon: ways })),
    { freq: 2, nil: undefined },
  );
  const done = fc.option(way, { freq: 2, nil: undefined });
  const furnish = (state: State): fc.Arbitrary<State> => {
    if (state.type === 'history') return fc.constant(state);
    if (state.type === 'final') return amount.map((entering) => ({ ...state, entry: [add(entering)] }));
    const inner = Object.entries(state.states ?? {});
    return fc
      .tuple(on, always, amount, amount, fc.tuple(...inner.map(([, child]) => furnish(child))), after, done)
      .map(([ways, own, entering, leaving, children, later, ended]) => ({
        ...state,
        on: ways,
        ...(later === undefined ? {} : { after: later }),
        ...(ended === undefined || inner.length === 0 ? {} : { onDone: ended }),
        ...(own === undefined ? {} : { always: [own] }),
        entry: [add(entering)],
        exit: [add(leaving)],
        ...(inner.length > 0 ? { states: Object.fromEntries(inner.map(([name], index) => [name, children[index] as State])) } : {}),
      }));
  };
  return furnish(root);
};

const chart = fc
  .array(shape(2), { minLength: 2, maxLength: 3 })
  .map(
    (children): State => ({
      initial: 's0',
      states: Object.fromEntries(children.map((child, index): [string, State] => [`s${index}`, child])),
    }),
  )
  .chain(furnished);

function definitionOf(machine: State): Definition {
  return {
    meta: { id: 'chart', specVersion: 1, title: 'Chart', languages: ['en'] },
    variables: { n: { type: 'number', default: 1 } },
    content: {},
    delays: { soon: { for: 'PT1H' } },
    machine: { ...machine, id: 'chart' },
  } as never;
}

const scope = (vars: Scope['vars']): Scope => ({
  now: 0,
  contact: newContact('c' as never),
  vars,
  conversation: { channel: 'widget', lastInboundAt: null, tries: 0 },
});

/** What became of a chart: its state, its variable, or that it went round for ever. */
type Outcome = { value: unknown; n: unknown } | 'endless';

/** Our outcomes, the events with the timers that were meant, and after each event whether the timers armed are those of the active states. */
function ours(definition: Definition, sent: readonly string[]): { outcomes: Outcome[]; given: string[]; timed: boolean } {
  const program = compile(definition);
  const outcomes: Outcome[] = [];
  const given: string[] = [];
  const armed = new Set<string>();
  let timed = true;
  const look = ({ machine, actions, active }: Stepped) => {
    outcomes.push({ value: machine.value, n: machine.vars.n });
    for (const action of actions) {
      if (action.type === 'arm') armed.add(action.timerId);
      if (action.type === 'clear') armed.delete(action.timerId);
    }
    const wanted = [...program.timerIds].filter((id) => active.includes(id.split('.').slice(3).join('.')));
    timed &&= wanted.sort().join() === [...armed].sort().join();
  };
  try {
    let stepped = enter(program, scope(program.variables));
    look(stepped);
    for (const name of sent) {
      const type = name === due ? [...armed].sort()[0] : name;
      if (type === undefined) continue;
      given.push(type);
      armed.delete(type);
      const { machine } = stepped;
      // Through JSON each time, as the record does it.
      stepped = step(program, JSON.parse(JSON.stringify(machine)), { type, data: {} }, scope(machine.vars));
      // A timer whose way is barred has fired all the same; that of a state entered anew is armed anew.
      if (type !== name && stepped.active.includes(type.split('.').slice(3).join('.')) && !isLeft(stepped, type)) armed.add(type);
      look(stepped);
    }
  } catch {
    outcomes.push('endless');
  }
  return { outcomes, given, timed };
}

const isLeft = ({ actions }: Stepped, timerId: string) => actions.some((action) => action.type === 'clear' && action.timerId === timerId);

/** XState's outcomes, and the first after which the nodes it holds active are not those of its state. */
function theirs(definition: Definition, sent: readonly string[]): { outcomes: Outcome[]; strayedAt: number } {
  const program = compile(definition);
  const outcomes: Outcome[] = [];
  const actor = createActor(program.machine, { input: scope(program.variables) });
  let failed = false;
  actor.subscribe({
    error: () => {
      failed = true;
    },
  });
  let strayedAt: number | null = null;
  const look = () => {
    const snapshot = actor.getSnapshot() as SnapshotFrom<typeof program.machine>;
    const { value, context } = snapshot;
    outcomes.push(failed ? 'endless' : { value, n: context.vars.n });
    if (!failed && nodesIn(snapshot) !== nodesIn(program.machine.resolveState({ value, context }))) strayedAt ??= outcomes.length - 1;
  };
  actor.start();
  look();
  for (const type of sent) {
    if (failed) break;
    actor.send({ type, data: {} });
    look();
  }
  actor.stop();
  return { outcomes, strayedAt: strayedAt ?? outcomes.length };
}

const nodesIn = ({ _nodes }: { _nodes: readonly AnyStateNode[] }) =>
  _nodes
    .map(({ id }) => id)
    .sort()
    .join();

/** Whether a value is a state of the chart: one child of each compound state, every child of each parallel one. */
function isLegal(value: unknown, chart: State): boolean {
  const legal = (inner: unknown, state: State | undefined): boolean => {
    const names = Object.keys(state?.states ?? {}).filter((name) => state?.states?.[name]?.type !== 'history');
    if (names.length === 0) return true;
    const active = typeof inner === 'string' ? { [inner]: {} } : (inner as Record<string, unknown>);
    const keys = Object.keys(active);
    const isWhole = state?.type === 'parallel' ? keys.length === names.length : keys.length === 1;
    return isWhole && keys.every((key) => legal(active[key], state?.states?.[key]));
  };
  return legal((value as { program: unknown }).program, chart);
}

test('generated charts go where XState goes: hierarchy, parallel, history, always, after, final states, guards and the order of actions', () => {
  fc.assert(
    fc.property(chart, fc.array(fc.constantFrom(...events, due), { maxLength: 8 }), (machine, sent) => {
      const definition = definitionOf(machine);
      const { outcomes, given, timed } = ours(definition, sent);
      const { outcomes: expected, strayedAt } = theirs(definition, given);
      // Two regions that leave for different places at once can bring XState into a state that is none, or to hold nodes active that its
      // state does not name: nothing to compare after that.
      const illegal = expected.findIndex((outcome) => outcome !== 'endless' && !isLegal(outcome.value, machine));
      const compared = Math.min(illegal < 0 ? expected.length : illegal, strayedAt + 1);
      expect(outcomes.slice(0, compared)).toEqual(expected.slice(0, compared));
      if (compared === expected.length && strayedAt === expected.length) expect(timed).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test('the published JSON opens in XState with the same states', () => {
  fc.assert(
    fc.property(chart, (machine) => {
      const definition = definitionOf(machine);
      const opened = createMachine(JSON.parse(JSON.stringify(machineJson(definition))) as never);
      expect(idsOf(opened.root)).toEqual(idsOf(compile(definition).machine.root));
    }),
    { numRuns: 40 },
  );
});

const idsOf = ({ id, states }: AnyStateNode): string[] => [id, ...Object.values(states).flatMap((inner) => idsOf(inner as AnyStateNode))];

/** Cases after the ideas of the SCXML test suite: states of the program after each event. */
const cases: Record<string, { machine: State; sent: string[]; states: string[] }> = {
  'the inner state’s way comes before the outer’s': {
    machine: {
      initial: 'o',
      states: { o: { initial: 'i', on: { 'EVENT.a': 'outer' }, states: { i: { on: { 'EVENT.a': 'j' } }, j: {} } }, outer: {} },
    },
    sent: ['EVENT.a', 'EVENT.a'],
    states: ['o.i', 'o.j', 'outer'],
  },
  'the first guard that holds wins, in document order': {
    machine: {
      initial: 'a',
      states: {
        a: { on: { 'EVENT.a': [{ guard: { type: 'when', params: { expr: 'false' } }, target: 'x' }, { target: 'b' }, { target: 'c' }] } },
        b: {},
        c: {},
        x: {},
      } as never,
    },
    sent: ['EVENT.a'],
    states: ['a', 'b'],
  },
  'shallow history enters the child’s initial state, deep history the state itself': {
    machine: {
      initial: 'p',
      states: {
        p: {
          initial: 'q',
          on: { 'EVENT.a': 'away' },
          states: {
            q: { initial: 'one', on: { 'EVENT.b': '.two' }, states: { one: {}, two: {} } },
            shallow: { type: 'history', history: 'shallow' },
            deep: { type: 'history', history: 'deep' },
          },
        },
        away: { on: { 'EVENT.b': '#chart.p.deep', 'EVENT.c': '#chart.p.shallow' } },
      },
    },
    sent: ['EVENT.b', 'EVENT.a', 'EVENT.b', 'EVENT.a', 'EVENT.c'],
    states: ['p.q.one', 'p.q.two', 'away', 'p.q.two', 'away', 'p.q.one'],
  },
  'each region takes the event, and all of them final is done': {
    machine: {
      initial: 'both',
      states: {
        both: {
          type: 'parallel',
          states: {
            l: { initial: 'x', states: { x: { on: { 'EVENT.a': 'y' } }, y: { type: 'final' } } },
            r: {
              initial: 'x',
              states: { x: { on: { 'EVENT.a': 'z', 'EVENT.b': 'y' } }, y: { type: 'final' }, z: { on: { 'EVENT.b': 'y' } } },
            },
          },
          onDone: 'after',
        } as never,
        after: {},
      },
    },
    sent: ['EVENT.a', 'EVENT.b'],
    states: ['both.l.x,r.x', 'both.l.y,r.z', 'after'],
  },
  'always goes on until nothing is left to do, before the next event': {
    machine: {
      initial: 'a',
      states: {
        a: { on: { 'EVENT.a': 'b' } },
        b: { always: 'c' },
        c: { always: [{ guard: { type: 'when', params: { expr: 'vars.n > 0' } }, target: 'd' }] },
        d: {},
      },
    },
    sent: ['EVENT.a'],
    states: ['a', 'd'],
  },
  'a named event comes before a star, which takes every other of its kind and nothing else': {
    machine: {
      initial: 'a',
      states: { a: { on: { 'EVENT.*': 'star', 'EVENT.a': 'named' } }, named: { on: { 'EVENT.*': 'star' } }, star: {} },
    },
    sent: ['CALENDAR.x', 'EVENT.a', 'EVENT.c'],
    states: ['a', 'a', 'named', 'star'],
  },
  'a star further in comes before a name further out': {
    machine: {
      initial: 'o',
      states: { o: { initial: 'i', on: { 'EVENT.a': 'outer' }, states: { i: { on: { 'EVENT.*': 'j' } }, j: {} } }, outer: {} },
    },
    sent: ['EVENT.a', 'EVENT.a'],
    states: ['o.i', 'o.j', 'outer'],
  },
  'a compound state is done when its final child is reached, and not before': {
    machine: {
      initial: 'p',
      states: {
        p: { initial: 'x', onDone: 'next', states: { x: { on: { 'EVENT.a': 'y' } }, y: { on: { 'EVENT.a': 'z' } }, z: { type: 'final' } } },
        next: {},
      },
    },
    sent: ['EVENT.a', 'EVENT.a'],
    states: ['p.x', 'p.y', 'next'],
  },
  'done of a child is not done of what is around it': {
    machine: {
      initial: 'o',
      states: {
        o: {
          initial: 'p',
          onDone: 'wrong',
          states: { p: { initial: 'x', onDone: 'q', states: { x: { on: { 'EVENT.a': 'y' } }, y: { type: 'final' } } }, q: {} },
        },
        wrong: {},
      },
    },
    sent: ['EVENT.a'],
    states: ['o.p.x', 'o.q'],
  },
  'an internal way to a child stays in the parent, one that enters anew begins at its initial state': {
    machine: {
      initial: 'p',
      states: {
        p: {
          initial: 'x',
          on: { 'EVENT.a': '.y', 'EVENT.b': { target: 'p', reenter: true } },
          entry: [add(1)],
          states: { x: {}, y: {} },
          always: [{ guard: { type: 'when', params: { expr: 'vars.n > 7.0' } }, target: 'thrice' }],
        },
        thrice: {},
      } as never,
    },
    sent: ['EVENT.a', 'EVENT.a', 'EVENT.b', 'EVENT.b'],
    states: ['p.x', 'p.y', 'p.y', 'p.x', 'thrice'],
  },
  'a history that was never there leads to its target': {
    machine: {
      initial: 'away',
      states: {
        away: { on: { 'EVENT.a': '#chart.p.h' } },
        p: { initial: 'x', states: { x: {}, y: {}, h: { type: 'history', history: 'deep', target: 'y' } as never } },
      },
    },
    sent: ['EVENT.a'],
    states: ['away', 'p.y'],
  },
  'deep history of parallel regions remembers each': {
    machine: {
      initial: 'both',
      states: {
        both: {
          type: 'parallel',
          on: { 'EVENT.c': 'away' },
          states: {
            l: { initial: 'x', states: { x: { on: { 'EVENT.a': 'y' } }, y: {} } },
            r: { initial: 'x', states: { x: { on: { 'EVENT.b': 'y' } }, y: {} } },
            h: { type: 'history', history: 'deep' },
          },
        } as never,
        away: { on: { 'EVENT.c': '#chart.both.h' } },
      },
    },
    sent: ['EVENT.a', 'EVENT.c', 'EVENT.c', 'EVENT.b'],
    states: ['both.l.x,r.x', 'both.l.y,r.x', 'away', 'both.l.y,r.x', 'both.l.y,r.y'],
  },
  'of two regions that would leave, the first in the chart does': {
    machine: {
      initial: 'both',
      states: {
        both: {
          type: 'parallel',
          states: {
            l: { initial: 'x', states: { x: { on: { 'EVENT.a': '#chart.left' } } } },
            r: { initial: 'x', states: { x: { on: { 'EVENT.a': '#chart.right' } } } },
          },
        },
        left: {},
        right: {},
      },
    },
    sent: ['EVENT.a'],
    states: ['both.l.x,r.x', 'left'],
  },
  'an event nobody waits for changes nothing': {
    machine: { initial: 'a', states: { a: { on: { 'EVENT.b': 'b' } }, b: {} } },
    sent: ['EVENT.a', 'EVENT.c'],
    states: ['a', 'a', 'a'],
  },
};

describe('cases after SCXML', () => {
  test.each(Object.entries(cases))('%s', (_name, { machine, sent, states }) => {
    const program = compile(definitionOf(machine));
    let stepped = enter(program, scope(program.variables));
    const seen = [stepped.state];
    for (const type of sent) {
      stepped = step(program, stepped.machine, { type }, scope(stepped.machine.vars));
      seen.push(stepped.state);
    }
    expect(seen).toEqual(states);
    expect(check(definitionOf(machine)).findings.filter(({ code }) => code === 'shape' || code === 'unknown-state')).toEqual([]);
  });
});
