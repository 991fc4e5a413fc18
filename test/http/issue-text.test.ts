/** What is wrong with a body or a query, in plain words. */
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { issueText } from '../../src/http/issue-text.ts';

const form = v.strictObject({ content: v.string() });
const cases: [v.GenericSchema, unknown, string[]][] = [
  [v.strictObject({ name: v.string() }), {}, ['"name" is missing']],
  [v.strictObject({ name: v.string() }), { name: 'a', zip: 1 }, ['Unknown key "zip"']],
  [v.strictObject({ name: v.string() }), { name: 1 }, ['Expected string but received 1']],
  [v.strictObject({ is: v.picklist(['a', 'b']) }), { is: 'c' }, ['Expected ("a" | "b") but received "c"']],
  [v.strictObject({ name: v.pipe(v.string(), v.minLength(1, 'Write something')) }), { name: '' }, ['Write something']],
  [v.strictObject({ name: v.pipe(v.string(), v.maxLength(1)) }), { name: 'ab' }, ['Expected <=1 but received 2']],
  [
    v.union([form, v.strictObject({ event: v.string() })]),
    { zip: 1 },
    ['Fits no form of it: "content" is missing, or Unknown key "zip", or "event" is missing'],
  ],
  [
    v.variant('channel', [v.strictObject({ channel: v.literal('a') }), v.strictObject({ channel: v.literal('b') })]),
    {},
    ['"channel" is missing: expected ("a" | "b")'],
  ],
];

test.each(cases)('%# says what is wrong', (schema, value, texts) => {
  const { issues = [] } = v.safeParse(schema, value);
  expect(issues.map((issue) => issueText(issue, 'key'))).toEqual(texts);
});

test('a query has parameters', () => {
  const { issues = [] } = v.safeParse(v.strictObject({}), { zip: '1' });
  expect(issues.map((issue) => issueText(issue, 'parameter'))).toEqual(['Unknown parameter "zip"']);
});
