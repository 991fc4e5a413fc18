/** What an entry of the vocabulary says about itself: documentation, the shape of its parameters, what it refers to and what it does. */
import type * as v from 'valibot';
import type { Place } from './changes.ts';
import type { Definition } from './definition.ts';
import type { ValueType } from './expressions.ts';
import type { Json, Scope } from './scope.ts';

/** What parameters refer to, for the checks; `at` is a JSON pointer within the parameters. */
export type Use =
  | { kind: 'content' | 'delay' | 'badge'; name: string; at: string }
  | { kind: 'expression'; source: string; gives: ValueType | 'any'; at: string }
  | { kind: 'save'; place: Place; at: string; source: string | null; gives: ValueType | null };

/** What is at hand where an action or guard stands. */
export interface Setting {
  scope: Scope;
  definition: Definition;
  zone: string;
  /** @throws ExpressionError */
  evaluate(source: string): Json;
}

/** An action. Without `change` it only comes out of a step; with `silent` it does not come out. */
export interface ActionEntry<Params = never> {
  does: string;
  params: v.GenericSchema<unknown, Params>;
  uses(params: Params): readonly Use[];
  change?(params: Params, setting: Setting): Scope;
  silent?: true;
  /** The parameters as they come out, where something in them is computed first. */
  resolve?(params: Params, setting: Setting): Readonly<Record<string, unknown>>;
}

/** A named test. Trees of tests are `all`, `any` and `not`. */
export interface GuardEntry<Params = never> {
  does: string;
  params: v.GenericSchema<unknown, Params>;
  uses(params: Params): readonly Use[];
  test(params: Params, setting: Setting): boolean;
}

/** An invoke: awaited work of a state. */
export interface InvokeEntry<Input = never> {
  does: string;
  input: v.GenericSchema<unknown, Input>;
  uses(input: Input): readonly Use[];
  /** The input as it comes out, where something in it is computed; else its texts are templates. */
  resolve?(input: Input, setting: Setting): Readonly<Record<string, unknown>>;
}
