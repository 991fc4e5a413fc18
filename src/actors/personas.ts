/** People who live through a program on a virtual clock: when they answer, what they say, and when they stop. */
import type { Program } from '../programs/program.ts';
import type { Json } from '../programs/scope.ts';
import { createSimulation, type Persona, type Simulation, type SimulationOptions } from './simulate.ts';

/** How somebody behaves. Every draw is from `random`, so that the same seed gives the same life. */
export interface Behaviour {
  /** From 0 to below 1. */
  random: () => number;
  /** How likely a message of the program is answered. */
  replies: number;
  /** How long an answer usually takes, milliseconds; half of them take longer. */
  replyMs: number;
  /** How likely an answer is none that can be understood. */
  mumbles: number;
  /** How likely somebody writes of their own accord on a day. */
  writes: number;
  /** How long somebody stays interested; for ever when left out. Milliseconds. */
  staysMs?: number;
}

/** One life in a program: from the first word until it ends, `days` have gone by or too many turns were needed. */
export interface Life {
  simulation: Simulation;
  /** Why it was stopped before its end, null when it was not. */
  stopped: string | null;
}

const dayMs = 86_400_000;
/** Turns of one life in a program of a month, generously. */
const mostTurns = 2_000;

/**
 * Lives through a program.
 *
 * @param options.start milliseconds since 1970 · `options.turns` 2,000 unless told
 */
export function live(
  program: Program,
  persona: Persona,
  behaviour: Behaviour,
  options: SimulationOptions & { start: number; days: number },
): Life {
  const { start, days, ...bounds } = options;
  const simulation = createSimulation(program, persona, start, { turns: mostTurns, ...bounds });
  try {
    enter(program, simulation);
    liveOn(simulation, behaviour, start + days * dayMs);
    return { simulation, stopped: null };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { simulation, stopped: error.message };
  }
}

function enter(program: Program, simulation: Simulation): void {
  const entries = program.definition.entry ?? [];
  const [word] = entries.flatMap((entry) => ('keywords' in entry ? entry.keywords : []));
  if (word !== undefined) simulation.say(word);
  else if (entries.some((entry) => 'on' in entry && entry.on === 'first-message')) simulation.say('hello');
  if (simulation.conversation().status !== 'active') simulation.start();
}

/** What somebody is about to do; instants in milliseconds since 1970, Infinity for never. */
interface Plan {
  /** The number of the last message they have taken notice of. */
  heard: number;
  replyAt: number;
  writeAt: number;
}

const never = Number.POSITIVE_INFINITY;

function liveOn(simulation: Simulation, behaviour: Behaviour, end: number): void {
  const leavesAt = simulation.now() + (behaviour.staysMs ?? never);
  const plan: Plan = { heard: -1, replyAt: never, writeAt: nextWhim(behaviour, simulation.now()) };
  while (simulation.conversation().status === 'active' && simulation.now() < end) {
    listen(simulation, behaviour, plan);
    if (simulation.now() >= leavesAt) Object.assign(plan, { replyAt: never, writeAt: never });
    const next = Math.min(simulation.timers()[0]?.dueAt ?? end, plan.replyAt, plan.writeAt, end);
    simulation.advanceTo(next);
    act(simulation, behaviour, plan, next);
  }
}

/** A new message makes up somebody's mind anew. */
function listen(simulation: Simulation, behaviour: Behaviour, plan: Plan): void {
  const last = simulation.transcript().findLast((line) => 'message' in line && line.message.role !== 'contact');
  const seq = last && 'message' in last ? last.message.seq : -1;
  if (seq <= plan.heard) return;
  plan.heard = seq;
  const { question, offer } = simulation.conversation().snapshot;
  // Nobody answers an answer for ever.
  const isAsked = question !== null || offer !== null || (last && 'message' in last && last.message.class !== 'reply');
  plan.replyAt = isAsked && behaviour.random() < behaviour.replies ? simulation.now() + replyDelay(behaviour) : never;
}

function act(simulation: Simulation, behaviour: Behaviour, plan: Plan, at: number): void {
  if (at === plan.replyAt) {
    plan.replyAt = never;
    reply(simulation, behaviour);
  } else if (at === plan.writeAt) {
    plan.writeAt = nextWhim(behaviour, at);
    simulation.say('I have something on my mind');
  }
}

/** When somebody next writes unasked. */
function nextWhim({ random, writes }: Behaviour, now: number): number {
  if (writes <= 0) return Number.POSITIVE_INFINITY;
  return now + Math.max(60_000, (-Math.log(1 - random()) / writes) * dayMs);
}

/** Times are spread as people's are: most answer soon, some much later. */
function replyDelay({ random, replyMs }: Behaviour): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.round(replyMs * Math.exp(normal));
}

function reply(simulation: Simulation, { random, mumbles }: Behaviour): void {
  const { question, offer } = simulation.conversation().snapshot;
  if (question && random() < mumbles) simulation.say('hmm');
  else if (offer && offer.buttons.length > 0 && (offer.question !== null || !question)) simulation.press(pick(offer.buttons, random).id);
  else if (question) simulation.say(plausibleAnswer(question.input, random, simulation.now()));
  else simulation.say('ok');
}

function pick<Item>(items: readonly Item[], random: () => number): Item {
  return items[Math.min(items.length - 1, Math.floor(random() * items.length))] as Item;
}

/** Words that an input takes as an answer, as good as one can know. */
export function plausibleAnswer(input: Readonly<Record<string, unknown>>, random: () => number, now: number): string {
  const between = (from: number, to: number) => Math.floor(from + random() * (to - from + 1));
  const two = (value: number) => String(value).padStart(2, '0');
  const date = () => new Date(now + between(1, 60) * dayMs).toISOString().slice(0, 10);
  const options = (input.options ?? []) as readonly { id: string; title: string }[];
  const answers: Readonly<Record<string, () => string>> = {
    number: () => String(between(Number(input.min ?? 1), Number(input.max ?? Number(input.min ?? 1) + 9))),
    scale: () => String(between(Number(input.min), Number(input.max))),
    mood: () => String(between(1, 5)),
    yesNo: () => pick(['yes', 'no'], random),
    consent: () => pick(['yes', 'no'], random),
    date,
    time: () => `${two(between(6, 9))}:${pick(['00', '30'], random)}`,
    datetime: () => `${date()} ${two(between(8, 18))}:00`,
    phone: () => '+351912345678',
    email: () => 'ana@example.org',
    choice: () => pick(options, random).title,
    choices: () =>
      options
        .slice(0, Math.max(1, Number(input.min ?? 1)))
        .map(({ title }) => title)
        .join(', '),
  };
  return (
    answers[String(input.type)]?.() ??
    'a few words of my own'.padEnd(Number(input.minLength ?? 0), '.').slice(0, Number(input.maxLength ?? 4096))
  );
}

/** Numbers from 0 to below 1 that a seed gives again and again (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A persona's known facts, without what is not known. */
export function personaOf(given: { readonly [Key in keyof Persona]?: Persona[Key] | undefined } | undefined): Persona {
  return Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => (value as Json | undefined) !== undefined)) as Persona;
}
