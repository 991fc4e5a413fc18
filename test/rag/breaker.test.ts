import { expect, test } from 'vitest';
import { createBreaker } from '../../src/rag/breaker.ts';
import { manualClock } from '../support/clock.ts';

function broken(failures: number) {
  const clock = manualClock(0);
  const breaker = createBreaker(clock);
  for (let count = 0; count < failures; count++) breaker.report(false);
  return { clock, breaker };
}

test('a service is asked until it has failed twice in a row, and then left in peace for a while', () => {
  expect(broken(1).breaker.pass()).toBe(true);
  const { clock, breaker } = broken(2);
  expect([breaker.closed, breaker.pass()]).toEqual([false, false]);
  clock.advance(14_999);
  expect(breaker.pass()).toBe(false);
  clock.advance(1);
  expect(breaker.pass()).toBe(true);
});

test('a success forgives the failure before it', () => {
  const { breaker } = broken(1);
  breaker.report(true);
  breaker.report(false);
  expect(breaker.pass()).toBe(true);
});

test('after the pause one asks, and the others wait for what it hears', () => {
  for (const ok of [true, false]) {
    const { clock, breaker } = broken(2);
    clock.advance(15_000);
    expect([breaker.pass(), breaker.pass(), breaker.closed]).toEqual([true, false, false]);
    breaker.report(ok);
    expect([breaker.pass(), breaker.pass()]).toEqual([ok, ok]);
  }
});

test('one who asks and never says what he heard is waited for no longer than a pause', () => {
  const { clock, breaker } = broken(2);
  clock.advance(15_000);
  expect(breaker.pass()).toBe(true);
  clock.advance(15_000);
  expect(breaker.pass()).toBe(true);
});
