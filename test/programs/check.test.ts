import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { check, hasErrors } from '../../src/programs/check.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Definition } from '../../src/programs/definition.ts';

const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const files = (folder: string) =>
  readdirSync(new URL(folder, import.meta.url)).map((file) => [file.replace('.json', ''), `${folder}/${file}`]);

describe('a wrong program is found wrong in its place', () => {
  test.each(files('./wrong'))('%s', (_name, path) => {
    const { expect: expected, definition } = read(path as string);
    const { findings } = check(definition);
    expect(findings).toContainEqual(expect.objectContaining(expected));
    for (const { message } of findings) expect(message).toMatch(/^\S.{5,}[^.]$/s);
  });
});

describe('a right program is found right', () => {
  test.each([...files('./right'), ['the example of the documentation', '../../examples/sleep-reset.json']])('%s', (_name, path) => {
    const { definition, findings } = check(read(path as string));
    expect(findings).toEqual([]);
    expect(() => compile(definition as Definition)).not.toThrow();
  });
});

const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
};

describe('what is no program at all is refused without a crash', () => {
  test.each([
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['a text', 'program'],
    ['an empty object', {}],
    ['10,000 levels', nested(10_000)],
    ['a list of a million', new Array(1_000_000).fill(0)],
    ['half a megabyte of names', Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`${index}`.padEnd(600, 'x'), 0]))],
    ['a __proto__ key', JSON.parse('{"meta":{"__proto__":{"id":"x"}}}')],
    ['a broken surrogate', { meta: { id: '\ud800' } }],
  ])('%s', (_name, json) => {
    const { definition, findings } = check(json);
    expect(definition).toBeUndefined();
    expect(hasErrors(findings)).toBe(true);
  });
});

function chainOf(states: number): unknown {
  const { definition } = read('./wrong/dead-end.json');
  const chain = Object.fromEntries(
    Array.from({ length: states - 1 }, (_, index) => [
      `s${index}`,
      { on: { MESSAGE: index === states - 2 ? 'end' : `s${index + 1}` }, always: guarded(index, states) },
    ]),
  );
  return { ...definition, machine: { id: 'tiny', initial: 's0', states: { ...chain, end: { type: 'final' } }, after: { day: '.end' } } };
}

const guarded = (index: number, states: number) => [
  { target: `s${(index + 7) % (states - 1)}`, guard: { type: 'when', params: { expr: `vars.count == ${index}` } } },
];

test('500 states are checked within a second, 501 are too many', () => {
  const before = performance.now();
  const { findings } = check(chainOf(500));
  expect(performance.now() - before).toBeLessThan(1000);
  expect(hasErrors(findings)).toBe(false);
  expect(check(chainOf(501)).findings).toEqual([expect.objectContaining({ code: 'too-large', pointer: '/machine' })]);
});
