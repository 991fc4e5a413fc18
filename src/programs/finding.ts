/** Findings: what a check of a program has to say, where, and in words a coach understands. */

/** Every kind of finding. */
export type FindingCode =
  | 'too-large'
  | 'forbidden-key'
  | 'shape'
  | 'unknown-key'
  | 'unknown-name'
  | 'unknown-state'
  | 'expression'
  | 'type-mismatch'
  | 'reserved-name'
  | 'duplicate-id'
  | 'unreachable-state'
  | 'eventless-loop'
  | 'possible-loop'
  | 'no-time-limit'
  | 'invoke-without-error-way'
  | 'invoke-without-time-limit'
  | 'missing-content'
  | 'missing-translation'
  | 'dead-end'
  | 'unanswered-question'
  | 'no-entry'
  | 'too-many-messages'
  | 'outside-window'
  | 'answer-cannot-match'
  | 'unheard-answer'
  | 'unheard-button'
  | 'does-not-fit'
  | 'hidden-character'
  | 'broken-promise'
  | 'failed-test'
  | 'failed-expression'
  | 'many-nudges'
  | 'never-left'
  | 'not-covered'
  | 'cannot-compile';

/** One thing to know about a program. An error keeps it from being published. */
export interface Finding {
  code: FindingCode;
  severity: 'error' | 'warning';
  /** JSON pointer (RFC 6901) into the definition. */
  pointer: string;
  message: string;
  /** Of a finding about behaviour: a shortest way to it, line by line, the time since the beginning first. */
  transcript?: readonly string[];
}

/** A finding that keeps the program from being published. */
export function problem(code: FindingCode, pointer: string, message: string): Finding {
  return { code, severity: 'error', pointer, message };
}

/** A finding to think about. */
export function warning(code: FindingCode, pointer: string, message: string): Finding {
  return { code, severity: 'warning', pointer, message };
}

/** A JSON pointer from keys (RFC 6901). */
export function pointerTo(...keys: readonly (string | number)[]): string {
  return keys.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
