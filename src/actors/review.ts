/** The whole check of a program before it is published: what the definition says of itself, then its tests, promises and a few lives. */
import { check, hasErrors } from '../programs/check.ts';
import { type Around, checkSurroundings } from '../programs/check-surroundings.ts';
import { compile } from '../programs/compile.ts';
import type { Definition } from '../programs/definition.ts';
import { type Finding, pointerTo, problem, warning } from '../programs/finding.ts';
import { stateAt } from '../programs/machine.ts';
import type { Program } from '../programs/program.ts';
import { type Behaviour, live, personaOf, seeded } from './personas.ts';
import { type Breach, watchPromises } from './promise-watch.ts';
import { rehearse, scriptStart } from './rehearse.ts';
import type { Simulation } from './simulate.ts';
import { readableTranscript } from './transcript.ts';

/** Checks a definition of unknown origin to the end: as `check`, and then by running it among what else its creator has. */
export function review(json: unknown, around: Around = nothing): { definition?: Definition; findings: readonly Finding[] } {
  const checked = check(json);
  const { definition, findings } = checked;
  if (!definition || hasErrors(findings)) return checked;
  const program = compile(definition);
  const others = around.others.map(compile);
  const lived = [...playTests(program, others), ...liveThrough(program, others)];
  const missing = around === nothing ? [] : checkSurroundings(definition, around);
  return { definition, findings: [...findings, ...missing, ...onePerPlace(lived)] };
}

/** Where nobody has said what else there is, nothing is missed. */
const nothing: Around = { others: [], secrets: [] };

/** The same thing found in a test and in a life is told once. */
function onePerPlace(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ code, pointer }, index) => findings.findIndex((one) => one.code === code && one.pointer === pointer) === index);
}

const testTurns = 1_000;
/** Turns of all tests together; later tests are not played, which is said. */
const allTestTurns = 6_000;

function playTests(program: Program, others: readonly Program[]): Finding[] {
  let turns = 0;
  return (program.definition.tests ?? []).flatMap((test, index) => {
    const pointer = pointerTo('tests', index);
    if (turns >= allTestTurns) return [warning('not-covered', pointer, `The test "${test.id}" was not played: there are too many tests`)];
    const watch = watchPromises(program);
    const start = test.start === undefined ? scriptStart : Date.parse(test.start);
    const script = { persona: personaOf(test.persona), start, world: test.world, steps: [...test.steps, { expect: test.expect }] };
    const { simulation, failures, stopped } = rehearse(program, script, {
      turns: testTurns,
      others,
      onTurn(stepping, now) {
        turns += 1;
        watch.turn(stepping, now);
      },
    });
    const transcript = read(simulation);
    const problems = [...failures.map((failure) => failure.problem), ...(stopped === null ? [] : [stopped])];
    return [
      ...problems.map((words) => ({ ...problem('failed-test', pointer, `The test "${test.id}" fails: ${words}`), transcript })),
      ...breachesIn(program, watch.breaches(simulation.now()), transcript),
      ...expressionsIn(simulation),
    ];
  });
}

const longestTranscript = 60;

/** The transcript of a simulation, its end where it is long. */
function read(simulation: Simulation): string[] {
  const lines = readableTranscript(simulation.transcript(), simulation.zone());
  return lines.length <= longestTranscript ? lines : ['…', ...lines.slice(-longestTranscript)];
}

function breachesIn({ definition }: Program, breaches: readonly Breach[], transcript: readonly string[]): Finding[] {
  return breaches.map(({ promise, problem: words }) => {
    const index = (definition.promises ?? []).findIndex(({ id }) => id === promise);
    return { ...problem('broken-promise', pointerTo('promises', index), `The promise "${promise}" is broken: ${words}`), transcript };
  });
}

/** An expression that cannot be computed while the program runs: the input it stood in the way of is lost. */
function expressionsIn(simulation: Simulation): Finding[] {
  const failed = simulation.transcript().flatMap((line) => ('error' in line && line.error !== undefined ? [line.error] : []));
  const words = `An expression cannot be computed when the program runs: ${failed[0]?.slice(0, 200)}`;
  return failed.length === 0 ? [] : [{ ...warning('failed-expression', '/machine', words), transcript: read(simulation) }];
}

const dayMs = 86_400_000;
const minuteMs = 60_000;
const reviewDays = 42;
/** Turns of one life: six weeks of a busy program. */
const lifeTurns = 500;
/** Reminders a week that nobody is glad about any more. */
const mostNudges = 14;

/** People a program has to do with: who never answers, who always does, and who does as they like. */
const characters: readonly Omit<Behaviour, 'random'>[] = [
  { replies: 0, replyMs: minuteMs, mumbles: 0, writes: 0 },
  { replies: 1, replyMs: minuteMs, mumbles: 0, writes: 0 },
  { replies: 1, replyMs: 30 * minuteMs, mumbles: 0.2, writes: 0.5 },
  { replies: 0.6, replyMs: 300 * minuteMs, mumbles: 0.1, writes: 0.2 },
];

function liveThrough(program: Program, others: readonly Program[]): readonly Finding[] {
  const findings = characters.flatMap((character, index) => {
    const watch = watchPromises(program);
    const options = { start: scriptStart, days: reviewDays, turns: lifeTurns, onTurn: watch.turn, others };
    const { simulation, stopped } = live(program, {}, { ...character, random: seeded(index + 1) }, options);
    return [
      ...breachesIn(program, watch.breaches(simulation.now()), read(simulation)),
      ...nudgesIn(simulation),
      ...(stopped === null ? stuckIn(program, simulation) : []),
      ...expressionsIn(simulation),
    ];
  });
  return onePerPlace(findings);
}

function nudgesIn(simulation: Simulation): Finding[] {
  const nudges = simulation.outbound().filter((message) => message.class === 'nudge' || message.class === 'promo');
  const most = Math.max(0, ...nudges.map(({ at }) => nudges.filter((other) => other.at >= at && other.at < at + 7 * dayMs).length));
  if (most <= mostNudges) return [];
  const words = `Up to ${most} reminders can come in one week: add a cap to the policies, or fewer of them`;
  return [{ ...warning('many-nudges', '/policies', words), transcript: read(simulation) }];
}

/** A state in which nothing will ever happen unless the contact does something, and nobody said that this is meant. */
function stuckIn({ definition }: Program, simulation: Simulation): Finding[] {
  const { state, status, snapshot } = simulation.conversation();
  const waits = status !== 'active' || snapshot.control !== 'bot' || simulation.timers().length > 0 || state === null;
  if (waits || isMeant(definition, state)) return [];
  const path = state.split(',')[0]?.split('.') ?? [];
  const pointer = `/machine${path.map((name) => pointerTo('states', name)).join('')}`;
  return [
    { ...warning('never-left', pointer, `Some people never leave "${state}": no timer runs there any more`), transcript: read(simulation) },
  ];
}

function isMeant(definition: Definition, state: string): boolean {
  return state.split(',').some((part) => {
    const path = part.split('.');
    const around = [definition.machine, ...path.map((_, depth) => stateAt(definition.machine, path.slice(0, depth + 1)))];
    return around.some((node) => node?.meta?.timeout === 'none');
  });
}
