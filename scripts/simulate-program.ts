/** `npm run simulate:program -- FILE`: plays a program on a virtual clock and prints the dated transcript. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { rehearse, type Script, scriptStart } from '../src/actors/rehearse.ts';
import type { Persona } from '../src/actors/simulate.ts';
import { readableEvent, readableTime, readableTranscript } from '../src/actors/transcript.ts';
import { check, hasErrors } from '../src/programs/check.ts';
import { compile } from '../src/programs/compile.ts';
import type { Program } from '../src/programs/program.ts';
import { personaSchema, startSchema, stepsSchema } from '../src/programs/script.ts';

const usage = `Use: npm run simulate:program -- FILE [--test ID] [--zone Europe/Lisbon] [--language en] [--name Ana] [--channel widget]
       [--with FILE of another program that is live] [--start 2026-01-05T09:00:00Z] [--say TEXT] [--press BUTTON] [--advance P8W|next] [--event EVENT.name]
Steps are played in the order in which they stand. Without a step every test of the program is played.`;

const options = {
  test: { type: 'string' },
  zone: { type: 'string' },
  language: { type: 'string' },
  name: { type: 'string' },
  channel: { type: 'string' },
  with: { type: 'string', multiple: true },
  start: { type: 'string' },
  say: { type: 'string', multiple: true },
  press: { type: 'string', multiple: true },
  advance: { type: 'string', multiple: true },
  event: { type: 'string', multiple: true },
  help: { type: 'boolean' },
} as const;

function main(): number {
  const { values, positionals, tokens } = given();
  const [file] = positionals;
  if (values.help || file === undefined) {
    console.log(usage);
    return values.help ? 0 : 2;
  }
  const program = read(file);
  const others = (values.with ?? []).flatMap((name) => read(name) ?? []);
  if (!program || others.length < (values.with ?? []).length) return 1;
  const { zone, language, name, channel } = values;
  const persona = v.parse(personaSchema, JSON.parse(JSON.stringify({ zone, language, name, channel })));
  const steps = tokens.flatMap((token) =>
    token.kind === 'option' && ['say', 'press', 'advance', 'event'].includes(token.name) ? [{ [token.name]: token.value }] : [],
  );
  if (steps.length === 0) return playTests({ program, others }, values.test, persona as Persona);
  const start = values.start === undefined ? scriptStart : Date.parse(v.parse(startSchema, values.start));
  return print({ program, others }, { persona: persona as Persona, start, steps: v.parse(stepsSchema, steps) });
}

/** What was asked for; an option that nobody knows asks for help. */
function given() {
  const known = { options, allowPositionals: true, tokens: true } as const;
  try {
    return parseArgs(known);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return parseArgs({ ...known, args: [] });
  }
}

/** The program of a file, its findings told; null where one of them is an error. */
function read(file: string): Program | null {
  const { definition, findings } = check(JSON.parse(readFileSync(file, 'utf8')));
  for (const { severity, pointer, message } of findings) console.log(`${severity}  ${pointer}  ${message}`);
  return definition === undefined || hasErrors(findings) ? null : compile(definition);
}

/** A program among the others that are live. */
interface World {
  program: Program;
  others: readonly Program[];
}

function playTests(world: World, only: string | undefined, persona: Persona): number {
  const tests = (world.program.definition.tests ?? []).filter(({ id }) => only === undefined || id === only);
  const results = tests.map((test) => {
    console.log(`\n# ${test.id}`);
    const start = test.start === undefined ? scriptStart : Date.parse(test.start);
    return print(world, {
      persona: { ...(test.persona as Persona), ...persona },
      start,
      world: test.world,
      steps: [...test.steps, { expect: test.expect }],
    });
  });
  if (tests.length === 0) console.log(usage);
  return tests.length === 0 ? 2 : Math.max(...results);
}

function print({ program, others }: World, script: Script): number {
  const { simulation, failures, stopped } = rehearse(program, script, { others });
  const zone = simulation.zone();
  for (const line of readableTranscript(simulation.transcript(), zone)) console.log(line);
  const { state, status, outcome } = simulation.conversation();
  console.log(`\n${readableTime(simulation.now(), zone)} ${zone}: ${status}${outcome === null ? '' : ` (${outcome})`} in "${state}"`);
  for (const { id, dueAt } of simulation.timers()) console.log(`next  ${readableTime(dueAt, zone)}  ${readableEvent(id)}`);
  for (const { problem } of failures) console.log(`not as expected: ${problem}`);
  if (stopped !== null) console.log(`stopped: ${stopped}`);
  return failures.length > 0 || stopped !== null ? 1 : 0;
}

process.exitCode = main();
