/** The role × action table, read as sentences. */
import { expect, test } from 'vitest';
import { type Action, allows, permissionsOf, roleTable } from '../../src/accounts/roles.ts';

test('an owner may do everything, a viewer only look', () => {
  expect(permissionsOf('owner')).toEqual(Object.keys(roleTable));
  expect(permissionsOf('viewer').every((action) => /\.(read|query)$|^account\./.test(action))).toBe(true);
});

test('agents speak with contacts and leave programs alone', () => {
  const expected: [Action, boolean][] = [
    ['conversations.act', true],
    ['contacts.write', true],
    ['programs.write', false],
    ['programs.publish', false],
    ['documents.write', false],
    ['channels.write', false],
  ];
  for (const [action, allowed] of expected) expect([action, allows('agent', action)]).toEqual([action, allowed]);
});
