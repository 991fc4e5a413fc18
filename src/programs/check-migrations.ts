/** Checks what a version says about people who follow older ones: places to go that exist, values that fit. */
import type { Definition } from './definition.ts';
import { type Finding, pointerTo, problem } from './finding.ts';
import { stateAt } from './machine.ts';
import { fits, valueTypeOf } from './view.ts';

/** Every migration of a definition. */
export function checkMigrations({ machine, variables = {}, migrations = [] }: Definition): readonly Finding[] {
  return migrations.flatMap(({ from, states = {}, variables: given = {} }, index) => {
    const pointer = pointerTo('migrations', index);
    const isTwice = migrations.findIndex((other) => other.from === from) < index;
    return [
      ...(isTwice ? [problem('duplicate-id', `${pointer}/from`, `Two migrations come from version ${from}`)] : []),
      ...Object.entries(states).flatMap(([name, target]) => {
        const state = stateAt(machine, target.split('.'));
        if (state !== undefined && state.type !== 'history') return [];
        return [problem('unknown-state', pointer + pointerTo('states', name), `There is no state "${target}" to land in`)];
      }),
      ...Object.entries(given).flatMap(([name, value]) => {
        const at = pointer + pointerTo('variables', name);
        const declared = Object.hasOwn(variables, name) ? variables[name] : undefined;
        if (!declared) return [problem('unknown-name', at, `There is no variable "${name}"`)];
        return fits(value, valueTypeOf(declared.type))
          ? []
          : [problem('type-mismatch', at, `The value for "${name}" is no ${declared.type}`)];
      }),
    ];
  });
}
