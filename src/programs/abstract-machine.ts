/** The machine of a program with its guards left open: whoever explores it decides each, and hears what was decided and done. */
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  assign,
  createMachine,
  fromPromise,
  initialTransition,
  transition,
} from 'xstate';
import { maxAutomaticSteps } from './compile.ts';
import type { Definition } from './definition.ts';
import { conversationConfig, timersOf } from './machine.ts';
import type { MachineEvent } from './program.ts';
import { type Action, actionEntry, type Guard } from './vocabulary.ts';

/** What happened in a macrostep, in order. */
export type Deed =
  | { kind: 'entered'; path: string }
  | { kind: 'did'; action: Action; state: string }
  | { kind: 'armed'; timerId: string; delay: string }
  | { kind: 'cleared'; timerId: string };

/** What was taken for granted of a guard. */
export interface Assumption {
  guard: Guard;
  value: boolean;
}

/** One way a macrostep may go. */
export interface Outcome {
  snapshot: AnyMachineSnapshot;
  deeds: readonly Deed[];
  /** What was assumed of guards. */
  assumed: readonly Assumption[];
  /** Whether a guard was asked again after something had changed: only what the guard says ends such a round. */
  rounds: boolean;
  handled: boolean;
}

/** Judges a test that needs no assumption; null leaves it open. */
export type Judge = (guard: Guard) => boolean | null;

/** A machine whose guards are open. */
export interface AbstractMachine {
  /** Every way into the program. */
  enter(judge: Judge): readonly Outcome[];
  /** Every way an event may go. */
  take(snapshot: AnyMachineSnapshot, event: MachineEvent, judge: Judge): readonly Outcome[];
  /** How much work all of that was so far: ways tried and guards decided. */
  effort(): number;
}

/** Ways one macrostep may go that are looked at; further ones are left out. */
const mostWays = 48;

/** The macrostep at work: what is assumed so far, and which assumptions are still to be turned around. */
interface Work {
  judge: Judge;
  prefix: readonly boolean[];
  decided: boolean[];
  assumed: Assumption[];
  known: Map<string, boolean>;
  asked: Set<string>;
  rounds: boolean;
}

/** Builds the open machine of a definition whose structure holds. @throws Error when XState cannot build it */
export function openMachine(definition: Definition): AbstractMachine {
  let work: Work | null = null;
  let effort = 0;
  const timers = timersOf(definition.machine);
  const machine = build(
    definition,
    (guard) => (work ? decide(work, guard) : true),
    () => work?.known.clear(),
  );

  function everyWay(run: () => [AnyMachineSnapshot, readonly RawAction[]], judge: Judge, before: AnyMachineSnapshot | null): Outcome[] {
    const open: boolean[][] = [[]];
    const outcomes: Outcome[] = [];
    let tries = 0;
    for (let prefix = open.pop(); prefix && tries < mostWays; prefix = open.pop()) {
      work = { judge, prefix, decided: [], assumed: [], known: new Map(), asked: new Set(), rounds: false };
      const outcome = tryWay(run, work, before, timers);
      for (let index = prefix.length; index < work.decided.length; index += 1) open.push([...work.decided.slice(0, index), false]);
      tries += 1;
      effort += 1 + work.decided.length;
      if (outcome) outcomes.push(outcome);
    }
    work = null;
    return outcomes;
  }

  return {
    enter: (judge) => everyWay(() => initialTransition(machine, undefined) as never, judge, null),
    take: (snapshot, event, judge) => everyWay(() => transition(machine, snapshot, event) as never, judge, snapshot),
    effort: () => effort,
  };
}

interface RawAction {
  type: string;
  params: Readonly<Record<string, unknown>> | undefined;
}

/** One way; null where the program goes round for ever, which the check of loops tells. */
function tryWay(
  run: () => [AnyMachineSnapshot, readonly RawAction[]],
  work: Work,
  before: AnyMachineSnapshot | null,
  timers: ReadonlyMap<string, string>,
): Outcome | null {
  try {
    const [snapshot, actions] = run();
    if (snapshot.status === 'error') return null;
    const { assumed, rounds } = work;
    const deeds = actions.flatMap((action) => deedsOf(action, timers));
    return { snapshot, deeds, assumed, rounds, handled: snapshot !== before || actions.length > 0 };
  } catch {
    // XState stops a machine that does not come to rest by throwing.
    return null;
  }
}

function deedsOf({ type, params = {} }: RawAction, timers: ReadonlyMap<string, string>): Deed[] {
  switch (type) {
    case 'entered':
      return [{ kind: 'entered', path: String(params.path) }];
    case 'did':
      return [{ kind: 'did', action: params.action as Action, state: String(params.state) }];
    case 'xstate.raise': {
      const delay = timers.get(String(params.id));
      return delay === undefined ? [] : [{ kind: 'armed', timerId: String(params.id), delay }];
    }
    case 'xstate.cancel':
      return [{ kind: 'cleared', timerId: String(params.sendId) }];
    default:
      return [];
  }
}

function decide(work: Work, guard: Guard): boolean {
  if (guard.type === 'all') return guard.params.guards.every((inner) => decide(work, inner));
  if (guard.type === 'any') return guard.params.guards.some((inner) => decide(work, inner));
  if (guard.type === 'not') return !decide(work, guard.params.guard);
  return work.judge(guard) ?? assume(work, guard);
}

/** An assumption holds until something changes that it may rest on. */
function assume(work: Work, guard: Guard): boolean {
  const name = JSON.stringify(guard);
  const known = work.known.get(name);
  if (known !== undefined) return known;
  if (work.asked.has(name)) work.rounds = true;
  work.asked.add(name);
  const value = work.prefix[work.decided.length] ?? true;
  work.decided.push(value);
  work.known.set(name, value);
  work.assumed.push({ guard, value });
  return value;
}

function build(definition: Definition, holds: (guard: Guard) => boolean, changed: () => void): AnyStateMachine {
  const config = conversationConfig(definition, {
    actions: (list, state) =>
      list.flatMap((action) => [
        { type: 'did', params: { action, state } },
        ...(actionEntry(action.type).change ? [{ type: 'changed' }] : []),
      ]),
    guard: (guard) => ({ type: 'open', params: { guard } }),
    input: () => undefined,
  });
  markEntries((config.states as { program: Config }).program, []);
  const implementations = {
    actions: {
      did: noop,
      entered: noop,
      progress: noop,
      countStreak: noop,
      changed: assign(() => {
        changed();
        return {};
      }),
    },
    guards: { open: (_call: unknown, { guard }: { guard: Guard }) => holds(guard) },
    delays: Object.fromEntries(Object.keys(definition.delays ?? {}).map((name) => [name, 1])),
    actors: Object.fromEntries(invokesOf(config).map((src) => [src, fromPromise(() => Promise.reject(new Error('Nothing runs here')))])),
  };
  return createMachine({ ...config, options: { maxIterations: maxAutomaticSteps } } as never, implementations as never) as AnyStateMachine;
}

interface Config {
  states?: Record<string, Config>;
  entry?: readonly unknown[];
  invoke?: { src: string };
  type?: string;
}

function invokesOf(config: Config): string[] {
  return [...(config.invoke ? [config.invoke.src] : []), ...Object.values(config.states ?? {}).flatMap(invokesOf)];
}

/** Every state says first that it was entered, so that states which are only passed are seen too. */
function markEntries(config: Config, path: readonly string[]): void {
  if (config.type !== 'history') config.entry = [{ type: 'entered', params: { path: path.join('.') } }, ...(config.entry ?? [])];
  for (const [name, inner] of Object.entries(config.states ?? {})) markEntries(inner, [...path, name]);
}

function noop(): void {}

/** The nodes of the creator's machine that are active. */
export function activeNodes(snapshot: AnyMachineSnapshot): readonly AnyStateNode[] {
  return snapshot._nodes.filter((node: AnyStateNode) => node.path[0] === 'program');
}
