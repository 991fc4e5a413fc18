import { describe, expect, it } from 'vitest';
import { createCalculations } from '../../src/actors/calculations.ts';
import { type ForecastQuestion, forecast } from '../../src/actors/forecast.ts';
import { scriptStart } from '../../src/actors/rehearse.ts';
import { compile } from '../../src/programs/compile.ts';
import { manualClock } from '../support/clock.ts';
import { makeDefinition, sleepReset } from '../support/example.ts';

const question: ForecastQuestion = {
  personas: 40,
  days: 14,
  seed: 7,
  start: scriptStart,
  zones: ['Europe/Lisbon', 'Asia/Tokyo'],
  channel: 'widget',
};
const program = compile(sleepReset);
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

describe('a forecast', () => {
  const report = forecast(program, question, () => undefined);

  it('is the same for the same seed and another for another', () => {
    expect(forecast(program, question, () => undefined)).toEqual(report);
    expect(forecast(program, { ...question, seed: 8 }, () => undefined)).not.toEqual(report);
  });

  it('counts every message once by day, hour and class, and every person by outcome', () => {
    const total = sum(report.messages_by_hour);
    expect(total).toBeGreaterThan(40);
    expect(sum(report.messages_per_day)).toBe(total);
    expect(sum(report.messages_by_local_hour)).toBe(total);
    expect(sum(Object.values(report.messages_by_class))).toBe(total);
    expect(sum(Object.values(report.outcomes))).toBe(40);
    expect(report.outcomes.completed).toBeGreaterThan(0);
    expect(report.outcomes.lost).toBeGreaterThan(0);
  });

  it('sends nothing proactive in the quiet hours of where people are', () => {
    const quiet = forecast(program, { ...question, zones: ['Asia/Tokyo'] }, () => undefined);
    expect(quiet.held).toBeGreaterThan(0);
    const never = compile(makeDefinition({ policies: { ...sleepReset.policies, quiet: { from: '21:30', to: '21:30' } } }));
    expect(forecast(never, { ...question, zones: ['Asia/Tokyo'] }, () => undefined).held).toBe(0);
  });

  it('tells where people stop, whom a cap spares messages, and what would need a template', () => {
    expect(report.drop_off.length).toBeGreaterThan(0);
    expect(sum(report.drop_off.map(({ people }) => people))).toBeLessThanOrEqual(40);
    const often = compile(makeDefinition({ delays: { ...sleepReset.delays, nextMorning: { for: 'PT3H' }, noReply: { for: 'PT26H' } } }));
    const crowded = forecast(often, question, () => undefined);
    expect(crowded.people_over_cap).toBeGreaterThan(0);
    expect(crowded.templates).toBeGreaterThan(0);
  });
});

describe('a forecast in its thread', () => {
  it('gives the same as without one, and tells how far it is', async () => {
    const done: number[] = [];
    const task = { kind: 'forecast', definition: sleepReset, others: [], question } as const;
    const report = await createCalculations(manualClock(0)).run(task, undefined, (count) => done.push(count));
    expect(report).toEqual(forecast(program, question, () => undefined));
    expect(done).toEqual([20, 40]);
  });
});
