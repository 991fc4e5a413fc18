/** The check of a program: everything that can be said about a definition before anybody talks to it. Pure and bounded in time. */
import { checkBehaviour } from './check-behaviour.ts';
import { checkChannels } from './check-channels.ts';
import { checkFlow } from './check-flow.ts';
import { checkMigrations } from './check-migrations.ts';
import { checkQuestionInputs } from './check-questions.ts';
import { checkReferences } from './check-references.ts';
import { checkScripts } from './check-script.ts';
import { checkShape } from './check-shape.ts';
import { checkTexts } from './check-texts.ts';
import { compile } from './compile.ts';
import type { Definition } from './definition.ts';
import { type Finding, type FindingCode, problem } from './finding.ts';
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
  const meaning = [
    ...checkReferences(definition, places),
    ...checkChannels(definition),
    ...checkTexts(definition),
    ...checkFlow(definition, places),
    ...checkQuestionInputs(places),
    ...checkMigrations(definition),
    ...checkScripts(definition),
  ];
  if (!canBeExplored(meaning)) return { definition, findings: meaning };
  const compiles = hasErrors(meaning) ? [] : checkCompiles(definition);
  return { definition, findings: compiles.length > 0 ? [...meaning, ...compiles] : checkBehaviour(definition, places, meaning) };
}

/** Where every name means something, the machine runs, whatever else may be wrong with it. */
function canBeExplored(findings: readonly Finding[]): boolean {
  return findings.every(({ code, severity }) => severity === 'warning' || flowCodes.has(code));
}

const flowCodes: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'unreachable-state',
  'eventless-loop',
  'no-time-limit',
  'invoke-without-error-way',
  'invoke-without-time-limit',
  'dead-end',
  'unanswered-question',
  'answer-cannot-match',
  'does-not-fit',
]);

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
