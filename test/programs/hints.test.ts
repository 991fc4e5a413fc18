import { describe, expect, test } from 'vitest';
import { hintFor, hintLanguages } from '../../src/programs/hints.ts';
import { inputSchema, readAnswer } from '../../src/programs/inputs.ts';

const types = inputSchema.options.map(({ entries }) => entries.type.literal);
const options = [
  { id: 'a', title: 'A walk' },
  { id: 'b', title: 'A rest' },
];

describe.each(hintLanguages)('in %s', (language) => {
  test.each(types)('says what %s takes, with nothing left to fill in', (type) => {
    const hint = hintFor({ type, options, min: 1, max: 10 }, language);
    expect(hint).toMatch(/^\p{Lu}.{5,}\.$/u);
    expect(hint).not.toMatch(/[{}]|null|undefined/);
  });

  test('every type has words of its own', () => {
    const said = types.map((type) => hintFor({ type, options, min: 1, max: 10 }, language));
    expect(new Set(said).size).toBe(types.length - 1);
  });

  test.each([
    ['date', /24\.? [\p{L} ]+?(?= ou? | oder | or )/u],
    ['time', /7:30/],
    ['email', /\S+@\S+\.org/],
    ['phone', /\+[\d ]+/],
    ['location', /38\.72, -9\.14/],
  ] as const)('the example for %s is understood', (type, example) => {
    const [text = ''] = example.exec(hintFor({ type }, language)) ?? [];
    expect(readAnswer({ type }, text, language, { now: '2026-11-21T10:00' })).toMatchObject({ ok: true });
  });
});

test('names the bounds and the options of the question', () => {
  expect(hintFor({ type: 'number', min: 30, max: 250 }, 'en')).toBe('Please write a number from 30 to 250, such as 30.');
  expect(hintFor({ type: 'number', max: 9 }, 'en-GB')).toBe('Please write a number of at most 9, such as 9.');
  expect(hintFor({ type: 'number' }, 'xx')).toBe('Please write a number, such as 7.');
  expect(hintFor({ type: 'choice', options: [{ id: 'a', title: '$& {min}' }] }, 'de')).toBe('Bitte wählen Sie: $& {min}.');
  expect(hintFor({ type: 'mood' }, 'pt-BR')).toBe('Escreva um número inteiro de 1 a 5.');
});
