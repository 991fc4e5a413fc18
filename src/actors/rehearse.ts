/** Plays a script on a virtual clock and holds what comes of it against what was expected. */
import { ExpressionError } from '../programs/expressions.ts';
import type { Program } from '../programs/program.ts';
import type { Expectation, Step, World } from '../programs/script.ts';
import { isWithin } from '../programs/state-names.ts';
import { createSimulation, type Persona, type Simulation, type SimulationOptions } from './simulate.ts';

/** What is to be played: who, from when (milliseconds since 1970), and the steps. */
export interface Script {
  persona: Persona;
  start: number;
  steps: readonly Step[];
  /** What the world answers. */
  world?: World | undefined;
}

/** What came of a script. */
export interface Rehearsal {
  simulation: Simulation;
  /** What did not come as expected, with the index of the step that says so. */
  failures: readonly { step: number; problem: string }[];
  /** Why the script was not played to its end, null when it was. */
  stopped: string | null;
}

/** The instant a script begins when nobody says: a Monday morning, so that the same script gives the same transcript for ever. */
export const scriptStart = Date.UTC(2026, 0, 5, 9);

/**
 * Plays a script. Never throws for what a program does.
 */
export function rehearse(program: Program, { persona, start, steps, world }: Script, options: SimulationOptions = {}): Rehearsal {
  const simulation = createSimulation(program, persona, start, { world, ...options });
  const failures: { step: number; problem: string }[] = [];
  try {
    for (const [index, step] of steps.entries()) {
      if ('expect' in step) failures.push(...misses(program, simulation, step.expect).map((problem) => ({ step: index, problem })));
      else play(simulation, step);
    }
  } catch (error) {
    // Too many turns, or a clock turned beyond all dates: both are the script's own.
    if (!(error instanceof RangeError)) throw error;
    return { simulation, failures, stopped: error.message };
  }
  return { simulation, failures, stopped: null };
}

function play(simulation: Simulation, step: Exclude<Step, { expect: unknown }>): void {
  if ('say' in step) simulation.say(step.say);
  else if ('press' in step) simulation.press(step.press);
  else if ('advance' in step) simulation.advance(step.advance);
  else if ('event' in step) simulation.tell(step.event.slice('EVENT.'.length), step.data ?? {});
  else simulation.start();
}

/** What of an expectation did not come true, in words. */
function misses(program: Program, simulation: Simulation, expected: Expectation): string[] {
  const { state, status, outcome, contact, snapshot } = simulation.conversation();
  const count = simulation.outbound().length;
  const { points, badges } = contact.progress;
  const differs = (what: string, wanted: unknown, found: unknown) =>
    wanted === undefined || wanted === found ? [] : [`The ${what} is ${shown(found)}, not ${shown(wanted)}`];
  return [
    ...(count > (expected.outboundAtMost ?? count) ? [`${count} messages were sent, more than ${expected.outboundAtMost}`] : []),
    ...(count < (expected.outboundAtLeast ?? 0) ? [`${count} messages were sent, fewer than ${expected.outboundAtLeast}`] : []),
    ...(isWithin(state, expected.state) ? [] : [`The state is ${shown(state)}, not ${shown(expected.state)}`]),
    ...differs('status', expected.status, status),
    ...differs('outcome', expected.outcome, outcome),
    ...differs('control', expected.control, snapshot.control),
    ...differs('number of points', expected.points, points),
    ...(expected.badges ?? []).filter((badge) => !badges.includes(badge)).map((badge) => `The badge "${badge}" was not given`),
    ...(expected.said ?? []).filter((words) => !wasSaid(program, simulation, words)).map((words) => `"${words}" was not said`),
    ...(expected.notSaid ?? []).filter((words) => wasSaid(program, simulation, words)).map((words) => `"${words}" was said`),
    ...(expected.holds === undefined || holdsNow(program, simulation, expected.holds) ? [] : [`"${expected.holds}" does not hold`]),
  ];
}

/** Whether an expression is true now; one that cannot be computed is not. */
function holdsNow(program: Program, simulation: Simulation, expression: string): boolean {
  try {
    return program.evaluate(expression, simulation.scope(), { type: 'EXPECT' }) === true;
  } catch (error) {
    if (error instanceof ExpressionError) return false;
    throw error;
  }
}

const shown = (value: unknown) => (value === null || value === undefined ? 'none' : `"${value}"`);

/** Whether the content of this id went out or, where it is no id, a message with these words. */
function wasSaid({ definition }: Program, simulation: Simulation, words: string): boolean {
  const isContent = Object.hasOwn(definition.content, words);
  return simulation.transcript().some((line) => {
    if (!('message' in line)) return isContent && line.decisions.some((decision) => decision.content === words && decision.do === 'send');
    return !isContent && line.message.role === 'coach' && line.message.body.text.includes(words);
  });
}
