/** The examples are programs as a good coach would write them: nothing to find, every test green, every text in every language. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { forecast } from '../src/actors/forecast.ts';
import { rehearse, scriptStart } from '../src/actors/rehearse.ts';
import { review } from '../src/actors/review.ts';
import { compile } from '../src/programs/compile.ts';
import type { Definition } from '../src/programs/definition.ts';

const folder = new URL('../examples/', import.meta.url);
const examples = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => [file, JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Definition] as const);

describe.each(examples)('%s', (_file, definition) => {
  test('has no finding', () => {
    expect(review(definition).findings).toEqual([]);
  });

  test('keeps its own tests', () => {
    expect(definition.tests?.length).toBeGreaterThan(0);
    for (const { id, persona = {}, start, steps, expect: expected } of definition.tests ?? []) {
      const script = {
        persona: persona as object,
        start: start === undefined ? scriptStart : Date.parse(start),
        steps: [...steps, { expect: expected }],
      };
      expect({ id, ...rehearse(compile(definition), script), simulation: null }).toEqual({
        id,
        failures: [],
        stopped: null,
        simulation: null,
      });
    }
  });

  test('is lived through by people of all kinds without a failure', () => {
    const question = { personas: 15, days: 40, seed: 4, start: scriptStart, zones: ['Europe/Lisbon', 'America/Lima'], channel: 'widget' };
    const { outcomes, failures, stopped } = forecast(compile(definition), question, () => undefined);
    expect({ failures, stopped }).toEqual({ failures: 0, stopped: 0 });
    expect(Object.keys(outcomes).length).toBeGreaterThan(1);
  });
});

test('four of them are whole programs in two languages with promises', () => {
  const whole = examples.filter(([, { meta, promises, tests }]) => meta.languages.length > 1 && promises && (tests?.length ?? 0) > 3);
  expect(whole.map(([file]) => file)).toEqual(['better-sleep.json', 'first-strength.json', 'smoke-free.json', 'spanish-daily.json']);
});
