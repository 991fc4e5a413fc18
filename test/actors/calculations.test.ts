/** The threads in which programs are looked at: reused, bounded in time and number, and ended when they hang. */
import { expect, test } from 'vitest';
import { createCalculations } from '../../src/actors/calculations.ts';
import { review } from '../../src/actors/review.ts';
import type { Definition } from '../../src/programs/definition.ts';
import { manualClock } from '../support/clock.ts';
import { makeDefinition, sleepReset } from '../support/example.ts';

const clock = manualClock(0);
const calculations = createCalculations(clock);
const around = { others: [], secrets: [] };

/** A program that keeps a forecast busy for long. */
const forecasting = {
  kind: 'forecast' as const,
  definition: sleepReset,
  others: [],
  question: { personas: 2_000, days: 90, seed: 1, start: 0, zones: [], channel: 'widget' },
};

test('says the same as on the spot', async () => {
  const wrong = makeDefinition({ delays: {} });
  for (const definition of [sleepReset, wrong]) {
    expect(await calculations.run({ kind: 'review', json: definition, around })).toEqual(
      JSON.parse(JSON.stringify({ ...review(definition, around) })),
    );
  }
});

test('leaves the event loop free while it looks', async () => {
  const states = Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [`s${index}`, { on: { MESSAGE: `s${(index + 1) % 400}` }, meta: { timeout: 'none' } }]),
  );
  const large = makeDefinition({ machine: { id: 'sleep-reset', initial: 's0', states } as Definition['machine'], progress: {}, tests: [] });
  let longest = 0;
  let last = performance.now();
  const beat = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  const before = performance.now();
  await calculations.run({ kind: 'review', json: large, around });
  const took = performance.now() - before;
  clearInterval(beat);
  expect(longest).toBeLessThan(Math.max(150, took / 2));
});

test('a second forecast is told to come back, and checks go on beside it', async () => {
  const stop = new AbortController();
  const first = calculations.run(forecasting, stop.signal);
  await expect(calculations.run(forecasting)).rejects.toMatchObject({ code: 'OVERLOADED', details: { retry_after_ms: 10_000 } });
  expect((await calculations.run({ kind: 'check', json: {} })).findings.length).toBeGreaterThan(0);
  stop.abort(new Error('gone'));
  await expect(first).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('whoever leaves ends the work, and the next one is taken', async () => {
  const stop = new AbortController();
  const first = calculations.run(forecasting, stop.signal, () => stop.abort(new Error('gone')));
  await expect(first).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await expect(calculations.run(forecasting, AbortSignal.abort(new Error('gone')))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const small = { ...forecasting, question: { ...forecasting.question, personas: 2, days: 2 } };
  expect(await calculations.run(small)).toMatchObject({ personas: 2, failures: 0 });
});

test('many who ask at once wait in line, and too many are told to come back', async () => {
  const asked = await Promise.allSettled(Array.from({ length: 25 }, () => calculations.run({ kind: 'check', json: null })));
  const refused = asked.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(8);
  expect(refused[0]).toMatchObject({ reason: { code: 'OVERLOADED' } });
});
