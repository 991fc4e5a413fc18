/** The example program, compiled, and a simulated contact in it. */
import { readFileSync } from 'node:fs';
import { createSimulation, type Persona, type Simulation } from '../../src/actors/simulate.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Definition } from '../../src/programs/definition.ts';

/** The definition of examples/sleep-reset.json. */
export const sleepReset = JSON.parse(readFileSync(new URL('../../examples/sleep-reset.json', import.meta.url), 'utf8')) as Definition;

/** A definition like the example's with some parts replaced. */
export function makeDefinition(parts: Partial<Definition> = {}): Definition {
  return { ...sleepReset, ...parts };
}

/** A conversation in a definition on a virtual clock: 20 October 2026, 20:00 UTC, unless told. */
export function simulate(definition: Definition = sleepReset, persona: Persona = {}, start = Date.UTC(2026, 9, 20, 20)): Simulation {
  return createSimulation(compile(definition), persona, start);
}

/** What the program has said, in order. */
export function said(simulation: Simulation): string[] {
  return simulation.outbound().map((message) => message.body.text);
}
