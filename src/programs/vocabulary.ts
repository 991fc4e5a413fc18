/**
 * The vocabulary of programs: every action, guard, invoke and delay by name, with the shape of its parameters, one line for the
 * documentation, what it refers to, and what it does. Schema, compiler and checks are made from these tables.
 */
import * as v from 'valibot';
import { actions } from './actions.ts';
import { guards } from './guards.ts';
import { invokes, literalInputs } from './invokes.ts';
import type { ActionEntry, GuardEntry, InvokeEntry, Setting, Use } from './vocabulary-entry.ts';

export type { Setting, Use };
export { actions, guards, invokes, literalInputs };

type ParamsOf<Entry> = Entry extends { params: v.GenericSchema<unknown, infer Params> } ? Params : never;

type InputOf<Entry> = Entry extends { input: v.GenericSchema<unknown, infer Input> } ? Input : never;

/** An action as a creator writes it. */
export type Action = { [Name in keyof typeof actions]: { type: Name; params: ParamsOf<(typeof actions)[Name]> } }[keyof typeof actions];

/** A guard as a creator writes it. */
export type Guard =
  | { [Name in keyof typeof guards]: { type: Name; params?: ParamsOf<(typeof guards)[Name]> } }[keyof typeof guards]
  | { type: 'all' | 'any'; params: { guards: readonly Guard[] } }
  | { type: 'not'; params: { guard: Guard } };

/** Which invoke, and what it is given, as a creator writes it. */
export type Invoke = { [Name in keyof typeof invokes]: { src: Name; input?: InputOf<(typeof invokes)[Name]> } }[keyof typeof invokes];

type Option = v.StrictObjectSchema<{ type: v.LiteralSchema<string, undefined>; params: v.GenericSchema }, undefined>;

function option(type: string, params: v.GenericSchema): Option {
  const isEmpty = v.is(params, {});
  return v.strictObject({ type: v.literal(type), params: isEmpty ? v.optional(params, {}) : params }) as Option;
}

/** The schema of an action. */
export const actionSchema = v.variant(
  'type',
  Object.entries(actions).map(([type, { params }]) => option(type, params)) as unknown as [Option, ...Option[]],
) as unknown as v.GenericSchema<unknown, Action>;

/** The schema of a guard, trees included. */
export const guardSchema: v.GenericSchema<unknown, Guard> = v.lazy(() => guardVariant);

const guardVariant = v.variant('type', [
  ...(Object.entries(guards).map(([type, { params }]) => option(type, params)) as unknown as [Option, ...Option[]]),
  ...['all', 'any'].map((type) =>
    option(type, v.strictObject({ guards: v.pipe(v.array(guardSchema), v.minLength(1, 'Name at least one guard')) })),
  ),
  option('not', v.strictObject({ guard: guardSchema })),
]) as unknown as v.GenericSchema<unknown, Guard>;

/** The schema of an invoke: which one, its input, and the given entries beside them. */
export function invokeOptions<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.GenericSchema<unknown, Invoke & v.InferOutput<v.StrictObjectSchema<Entries, undefined>>> {
  const shapes = Object.entries(invokes).map(([src, { input }]) => {
    const given: v.GenericSchema = v.is(input as v.GenericSchema, {}) ? v.optional(input as v.GenericSchema) : input;
    return v.strictObject({ src: v.literal(src), input: given, ...entries });
  });
  return v.variant('src', shapes as never) as never;
}

/** The entry of an action, its parameters taken as checked. */
export function actionEntry(name: Action['type']): ActionEntry<unknown> {
  return actions[name] as unknown as ActionEntry<unknown>;
}

/** The entry of an invoke, its input taken as checked. */
export function invokeEntry(name: Invoke['src']): InvokeEntry<unknown> {
  return invokes[name] as unknown as InvokeEntry<unknown>;
}

/** Whether a guard holds. @throws ExpressionError */
export function holds(tested: Guard, setting: Setting): boolean {
  switch (tested.type) {
    case 'all':
      return tested.params.guards.every((inner) => holds(inner, setting));
    case 'any':
      return tested.params.guards.some((inner) => holds(inner, setting));
    case 'not':
      return !holds(tested.params.guard, setting);
    default:
      return (guards[tested.type] as unknown as GuardEntry<unknown>).test(tested.params ?? {}, setting);
  }
}

/** What a guard refers to, with pointers from the guard. */
export function usesOfGuard(tested: Guard): readonly Use[] {
  switch (tested.type) {
    case 'all':
    case 'any':
      return tested.params.guards.flatMap((inner, index) => usesOfGuard(inner).map((use) => within(use, `/params/guards/${index}`)));
    case 'not':
      return usesOfGuard(tested.params.guard).map((use) => within(use, '/params/guard'));
    default:
      return (guards[tested.type] as unknown as GuardEntry<unknown>).uses(tested.params ?? {}).map((use) => within(use, '/params'));
  }
}

function within(use: Use, pointer: string): Use {
  return { ...use, at: `${pointer}${use.at}` };
}
