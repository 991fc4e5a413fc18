/** The shape of a conversation's machine: the creator's machine as one region beside who has control and the answer in flight. */
import type { Definition, MachineDefinition, StateDefinition, TransitionDefinition, Transitions } from './definition.ts';
import { controlRegion, replyRegion } from './regions.ts';
import type { Action, Guard, Invoke } from './vocabulary.ts';

/** The id of the whole machine; ids of states begin with it, but for the creator's root, which keeps its own. */
export const machineId = 'conversation';

/** The region of the creator's machine. */
const region = 'program';

/** How the parts of a state become what they are in the machine. */
export interface Making {
  /** @param state the id of the state node the actions stand in */
  actions(actions: readonly Action[], state: string): readonly unknown[];
  guard(guard: Guard): unknown;
  input(input: Readonly<Record<string, unknown>>, src: Invoke['src']): unknown;
  /** What happens before anything else when a state is entered. */
  enter?(state: string): readonly unknown[];
}

/** Keeps every part as it was written. */
const asWritten: Making = { actions: (list) => list, guard: (guard) => guard, input: (input) => input };

/** The id of the state node at a path below the creator's root. */
export function stateId(machine: MachineDefinition, path: readonly string[]): string {
  return path.length === 0 ? machine.id : [machineId, region, ...path].join('.');
}

/** The configuration of a conversation's machine, in XState's own words. */
export function conversationConfig(definition: Definition, making: Making): Record<string, unknown> {
  return {
    id: machineId,
    type: 'parallel',
    states: {
      [region]: { ...makeState(definition, definition.machine, [], making), id: definition.machine.id },
      control: controlRegion(),
      reply: replyRegion(),
    },
  };
}

/** The machine of a definition as JSON that XState's tooling opens. */
export function machineJson(definition: Definition): Record<string, unknown> {
  return conversationConfig(definition, asWritten);
}

function makeState(definition: Definition, state: StateDefinition, path: readonly string[], making: Making): Record<string, unknown> {
  const id = stateId(definition.machine, path);
  const transitions = (from: Transitions | undefined) => makeTransitions(definition.machine, from, path, making);
  const each = (from: Readonly<Record<string, Transitions>> | undefined) =>
    from && Object.fromEntries(Object.entries(from).map(([name, to]) => [name, transitions(to)]));
  const { states, on, after, always, onDone, entry, exit, invoke, ...rest } = state;
  return defined({
    ...rest,
    states:
      states &&
      Object.fromEntries(Object.entries(states).map(([name, inner]) => [name, makeState(definition, inner, [...path, name], making)])),
    on: each(on),
    after: each(after),
    always: transitions(always),
    onDone: transitions(onDone),
    entry: [...((path.length > 0 && making.enter?.(path.at(-1) ?? '')) || []), ...making.actions(entry ?? [], id)],
    exit: exit && making.actions(exit, id),
    invoke:
      invoke &&
      defined({
        src: invoke.src,
        input: making.input(defined(invoke.input ?? {}), invoke.src),
        onDone: transitions(invoke.onDone),
        onError: transitions(invoke.onError),
      }),
  });
}

function makeTransitions(machine: MachineDefinition, from: Transitions | undefined, path: readonly string[], making: Making): unknown {
  if (from === undefined || typeof from === 'string') return from;
  const make = ({ guard, actions, ...rest }: TransitionDefinition) => {
    // What is asked on the way is asked by the state it leads to: the one that is left is no longer there to be answered.
    const asking = rest.target === undefined ? path : (resolveTarget(machine, path, rest.target) ?? path);
    return defined({
      ...rest,
      guard: guard && making.guard(guard),
      actions: actions && making.actions(actions, stateId(machine, asking)),
    });
  };
  return Array.isArray(from) ? from.map(make) : make(from as TransitionDefinition);
}

/** The state below the creator's root at a path; undefined where there is none. */
export function stateAt(machine: MachineDefinition, path: readonly string[]): StateDefinition | undefined {
  return path.reduce<StateDefinition | undefined>(
    (state, name) => (state?.states && Object.hasOwn(state.states, name) ? state.states[name] : undefined),
    machine,
  );
}

/** The path of the state that a target means, seen from the state at `path`: `#id…` from the root, `.x` below, `x` beside. Null where there is none. */
export function resolveTarget(machine: MachineDefinition, path: readonly string[], target: string): readonly string[] | null {
  const [first = '', ...names] = target.split('.');
  const resolved = startOfTarget(machine, path, first);
  if (!resolved) return null;
  const found = [...resolved, ...names];
  return stateAt(machine, found) ? found : null;
}

function startOfTarget(machine: MachineDefinition, path: readonly string[], first: string): readonly string[] | null {
  if (first.startsWith('#')) return first.slice(1) === machine.id ? [] : null;
  if (first === '') return path;
  return path.length === 0 ? null : [...path.slice(0, -1), first];
}

/** Without keys that hold nothing, which XState takes for something. */
function defined(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** Timer id → delay, for every `after` of the machine. */
export function timersOf(machine: MachineDefinition): ReadonlyMap<string, string> {
  const timers = new Map<string, string>();
  const walk = (state: StateDefinition, path: readonly string[]): void => {
    for (const delay of Object.keys(state.after ?? {})) timers.set(`xstate.after.${delay}.${stateId(machine, path)}`, delay);
    for (const [name, inner] of Object.entries(state.states ?? {})) walk(inner, [...path, name]);
  };
  walk(machine, []);
  return timers;
}
