/**
 * One step of a compiled machine, as a pure function: XState's `transition()` gives the next state and its actions as data,
 * nothing is executed, no clock is read. The only file of the runtime that knows XState.
 */
import {
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  createActor,
  initialTransition,
} from 'xstate';
import type { MachineEvent, Program } from '../programs/program.ts';
import type { Contact, Json, Scope } from '../programs/scope.ts';
import type { Snapshot } from './snapshot.ts';

/** An action of the machine as data, in the order of the macrostep. `scope` is what was known at its place. */
export type MachineAction =
  | { type: 'arm'; timerId: string; delayMs: number }
  | { type: 'clear'; timerId: string }
  | { type: 'invoke'; invokeId: string; src: string; params: Readonly<Record<string, unknown>> }
  | { type: 'perform'; name: string; params: Readonly<Record<string, unknown>>; scope: Scope; event: MachineEvent };

/** What a step gives. */
export interface Stepped {
  machine: NonNullable<Snapshot['machine']>;
  contact: Contact;
  actions: readonly MachineAction[];
  /** Whether any transition took the event. */
  handled: boolean;
  /** The program's state in words: `asleep`, `week.day`, parallel parts joined by a comma. */
  state: string;
  control: Snapshot['control'];
  /** The ids of all active state nodes. */
  active: readonly string[];
  /** The ids of the invokes of active states. */
  invokes: readonly string[];
  /** Set when the program has reached a final state. */
  ended: { outcome: string | null } | null;
}

/** Enters a program. @throws whatever a guard or an expression of the program throws */
export function enter(program: Program, scope: Scope): Stepped {
  const [next, actions] = initialTransition(program.machine, scope);
  if (next.status === 'error') throw next.error;
  return read(program, next, actions as unknown as readonly RawAction[], true);
}

/** Takes one event. @throws whatever a guard or an expression of the program throws */
export function step(program: Program, machine: NonNullable<Snapshot['machine']>, event: MachineEvent, scope: Scope): Stepped {
  const before = restore(program, machine, scope);
  const [next, actions] = transition(program.machine, before, event);
  if (next.status === 'error') throw next.error;
  // A transition that leads nowhere leaves the snapshot as it was, whatever it does, and one that does nothing forbids what is further out.
  const handled = next !== before || actions.length > 0 || program.machine.getTransitionData(before, event).length > 0;
  return read(program, next, actions, handled);
}

/** A program as it stands in a state of the record, which need not be written out to its end. @throws Error for a state it does not have */
export function standing(program: Program, machine: NonNullable<Snapshot['machine']>, scope: Scope): Stepped {
  return read(program, restore(program, machine, scope), [], false);
}

/** What XState wants around a transition, by machine: an actor that never runs. */
const surroundings = new WeakMap<AnyStateMachine, AnyActorScope>();

/** XState's own `transition()`, less the actor it makes for each event, which costs as much again as it enters the machine anew. */
function transition(machine: AnyStateMachine, before: AnyMachineSnapshot, event: MachineEvent): [AnyMachineSnapshot, RawAction[]] {
  const around = surroundings.get(machine) ?? inertScope(machine);
  surroundings.set(machine, around);
  const actions: RawAction[] = [];
  const actionExecutor = (action: unknown) => actions.push(action as RawAction);
  return [machine.transition(before, event, { ...around, actionExecutor }), actions];
}

/** The scope that `transition()` of XState 5.33 makes. */
function inertScope(machine: AnyStateMachine): AnyActorScope {
  const self = createActor(machine);
  const nothing = () => undefined;
  return {
    ...{ self, system: self.system, id: '', sessionId: '' },
    ...{ defer: nothing, logger: nothing, stopChild: nothing, emit: nothing, actionExecutor: nothing },
  };
}

/** An action object of XState 5, as far as we read it. */
interface RawAction {
  type: string;
  params: Readonly<Record<string, unknown>> | undefined;
  info: { context: Scope; event: MachineEvent };
}

/** The standings a program has been restored to, by what they were written as. Machines are forgotten with their programs. */
const standings = new WeakMap<AnyStateMachine, Map<string, AnyMachineSnapshot>>();
/** A standing is a few hundred bytes beside the nodes, which all of them share. */
const mostStandings = 1_000;

/** XState works out the nodes of a value anew for each snapshot, although few values come again and again. */
function restore({ machine }: Program, kept: NonNullable<Snapshot['machine']>, scope: Scope): AnyMachineSnapshot {
  const known = standings.get(machine) ?? new Map<string, AnyMachineSnapshot>();
  standings.set(machine, known);
  const written = JSON.stringify([kept.value, kept.history, kept.order]);
  const standing = known.get(written) ?? restored(machine, kept);
  if (known.size < mostStandings) known.set(written, standing);
  return { ...standing, context: { ...scope, vars: kept.vars }, children: {} } as AnyMachineSnapshot;
}

/** Without a context, so that nothing of a contact is kept. */
function restored(machine: AnyStateMachine, kept: NonNullable<Snapshot['machine']>): AnyMachineSnapshot {
  const historyValue: Record<string, AnyStateNode[]> = {};
  for (const [id, nodes] of Object.entries(kept.history)) {
    historyValue[id] = nodes.map((node) => machine.getStateNodeById(node));
  }
  const standing = machine.resolveState({ value: kept.value as never, context: {} as never, historyValue: historyValue as never });
  if (!kept.order) return standing;
  const places = new Map(kept.order.map((node, place) => [node, place]));
  const placeOf = ({ order }: AnyStateNode) => places.get(order) ?? Number.POSITIVE_INFINITY;
  // Nobody else holds them yet.
  standing._nodes.sort((a, b) => placeOf(a) - placeOf(b) || a.order - b.order);
  standing.value = inOrderOf(kept.value, standing.value as Json) as never;
  return standing;
}

/** A value with the keys of each level in the order of another: XState asks parallel states in that order. */
function inOrderOf(kept: Json, value: Json): Json {
  if (typeof value !== 'object' || value === null || typeof kept !== 'object' || kept === null) return value;
  const [before, after] = [kept as Record<string, Json>, value as Record<string, Json>];
  const keys = new Set([...Object.keys(before).filter((key) => Object.hasOwn(after, key)), ...Object.keys(after)]);
  return Object.fromEntries([...keys].map((key) => [key, inOrderOf(before[key] ?? null, after[key] ?? null)]));
}

/**
 * The active states in the order of their entry, by their numbers in the chart, where some of them are parallel: XState lets those
 * go on in that order, which a value does not tell.
 */
function orderOf(nodes: readonly AnyStateNode[]): { order?: readonly number[] } {
  const isParallel = nodes.some(({ type, parent }) => type === 'parallel' && parent !== undefined);
  return isParallel ? { order: nodes.map(({ order }) => order) } : {};
}

function read(program: Program, next: AnyMachineSnapshot, actions: readonly RawAction[], handled: boolean): Stepped {
  const context = next.context as Scope;
  const region = program.machine.root.states.program;
  const value = next.value as Record<string, Json>;
  const final = next._nodes.find((node: AnyStateNode) => node.type === 'final' && node.parent === region);
  const history: Record<string, string[]> = {};
  for (const [id, nodes] of Object.entries(next.historyValue ?? {})) history[id] = (nodes as AnyStateNode[]).map((node) => node.id);
  return {
    machine: { value, history, vars: context.vars, ...orderOf(next._nodes) },
    contact: context.contact,
    actions: actions.flatMap(readAction),
    handled,
    state: stateName(value.program ?? ''),
    control: (value.control as Snapshot['control']) ?? 'bot',
    active: next._nodes.map((node: AnyStateNode) => node.id),
    invokes: next._nodes.flatMap((node: AnyStateNode) => node.invoke.map((invoke) => invoke.id)),
    ended: final ? { outcome: (final.meta?.outcome as string | undefined) ?? null } : null,
  };
}

function readAction(raw: RawAction): MachineAction[] {
  const params = raw.params ?? {};
  switch (raw.type) {
    case 'xstate.raise':
      // Without a delay the event was already taken within the macrostep.
      return typeof params.delay === 'number' ? [{ type: 'arm', timerId: String(params.id), delayMs: params.delay }] : [];
    case 'xstate.cancel':
      return [{ type: 'clear', timerId: String(params.sendId) }];
    case 'xstate.spawnChild':
      return [
        {
          type: 'invoke',
          invokeId: String(params.id),
          src: String(params.src),
          params: (params.input as Record<string, unknown> | undefined) ?? {},
        },
      ];
    case 'xstate.stopChild':
      // Which invokes still run is read from the active states, since a restored snapshot has no children to name.
      return [];
    default:
      return [{ type: 'perform', name: raw.type, params, scope: raw.info.context, event: raw.info.event }];
  }
}

function stateName(value: Json): string {
  if (typeof value === 'string') return value;
  return Object.entries(value as Record<string, Json>)
    .map(([key, inner]) => {
      const name = stateName(inner);
      return name === '' ? key : `${key}.${name}`;
    })
    .join(',');
}
