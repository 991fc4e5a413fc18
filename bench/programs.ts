/** What programs cost: compile, check, a step held against raw XState, thirty days of a daily program, and a forecast. */
import { readFileSync } from 'node:fs';
import { transition } from 'xstate';
import { forecast } from '../src/actors/forecast.ts';
import { rehearse, scriptStart } from '../src/actors/rehearse.ts';
import { review } from '../src/actors/review.ts';
import { createSimulation } from '../src/actors/simulate.ts';
import { enter, step } from '../src/actors/step.ts';
import { check } from '../src/programs/check.ts';
import { compile } from '../src/programs/compile.ts';
import type { Definition } from '../src/programs/definition.ts';
import type { Program } from '../src/programs/program.ts';
import type { Scope } from '../src/programs/scope.ts';
import { median, table } from './report.ts';

const read = (name: string) => JSON.parse(readFileSync(new URL(`../examples/${name}.json`, import.meta.url), 'utf8')) as Definition;

/** The example as a program of every day for thirty days. */
const daily: Definition = JSON.parse(JSON.stringify(read('sleep-reset')).replace('vars.nights >= 7', 'vars.nights >= 30'));

/** A chain of weeks that each ask, wait and go on: a program of `states` states. */
function chain(states: number): Definition {
  const example = read('sleep-reset');
  const names = Array.from({ length: states - 1 }, (_, index) => `day${index}`);
  const days = names.map((name, index) => {
    const next = names[index + 1] ?? 'end';
    return [
      name,
      {
        entry: [{ type: 'say', params: { content: 'check', class: 'nudge' } }],
        on: { BUTTON: next, MESSAGE: next },
        after: { nextMorning: next },
      },
    ];
  });
  const machine = { id: 'sleep-reset', initial: 'day0', states: { ...Object.fromEntries(days), end: { type: 'final' } } };
  const { progress: _progress, tests: _tests, ...rest } = example;
  return { ...rest, machine } as unknown as Definition;
}

function milliseconds(work: () => void, rounds: number): number {
  const times = Array.from({ length: rounds }, () => {
    const before = performance.now();
    work();
    return performance.now() - before;
  });
  return median(times);
}

function thirtyDays(program: Program): void {
  const simulation = createSimulation(program, {}, Date.UTC(2026, 9, 1, 20));
  simulation.say('sleep');
  simulation.say('7:00');
  for (let night = 0; night < 30; night += 1) {
    simulation.advance('next');
    simulation.press('good');
  }
  if (simulation.conversation().outcome !== 'completed') throw new Error('The daily program did not come to its end');
}

/** A step of ours, from the stored form to the stored form, against XState's own transition on a snapshot that is at hand; microseconds. */
function steps(definition: Definition): { ours: number; raw: number } {
  const program = compile(definition);
  const scope: Scope = { ...createSimulation(program, {}, scriptStart).scope(), vars: program.variables };
  const { machine } = enter(program, scope);
  const event = { type: 'BUTTON', id: 'good', title: 'Good' };
  const snapshot = program.machine.resolveState({ value: machine.value as never, context: { ...scope, vars: machine.vars } as never });
  const most = 500;
  const ours = () => {
    for (let index = 0; index < most; index += 1) step(program, machine, event, scope);
  };
  const raw = () => {
    for (let index = 0; index < most; index += 1) transition(program.machine, snapshot, event);
  };
  // Both warm, then by turns, so that neither has the machine to itself.
  ours();
  raw();
  const rounds = Array.from({ length: 15 }, () => ({ raw: milliseconds(raw, 1), ours: milliseconds(ours, 1) }));
  const each = (kind: 'raw' | 'ours') => (median(rounds.map((round) => round[kind])) / most) * 1000;
  return { ours: each('ours'), raw: each('raw') };
}

/** The figures of programs, as Markdown. */
export async function benchPrograms(): Promise<string> {
  const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
  const program = compile(daily);
  const question = { personas: 1_000, days: 30, seed: 1, start: scriptStart, zones: [], channel: 'widget' };
  const script = { persona: {}, start: scriptStart, steps: [{ say: 'sleep' }, { say: '7:00' }, { advance: 'P8W' }] };
  const costs = [
    ['compile, 8 states', ms(milliseconds(() => compile(daily), 21))],
    ['compile, 60 states', ms(milliseconds(() => compile(chain(60)), 11))],
    ['check with exploration, 8 states', ms(milliseconds(() => check(daily), 11))],
    ['check with exploration, 60 states', ms(milliseconds(() => check(chain(60)), 5))],
    ['whole review, 60 states', ms(milliseconds(() => review(chain(60)), 5))],
    ['simulate a script over 8 weeks', ms(milliseconds(() => rehearse(program, script), 11))],
    ['simulate 30 days of a daily program', ms(milliseconds(() => thirtyDays(program), 11))],
    ['forecast 1,000 people × 30 days', ms(milliseconds(() => forecast(program, question, () => undefined), 1))],
  ];
  const held = [8, 60, 500].map((states) => {
    const { ours, raw } = steps(chain(states));
    return [`${states} states`, `${ours.toFixed(1)} µs`, `${raw.toFixed(1)} µs`, (ours / raw).toFixed(2)];
  });
  return [
    '### Programs',
    table(['what', 'median'], costs),
    table(['a step', 'ours, restored from the record', 'raw XState transition', 'ratio'], held),
  ].join('\n\n');
}
