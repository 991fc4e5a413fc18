/** A replay: what real people did, through a draft of the program, held against the version they follow. Nothing is sent. */
import type { Program } from '../programs/program.ts';
import type { NewMessage } from './conversation.ts';
import type { ControlAct } from './input.ts';
import { createSimulation, type Persona, type Simulation } from './simulate.ts';

/** Something that happened to a conversation. `at` in milliseconds since 1970. */
export type RecordedInput = { at: number } & (
  | { kind: 'message'; text: string }
  | { kind: 'button'; button: string }
  | { kind: 'event'; name: string; data: Readonly<Record<string, unknown>> }
  | { kind: 'control'; act: ControlAct }
  | { kind: 'start' }
);

/** What happened in a run, from its first input, and until when it is looked at. */
export interface Recording {
  conversationId: string;
  /** The version it follows. */
  version: number;
  persona: Persona;
  inputs: readonly RecordedInput[];
  until: number;
}

/** Where a conversation would first go another way. Instants are ISO 8601; a text is null where nothing would be sent. */
export interface Difference {
  conversation_id: string;
  version: number;
  at: string;
  state: string | null;
  before: string | null;
  after: string | null;
}

/** What a replay came to. */
export interface ReplayReport {
  conversations: number;
  different: number;
  /** The first difference of each, at most 100 of them. */
  differences: Difference[];
  /** Conversations in which an expression of the draft failed, and those that were stopped. */
  failures: number;
  stopped: number;
}

const mostDifferences = 100;
const mostTurns = 2_000;

/**
 * Replays recordings.
 *
 * @param versions the versions the recordings follow
 * @param onProgress hears how many are through
 * @param others live programs that these may start
 */
export function replay(
  versions: ReadonlyMap<number, Program>,
  draft: Program,
  recordings: readonly Recording[],
  onProgress: (done: number) => void,
  others: readonly Program[] = [],
): ReplayReport {
  const report: ReplayReport = { conversations: recordings.length, different: 0, differences: [], failures: 0, stopped: 0 };
  for (const [index, recording] of recordings.entries()) {
    const followed = versions.get(recording.version);
    if (followed) compare(play(followed, recording, others), play(draft, recording, others), recording, report);
    onProgress(index + 1);
  }
  return report;
}

interface Played {
  simulation: Simulation;
  stopped: boolean;
}

function play(program: Program, { persona, inputs, until }: Recording, others: readonly Program[]): Played {
  const simulation = createSimulation(program, persona, inputs[0]?.at ?? until, { turns: mostTurns, others });
  try {
    for (const input of inputs) {
      simulation.advanceTo(input.at);
      give(simulation, input);
    }
    simulation.advanceTo(until);
    return { simulation, stopped: false };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { simulation, stopped: true };
  }
}

function give(simulation: Simulation, input: RecordedInput): void {
  switch (input.kind) {
    case 'message':
      return simulation.say(input.text);
    case 'button':
      return simulation.press(input.button);
    case 'event':
      return simulation.tell(input.name, input.data);
    case 'control':
      return simulation.control(input.act);
    case 'start':
      return simulation.start();
  }
}

function compare(before: Played, after: Played, { conversationId, version }: Recording, report: ReplayReport): void {
  if (before.stopped || after.stopped) report.stopped += 1;
  if (after.simulation.transcript().some((line) => 'error' in line)) report.failures += 1;
  const first = firstDifference(before.simulation.outbound(), after.simulation.outbound());
  if (!first) return;
  report.different += 1;
  if (report.differences.length >= mostDifferences) return;
  const { at, was, is } = first;
  report.differences.push({
    conversation_id: conversationId,
    version,
    at: new Date(at).toISOString(),
    state: stateAt(after.simulation, at),
    before: was,
    after: is,
  });
}

/** The first moment at which one of two runs says what the other does not say then. */
function firstDifference(
  old: readonly NewMessage[],
  now: readonly NewMessage[],
): { at: number; was: string | null; is: string | null } | null {
  const index = Array.from({ length: Math.max(old.length, now.length) }).findIndex((_, place) => !isSame(old[place], now[place]));
  if (index < 0) return null;
  const [was, is] = [old[index], now[index]];
  const at = Math.min(was?.at ?? Number.POSITIVE_INFINITY, is?.at ?? Number.POSITIVE_INFINITY);
  const said = (message: NewMessage | undefined) => (message?.at === at ? message.body.text : null);
  return { at, was: said(was), is: said(is) };
}

function isSame(a: NewMessage | undefined, b: NewMessage | undefined): boolean {
  return a?.at === b?.at && JSON.stringify(a?.body) === JSON.stringify(b?.body);
}

function stateAt(simulation: Simulation, at: number): string | null {
  const line = simulation.transcript().findLast((one) => 'state' in one && one.at <= at);
  return line && 'state' in line ? line.state : null;
}
