/** Checks the tests and promises of a program: names that mean something, expressions that can be computed. */
import type { Definition } from './definition.ts';
import { createExpressions, type Expressions } from './expressions.ts';
import { type Finding, pointerTo, problem } from './finding.ts';
import { stateAt } from './machine.ts';
import type { Moment } from './promises.ts';
import { namesOf } from './view.ts';

/** Every promise, and every expression of a test. */
export function checkScripts(definition: Definition): readonly Finding[] {
  const { promises = [], tests = [] } = definition;
  const expressions = createExpressions(namesOf(definition));
  return [
    ...promises.flatMap((promise, index) => {
      const pointer = pointerTo('promises', index);
      if ('never' in promise) return checkMoment(definition, expressions, promise.never, `${pointer}/never`);
      return (['after', 'comes'] as const).flatMap((part) => checkMoment(definition, expressions, promise[part], `${pointer}/${part}`));
    }),
    ...repeatedIds(promises, 'promises'),
    ...repeatedIds(tests, 'tests'),
    ...tests.flatMap(({ steps, expect }, index) => {
      const pointer = pointerTo('tests', index);
      return [
        ...checkExpression(expressions, expect.holds, `${pointer}/expect/holds`),
        ...steps.flatMap((step, at) =>
          'expect' in step ? checkExpression(expressions, step.expect.holds, `${pointer}/steps/${at}/expect/holds`) : [],
        ),
      ];
    }),
  ];
}

function repeatedIds(list: readonly { id: string }[], part: string): Finding[] {
  return list.flatMap(({ id }, index) =>
    list.findIndex((other) => other.id === id) < index
      ? [problem('duplicate-id', pointerTo(part, index, 'id'), `"${id}" is there twice`)]
      : [],
  );
}

function checkMoment(
  { machine, content }: Definition,
  expressions: Expressions,
  { state, says, holds }: Moment,
  pointer: string,
): Finding[] {
  const isKnown = state === undefined || stateAt(machine, state.split('.')) !== undefined;
  return [
    ...(isKnown ? [] : [problem('unknown-state', `${pointer}/state`, `There is no state "${state}"`)]),
    ...(says === undefined || Object.hasOwn(content, says)
      ? []
      : [problem('unknown-name', `${pointer}/says`, `There is no content "${says}"`)]),
    ...checkExpression(expressions, holds, `${pointer}/holds`),
  ];
}

function checkExpression(expressions: Expressions, source: string | undefined, pointer: string): Finding[] {
  if (source === undefined) return [];
  const checked = expressions.check(source);
  if (!checked.ok) return [problem('expression', pointer, checked.problem)];
  return checked.type === 'bool' || checked.type === 'dyn' ? [] : [problem('type-mismatch', pointer, `"${source}" must give yes or no`)];
}
