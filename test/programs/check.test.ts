import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { review } from '../../src/actors/review.ts';
import { check, hasErrors } from '../../src/programs/check.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Definition } from '../../src/programs/definition.ts';

const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const files = (folder: string) =>
  readdirSync(new URL(folder, import.meta.url)).map((file) => [file.replace('.json', ''), `${folder}/${file}`]);

/** Findings that tell what happens tell how it comes to that. */
const aboutBehaviour = new Set([
  'too-many-messages',
  'outside-window',
  'unheard-answer',
  'unheard-button',
  'broken-promise',
  'failed-test',
  'failed-expression',
  'many-nudges',
  'never-left',
]);

describe('rows 36 and 37: a wrong program is found wrong in its place', () => {
  test.each(files('./wrong'))('%s', (_name, path) => {
    const { expect: expected, definition } = read(path as string);
    const { findings } = review(definition);
    expect(findings).toContainEqual(expect.objectContaining(expected));
    for (const { message, code, transcript } of findings) {
      expect(message).toMatch(/^\S.{5,}[^.]$/s);
      if (aboutBehaviour.has(code)) expect(transcript?.length).toBeGreaterThan(0);
    }
  });
});

test('there is a wrong program for every kind of finding', () => {
  const source = readFileSync(new URL('../../src/programs/finding.ts', import.meta.url), 'utf8');
  const codes = [...(source.split('export interface')[0] ?? '').matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, code]) => code);
  const covered = new Set(files('./wrong').map(([, path]) => read(path as string).expect.code));
  expect(codes.length).toBeGreaterThan(30);
  // What XState itself would refuse is found before it is asked, as far as anybody knows.
  expect(codes.filter((code) => !covered.has(code))).toEqual(['cannot-compile']);
});

describe('a right program is found right', () => {
  test.each([
    ...files('./right'),
    ...files('../../examples').filter(([name]) => existsSync(new URL(`../../examples/${name}.json`, import.meta.url))),
  ])('%s', (_name, path) => {
    const { definition, findings } = review(read(path as string));
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

test('a window finding tells the hours and the shortest way to them', () => {
  const { findings } = review(read('./wrong/free-text-held-beyond-a-day.json').definition);
  expect(findings.map(({ message, transcript }) => ({ message, transcript }))).toEqual([
    {
      message:
        '"nudge" can send free text ("hello") 30 h after the last reply, and WhatsApp takes it for 24 h only: give it a template, or test "inWindow" first',
      transcript: [
        '+0 s  contact: tiny',
        '+0 s  coach: Hello {{ contact.name | friend }}',
        '+0 s  → start',
        '+20 h  "later" is over',
        '+20 h  coach: Hello {{ contact.name | friend }}',
        '+20 h  → nudge',
      ],
    },
  ]);
});

test('a message that asks first whether the window is open is free to be text', () => {
  const { definition } = read('./wrong/free-text-after-a-day.json');
  const { states } = definition.machine;
  const open = {
    ...states,
    start: { ...states.start, after: { day: [{ target: 'nudge', guard: { type: 'inWindow' } }, { target: 'end' }] } },
  };
  expect(review({ ...definition, machine: { ...definition.machine, states: open } }).findings).toEqual([]);
  const byHours = { type: 'not', params: { guard: { type: 'when', params: { expr: 'conversation.hoursSilent >= 24' } } } };
  const counted = { ...states, start: { ...states.start, after: { day: [{ target: 'nudge', guard: byHours }, { target: 'end' }] } } };
  expect(hasErrors(review({ ...definition, machine: { ...definition.machine, states: counted } }).findings)).toBe(false);
});

test('60 states are checked within two seconds', () => {
  const before = performance.now();
  expect(hasErrors(review(chainOf(60)).findings)).toBe(false);
  expect(performance.now() - before).toBeLessThan(2000);
});

test('500 states are checked in a few seconds, 501 are too many', () => {
  const before = performance.now();
  const { findings } = check(chainOf(500));
  expect(performance.now() - before).toBeLessThan(5000);
  expect(hasErrors(findings)).toBe(false);
  expect(check(chainOf(501)).findings).toEqual([expect.objectContaining({ code: 'too-large', pointer: '/machine' })]);
});
