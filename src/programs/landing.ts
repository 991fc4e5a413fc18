/** Where somebody lands who goes over from one version of a program to another. Pure: definitions and a state in, a place out. */
import type { Definition } from './definition.ts';
import { stateAt } from './machine.ts';
import type { MigrationDefinition } from './migrations.ts';
import type { Json } from './scope.ts';
import { fits, valueTypeOf } from './view.ts';

/**
 * `stays`: the same states are there, nothing is entered again. `enters`: the state map leads to another one, which is entered as if from
 * outside. `stranded`: a state is gone and nothing says where to go, so nobody is moved.
 */
export type Landing = { how: 'stays' } | { how: 'enters'; path: readonly string[] } | { how: 'stranded'; missing: readonly string[] };

/**
 * The landing of somebody in a state of the older version.
 *
 * @param value the state value of the program's own region, as XState writes it
 */
export function landingOf(to: Definition, states: Readonly<Record<string, string>>, value: Json): Landing {
  const leaves = leavesOf(value);
  const led = leaves.flatMap((leaf) => {
    const target = mapped(states, leaf);
    return target === null ? [] : [target];
  });
  if (led.length > 0) return entering(to, leaves, [...new Set(led)]);
  const missing = leaves.filter((leaf) => !isState(to, leaf.split('.')));
  return missing.length > 0 ? { how: 'stranded', missing } : { how: 'stays' };
}

function entering(to: Definition, leaves: readonly string[], targets: readonly string[]): Landing {
  const path = targets[0]?.split('.') ?? [];
  // Parallel parts that would go to different places have no one place to enter.
  return targets.length === 1 && isState(to, path) ? { how: 'enters', path } : { how: 'stranded', missing: leaves };
}

function isState({ machine }: Definition, path: readonly string[]): boolean {
  const state = stateAt(machine, path);
  return state !== undefined && state.type !== 'history';
}

/** The paths of the innermost active states. */
export function leavesOf(value: Json): readonly string[] {
  if (typeof value === 'string') return value === '' ? [] : [value];
  return Object.entries(value as Readonly<Record<string, Json>>).flatMap(([name, inner]) => {
    const below = leavesOf(inner);
    return below.length === 0 ? [name] : below.map((leaf) => `${name}.${leaf}`);
  });
}

/** Where the map leads from a state: by its own name, or by that of the nearest state around it. */
function mapped(states: Readonly<Record<string, string>>, leaf: string): string | null {
  const names = leaf.split('.');
  for (let length = names.length; length > 0; length -= 1) {
    const name = names.slice(0, length).join('.');
    if (Object.hasOwn(states, name)) return states[name] ?? null;
  }
  return null;
}

/** The way back: states that only the newer version has lead to where people came from. */
export function reversed(states: Readonly<Record<string, string>>, older: Definition): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(states).flatMap(([from, to]) => (isState(older, to.split('.')) ? [] : [[to, from] as const])));
}

/** The migration that a version declares from another, in either direction; with nothing declared every state leads to itself. */
export function migrationBetween(
  from: { version: number; definition: Definition },
  to: { version: number; definition: Definition },
): MigrationDefinition {
  const forward = to.definition.migrations?.find((one) => one.from === from.version);
  if (forward) return forward;
  const back = from.definition.migrations?.find((one) => one.from === to.version);
  return back ? { ...back, from: from.version, states: reversed(back.states ?? {}, to.definition) } : { from: from.version };
}

/** The variables somebody brings along: what fits is kept, what is new has the migration's value or its default; nothing is thrown away. */
export function variablesAfter(
  to: Definition,
  defaults: Readonly<Record<string, Json>>,
  given: MigrationDefinition['variables'],
  before: Readonly<Record<string, Json>>,
): Readonly<Record<string, Json>> {
  const entries = Object.entries(to.variables ?? {}).map(([name, { type }]): [string, Json] => {
    const kept = Object.hasOwn(before, name) ? before[name] : undefined;
    if (kept !== undefined && fits(kept, valueTypeOf(type))) return [name, kept];
    const said = given && Object.hasOwn(given, name) ? given[name] : undefined;
    return [name, said !== undefined && fits(said, valueTypeOf(type)) ? said : (defaults[name] ?? null)];
  });
  return { ...before, ...Object.fromEntries(entries) };
}

/** Variables of the newer version that have no value yet and no default: they begin empty. */
export function missingVariables(to: Definition, from: Definition, migration: MigrationDefinition): readonly string[] {
  return Object.entries(to.variables ?? {})
    .filter(([name, variable]) => {
      const before = from.variables && Object.hasOwn(from.variables, name) ? from.variables[name] : undefined;
      const isKept = before !== undefined && valueTypeOf(before.type) === valueTypeOf(variable.type);
      return !isKept && variable.default === undefined && !Object.hasOwn(migration.variables ?? {}, name);
    })
    .map(([name]) => name);
}

/** A definition whose machine begins in the state at `path`: what entering it from outside is. */
export function beginningAt(definition: Definition, path: readonly string[]): Definition {
  const begin = (state: Definition['machine'], names: readonly string[]): Definition['machine'] => {
    const [name, ...rest] = names;
    const inner = name === undefined ? undefined : state.states?.[name];
    if (name === undefined || !inner) return state;
    const initial = state.type === 'parallel' ? {} : { initial: name };
    return { ...state, ...initial, states: { ...state.states, [name]: begin(inner as Definition['machine'], rest) } };
  };
  return { ...definition, machine: begin(definition.machine, path) };
}
