/** The caps of a definition, each at its limit and one over, and names that mean something elsewhere. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { scriptStart } from '../../src/actors/rehearse.ts';
import { createSimulation } from '../../src/actors/simulate.ts';
import { check, hasErrors } from '../../src/programs/check.ts';
import { compile } from '../../src/programs/compile.ts';

const source = readFileSync(new URL('./right/smallest.json', import.meta.url), 'utf8');

/** The smallest program with parts replaced; `JSON.parse` makes `__proto__` a key like any other. */
const program = (parts: object) => ({ ...JSON.parse(source), ...parts });
const errorsOf = (json: unknown) => check(json).findings.filter(({ severity }) => severity === 'error');

const states = (count: number) => {
  const names = Array.from({ length: count - 1 }, (_, index) => `s${index}`);
  const all = names.map((name, index) => [name, { on: { MESSAGE: names[index + 1] ?? 'end' }, after: { day: 'end' } }]);
  return { machine: { id: 'tiny', initial: 's0', states: { ...Object.fromEntries(all), end: { type: 'final' } } } };
};
const nestedStates = (depth: number): object =>
  depth === 0 ? { on: { MESSAGE: '#tiny.end' } } : { initial: 'x', states: { x: nestedStates(depth - 1) } };
const nested = (depth: number) => ({
  machine: { id: 'tiny', initial: 'o', after: { day: '.end' }, states: { o: nestedStates(depth), end: { type: 'final' } } },
});
const guarded = (expr: string) => ({
  machine: {
    id: 'tiny',
    initial: 'start',
    states: {
      start: { on: { MESSAGE: [{ guard: { type: 'when', params: { expr } }, target: 'end' }, { target: 'end' }] }, after: { day: 'end' } },
      end: { type: 'final' },
    },
  },
});
const words = (text: string) => ({ content: { hello: { en: { text } }, ask: { en: { text: 'x' } } } });
const sum = (terms: number) => Array.from({ length: terms }, () => '1').join(' + ');
const tests = (count: number) => ({
  tests: [{ id: 't', steps: Array.from({ length: count }, () => ({ advance: 'PT1S' })), expect: {} }],
});

describe.each<[string, object, object, string]>([
  ['500 states', states(500), states(501), '/machine'],
  ['32 levels', nested(13), nested(14), '/machine'],
  [
    '2,000 characters of an expression',
    guarded(`${' '.repeat(1996)}true`),
    guarded(`${' '.repeat(1997)}true`),
    '/machine/states/start/on/MESSAGE',
  ],
  ['200 nodes of an expression', guarded(`${sum(99)} > 0`), guarded(`${sum(120)} > 0`), '/machine/states/start/on/MESSAGE'],
  ['4,096 characters of a text', words('x'.repeat(4096)), words('x'.repeat(4097)), '/content/hello/en/text'],
  ['1,000 steps of a test', tests(1000), tests(1001), '/tests/0/steps'],
])('%s', (_name, atLimit, over, pointer) => {
  test('is taken', () => {
    expect(errorsOf(program(atLimit))).toEqual([]);
  });

  test('and one more is refused in its place', () => {
    const [finding] = errorsOf(program(over));
    expect(finding?.pointer.startsWith(pointer)).toBe(true);
  });
});

test.each([
  ['256 KiB', { content: Object.fromEntries(Array.from({ length: 90 }, (_, index) => [`c${index}`, { en: { text: 'x'.repeat(4000) } }])) }],
  ['1,000 names', { content: Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`c${index}`, { en: { text: 'x' } }])) }],
  ['16,000 characters in one place', { meta: { title: 'x'.repeat(16_001) } }],
])('more than %s is too large, said once', (_name, parts) => {
  expect(errorsOf(program(parts)).map(({ code }) => code)).toEqual(['too-large']);
});

describe('a template', () => {
  test.each([
    ['{{ {{ contact.name }} }}', true],
    ['{{ contact.name', true],
    ['{{ contact.name | {{ vars.count }} }}', false],
    ['}} {{ contact.name }}', false],
  ])('%s is refused, or filled in once', (text, isRefused) => {
    const definition = program(words(text));
    expect(errorsOf(definition).length > 0).toBe(isRefused);
    if (isRefused) return;
    const simulation = createSimulation(compile(definition), { name: '{{ vars.count }}' }, scriptStart);
    simulation.say('tiny');
    expect(simulation.outbound()[0]?.body.text).toContain('{{ vars.count }}');
  });
});

const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'valueOf', 'prototype', '__defineGetter__', 'then', 'length'];
const places: Record<string, (name: string) => object> = {
  variable: (name) => ({
    variables: JSON.parse(`{"count":{"type":"number"},"${name}":{"type":"number","default":3}}`),
    ...words(`{{ vars.${name} + 1 }}`),
  }),
  field: (name) => ({ fields: JSON.parse(`{"${name}":{"type":"text"}}`), ...words(`{{ contact.${name} | nobody }}`) }),
  state: (name) => ({
    machine: JSON.parse(
      `{"id":"tiny","initial":"${name}","states":{"${name}":{"on":{"MESSAGE":"end"},"after":{"day":"end"}},"end":{"type":"final"}}}`,
    ),
  }),
  content: (name) => ({
    content: JSON.parse(`{"hello":{"en":{"text":"x"}},"ask":{"en":{"text":"x"}},"${name}":{"en":{"text":"y"}}}`),
  }),
  delay: (name) => ({ delays: JSON.parse(`{"day":{"for":"P1D"},"${name}":{"for":"PT1H"}}`) }),
};
const pairs = Object.keys(places).flatMap((place) => names.map((name) => [place, name] as const));

test.each(pairs)('a %s named %s is refused, or is plain data', (place, name) => {
  const definition = program(places[place]?.(name) ?? {});
  if (hasErrors(check(definition).findings)) return;
  const simulation = createSimulation(compile(definition), {}, scriptStart);
  simulation.say('tiny');
  simulation.advance('PT2H');
  expect(simulation.transcript().some((line) => 'error' in line && line.error !== undefined)).toBe(false);
  expect(simulation.conversation().status).toBe('active');
  if (place === 'variable') expect(simulation.outbound()[0]?.body.text).toBe('4');
  if (place === 'field') expect(simulation.outbound()[0]?.body.text).toBe('nobody');
});
