/** What is wrong with a value from outside, in words for who sent it. */
import type * as v from 'valibot';

/** What the parts of the value are called: keys of a body, parameters of a query. */
export type Noun = 'key' | 'parameter';

const mostForms = 4;

/** The text of an issue: our own words as the schema has them, Valibot's made plain. */
export function issueText(issue: v.BaseIssue<unknown>, noun: Noun): string {
  const last = issue.path?.at(-1)?.key;
  const name = JSON.stringify(String(last).toWellFormed().slice(0, 100));
  if (issue.kind === 'schema' && issue.expected === 'never' && last !== undefined) return `Unknown ${noun} ${name}`;
  if (issue.kind === 'schema' && issue.received === 'undefined' && last !== undefined) return missing(issue, name);
  if (issue.type === 'union' && issue.issues !== undefined && issue.received === 'Object') {
    // Each form that the value may have says why this one is not it.
    const texts = [...new Set(issue.issues.map((each) => issueText(each, noun)))];
    return `Fits no form of it: ${texts.slice(0, mostForms).join(', or ')}`;
  }
  return issue.message.replace(/^Invalid \w+: /, '');
}

/** Of what may be one of a few words, it says which. */
function missing(issue: v.BaseIssue<unknown>, name: string): string {
  const expected = issue.expected ?? '';
  return expected.includes(' | ') && expected.includes('"') ? `${name} is missing: expected ${expected}` : `${name} is missing`;
}
