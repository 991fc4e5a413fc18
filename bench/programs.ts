/** What programs cost: check, compile, a step, thirty days of a daily program. Prints medians; `node bench/programs.ts`. */
import { readFileSync } from 'node:fs';
import { createSimulation } from '../src/actors/simulate.ts';
import { check } from '../src/programs/check.ts';
import { compile } from '../src/programs/compile.ts';
import type { Definition } from '../src/programs/definition.ts';

const definition = JSON.parse(readFileSync(new URL('../examples/sleep-reset.json', import.meta.url), 'utf8')) as Definition;

/** The example as a program of every day for thirty days. */
const daily: Definition = JSON.parse(JSON.stringify(definition).replace('vars.nights >= 7', 'vars.nights >= 30'));

function medianMs(work: () => void, rounds: number): number {
  const times = Array.from({ length: rounds }, () => {
    const before = performance.now();
    work();
    return performance.now() - before;
  });
  return times.sort((a, b) => a - b)[Math.floor(rounds / 2)] as number;
}

function thirtyDays(): void {
  const simulation = createSimulation(compile(daily), {}, Date.UTC(2026, 9, 1, 20));
  simulation.say('sleep');
  simulation.say('7:00');
  for (let night = 0; night < 30; night += 1) {
    simulation.advance('next');
    simulation.press('good');
  }
  if (simulation.conversation().outcome !== 'completed') throw new Error('The daily program did not come to its end');
}

const rows: [string, number][] = [
  ['check, 8 states', medianMs(() => check(definition), 21)],
  ['compile, 8 states', medianMs(() => compile(definition), 21)],
  ['30 days of a daily program', medianMs(thirtyDays, 11)],
];
for (const [name, ms] of rows) console.log(`${name.padEnd(40)} ${ms.toFixed(2).padStart(10)} ms`);
