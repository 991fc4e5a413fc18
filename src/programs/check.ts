/** The check of a program: everything that can be said about a definition before anybody talks to it. Pure and bounded in time. */
import { checkFlow } from './check-flow.ts';
import { checkReferences } from './check-references.ts';
import { checkShape } from './check-shape.ts';
import { compile } from './compile.ts';
import type { Definition } from './definition.ts';
import { type Finding, problem } from './finding.ts';
import { placesOf } from './walk.ts';

export type { Finding } from './finding.ts';

/**
 * Checks a definition of unknown origin. A `definition` comes back when the shape holds; it may be published when no finding is an
 * error, and `compile` then does not fail.
 */
export function check(json: unknown): { definition?: Definition; findings: readonly Finding[] } {
  const { definition, findings } = checkShape(json);
  if (!definition) return { findings };
  const places = placesOf(definition.machine);
  const meaning = [...checkReferences(definition, places), ...checkFlow(definition, places)];
  if (meaning.some(({ severity }) => severity === 'error')) return { definition, findings: meaning };
  return { definition, findings: [...meaning, ...checkCompiles(definition)] };
}

/** Whether there is an error among the findings, so that the program cannot be published. */
export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

/** The last word is XState's own: what it refuses, it refuses now and not when somebody writes. */
function checkCompiles(definition: Definition): readonly Finding[] {
  try {
    compile(definition);
    return [];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [problem('cannot-compile', '/machine', `The machine cannot be built: ${message.slice(0, 300)}`)];
  }
}
