/** Explores a program breadth first with its guards left open: every state by the shortest way, with the time that may go by. */
import type { AnyMachineSnapshot, AnyStateNode } from 'xstate';
import { activeNodes, type Judge, type Outcome, openMachine } from './abstract-machine.ts';
import type { Definition } from './definition.ts';
import { type Interval, intervalOf, minus, noTime, plus } from './intervals.ts';
import type { MachineEvent } from './program.ts';
import { type Offer, type OpenQuestion, readOffer, samplesOf } from './samples.ts';
import { judgeIn, windowMs } from './symbolic-guards.ts';
import { placesOf } from './walk.ts';

/** Where a program may be, and how it got there. */
export interface Spot {
  snapshot: AnyMachineSnapshot;
  question: OpenQuestion | null;
  offer: Offer | null;
  /** Time since the contact last wrote; without end when they may never have. */
  silent: Interval;
  /** By timer id. */
  timers: ReadonlyMap<string, Timer>;
  channel: string;
  /** Whether the program has ended or given the conversation to a person. */
  over: boolean;
  via: Leg | null;
}

/** A timer that is armed: what is left of it, and the event it sends. */
export interface Timer {
  left: Interval;
  event: string;
}

/** A spot before its macrostep. */
type Arrival = Omit<Spot, 'snapshot' | 'via' | 'over'>;

/** One input and what it led to. */
export interface Leg {
  from: Spot | null;
  stimulus: Stimulus;
  outcome: Outcome;
  /** Time since the contact last wrote, at the moment of the input. */
  silent: Interval;
  to: Spot;
}

/** What happens to a program. */
export interface Stimulus {
  event: MachineEvent | null;
  /** In words, for a transcript. */
  words: string;
  byContact: boolean;
  /** How long before it happens. */
  after: Interval;
  /** Whether the values of the event are one example of many, so that nothing is decided by them. */
  isExample: boolean;
}

/** What an exploration came to. */
export interface Exploration {
  /** Every leg in the order of its length. */
  legs: readonly Leg[];
  /** Whether everything was seen that there is. */
  complete: boolean;
}

/** The work an exploration may be: what keeps it within a second or so. */
const mostEffort = 8_000;
/** In a machine of many states each step is dearer. */
const effortFor = (states: number) => Math.min(mostEffort, Math.ceil(1_500_000 / Math.max(1, states)));
const mostSpots = 1_500;

/** Explores a definition whose structure holds. @throws Error when XState cannot build the machine */
export function explore(definition: Definition): Exploration {
  const machine = openMachine(definition);
  const judge = judgeIn(definition);
  const own = timerEvents(definition);
  const most = effortFor(placesOf(definition.machine).length);
  const legs: Leg[] = [];
  const seen = new Set<string>();
  const open: Spot[] = [];

  function arrive(from: Spot | null, stimulus: Stimulus, outcomes: readonly Outcome[], base: Arrival): void {
    for (const outcome of outcomes) {
      const silent = narrowed(base.silent, outcome);
      const to = settle(definition, outcome, { ...base, silent });
      const leg: Leg = { from, stimulus, outcome, silent, to };
      to.via = leg;
      legs.push(leg);
      const key = keyOf(to);
      if (seen.has(key)) continue;
      seen.add(key);
      if (!to.over) open.push(to);
    }
  }

  for (const { stimulus, silent, channel } of beginnings(definition)) {
    const base = { question: null, offer: null, silent, timers: new Map(), channel };
    arrive(null, stimulus, machine.enter(judgeWith(judge, base, { type: 'START' }, false)), base);
  }
  let next = 0;
  for (; next < open.length && machine.effort() < most && next < mostSpots; next += 1) {
    const spot = open[next] as Spot;
    for (const stimulus of stimuliAt(own, spot)) {
      if (machine.effort() >= most) return { legs, complete: false };
      const base = waited(spot, stimulus);
      const event = stimulus.event as MachineEvent;
      const outcomes = machine.take(spot.snapshot, event, judgeWith(judge, base, event, stimulus.isExample));
      arrive(spot, stimulus, outcomes, base);
    }
  }
  return { legs, complete: next === open.length };
}

/** The silence as it must be where the window was assumed to be open, or shut. */
function narrowed({ min, max }: Interval, { assumed }: Outcome): Interval {
  const window = assumed.find(({ guard }) => guard.type === 'inWindow');
  if (!window) return { min, max };
  return window.value ? { min, max: Math.min(max, windowMs - 1) } : { min: Math.max(min, windowMs), max };
}

function judgeWith(
  judge: ReturnType<typeof judgeIn>,
  { silent, channel }: { silent: Interval; channel: string },
  event: MachineEvent,
  isExample: boolean,
): Judge {
  return (guard) => judge(guard, { silent, channel, event, isExample });
}

const unknownTime: Interval = { min: 0, max: Number.POSITIVE_INFINITY };

/** How a run begins: by the contact's words, or without them where the program is started by a call. */
function beginnings({ entry = [], meta }: Definition): readonly { stimulus: Stimulus; silent: Interval; channel: string }[] {
  const channel = meta.channels?.includes('whatsapp') ? 'whatsapp' : (meta.channels?.[0] ?? 'widget');
  const word = entry.flatMap((one) => ('keywords' in one ? one.keywords : []))[0] ?? 'hello';
  const start = (words: string, byContact: boolean): Stimulus => ({ event: null, words, byContact, after: noTime, isExample: false });
  const calls = entry.filter((one) => 'on' in one && (one.on === 'api' || one.on === 'program'));
  return [
    ...(calls.length < entry.length || entry.length === 0 ? [{ stimulus: start(`contact: ${word}`, true), silent: noTime, channel }] : []),
    ...(calls.length > 0 ? [{ stimulus: start('the program is started by a call', false), silent: unknownTime, channel }] : []),
  ];
}

/** The spot as it is when the stimulus comes: time has gone by, and what the contact does ends their silence. */
function waited(spot: Spot, { byContact, after, event }: Stimulus): Arrival {
  const timers = new Map([...spot.timers].map(([id, { left, event: sends }]) => [id, { left: minus(left, after), event: sends }]));
  for (const [id, timer] of spot.timers) if (timer.event === event?.type && after === timer.left) timers.delete(id);
  const { question, offer, channel } = spot;
  return {
    question: event?.type === 'ANSWER' ? null : question,
    offer: event?.type === 'BUTTON' ? null : offer,
    silent: byContact ? noTime : plus(spot.silent, after),
    timers,
    channel,
  };
}

/** Where a macrostep leaves the program. */
function settle(definition: Definition, outcome: Outcome, base: Arrival): Spot {
  const spot = { ...base, timers: new Map(base.timers), snapshot: outcome.snapshot, over: false, via: null };
  for (const deed of outcome.deeds) {
    if (deed.kind === 'armed') spot.timers.set(deed.timerId, { left: intervalOf(definition.delays?.[deed.delay]), event: deed.timerId });
    else if (deed.kind === 'cleared') spot.timers.delete(deed.timerId);
    else if (deed.kind === 'did') did(definition, spot, deed);
  }
  const active = activeNodes(outcome.snapshot);
  if (spot.question && !active.some((node) => node.id === spot.question?.state)) spot.question = null;
  return { ...spot, over: spot.over || hasEnded(active) };
}

type Deeds = Extract<Outcome['deeds'][number], { kind: 'did' }>;

/** What an action leaves behind at a spot: a question, an offer, a timer, or the end of it. */
function did(definition: Definition, spot: Omit<Spot, 'timers'> & { timers: Map<string, Timer> }, deed: Deeds): void {
  const { type, params } = deed.action as { type: string; params: Readonly<Record<string, string>> };
  switch (type) {
    case 'ask':
      spot.question = deed as unknown as OpenQuestion;
      spot.offer = readOffer(definition, deed.action) ?? spot.offer;
      return;
    case 'say':
      spot.offer = readOffer(definition, deed.action) ?? spot.offer;
      return;
    case 'setTimer':
      spot.timers.set(`timer:${params.id}`, { left: intervalOf(definition.delays?.[params.delay ?? '']), event: params.event ?? '' });
      return;
    case 'cancelTimer':
      spot.timers.delete(`timer:${params.id}`);
      return;
    case 'end':
    case 'handoff':
      spot.over = true;
  }
}

function hasEnded(active: readonly AnyStateNode[]): boolean {
  return active.some((node) => node.type === 'final' && node.path.length === 2);
}

const hourMs = 3_600_000;
const coarse = (ms: number) => Math.min(48, Math.floor(ms / hourMs));

function keyOf({ snapshot, question, offer, silent, timers, over, channel }: Spot): string {
  return JSON.stringify([
    snapshot.value,
    Object.entries(snapshot.historyValue ?? {}).map(([id, nodes]) => [id, (nodes as AnyStateNode[]).map((node) => node.id)]),
    question?.action.params.question ?? null,
    offer?.content ?? null,
    coarse(silent.min),
    coarse(silent.max),
    [...timers].map(([id, { left }]) => [id, coarse(left.min), coarse(left.max)]),
    over,
    channel,
  ]);
}

/** Everything that may happen next. */
function stimuliAt(own: ReadonlySet<string>, spot: Spot): readonly Stimulus[] {
  const nodes = activeNodes(spot.snapshot);
  const events = [...new Set(nodes.flatMap((node) => node.ownEvents as string[]))];
  const soonest = Math.min(...[...spot.timers.values()].map(({ left }) => left.max));
  const before: Interval = { min: 0, max: soonest };
  return [...contactStimuli(spot, events, before), ...timerStimuli(spot, soonest), ...outsideStimuli(own, events, before)];
}

function contactStimuli(spot: Spot, events: readonly string[], after: Interval): Stimulus[] {
  const stimulus = (event: MachineEvent, words: string, isExample: boolean): Stimulus => ({
    event,
    words: `contact: ${words}`,
    byContact: true,
    after,
    isExample,
  });
  const { question, offer } = spot;
  const answers = question && events.includes('ANSWER') ? samplesOf(question.action.params.input) : [];
  const id = question?.action.params.question ?? '';
  return [
    ...answers.map(({ value, words, isExample }) => stimulus({ type: 'ANSWER', question: id, value }, words, isExample)),
    ...(question && events.includes('INVALID')
      ? [stimulus({ type: 'INVALID', question: id, tries: 1 }, '(an answer nobody understands)', true)]
      : []),
    ...(offer && offer.question === null && events.includes('BUTTON')
      ? offer.buttons.map((button) => stimulus({ type: 'BUTTON', ...button }, `[${button.title}]`, false))
      : []),
    ...(events.includes('MESSAGE') ? [stimulus({ type: 'MESSAGE', text: 'hello' }, '(writes something)', true)] : []),
  ];
}

/** Timers that may be the next to fall due. */
function timerStimuli({ timers }: Spot, soonest: number): Stimulus[] {
  return [...timers.values()]
    .filter(({ left }) => left.min <= soonest)
    .map(({ left, event }) => ({ event: { type: event }, words: wordsOf(event), byContact: false, after: left, isExample: false }));
}

function wordsOf(event: string): string {
  const [, delay] = /^xstate\.after\.([^.]+)\./.exec(event) ?? [];
  return delay === undefined ? `${event} comes` : `"${delay}" is over`;
}

/** Results of awaited work, and whatever comes from outside. */
function outsideStimuli(own: ReadonlySet<string>, events: readonly string[], after: Interval): Stimulus[] {
  return events.flatMap((type): Stimulus[] => {
    const outside = (words: string): Stimulus[] => [{ event: { type }, words, byContact: false, after, isExample: true }];
    if (type.startsWith('xstate.done.actor.')) return outside('the result is there');
    if (type.startsWith('xstate.error.actor.')) return outside('it fails');
    const isKnown = /^(?:MESSAGE|ANSWER|INVALID|BUTTON)$|^xstate\.|^CONTROL\.|^REPLY\.|^\*/.test(type);
    return isKnown || own.has(type) ? [] : outside(`${type} comes`);
  });
}

/** Events that the program's own timers send: they come when those fall due. */
function timerEvents(definition: Definition): ReadonlySet<string> {
  return new Set(
    [...JSON.stringify(definition.machine).matchAll(/"type":"setTimer","params":\{[^}]*"event":"([^"]+)"/g)].map(
      ([, event]) => event as string,
    ),
  );
}

/** The path of legs that leads to a leg, the first first. */
export function pathTo(leg: Leg): readonly Leg[] {
  const path: Leg[] = [leg];
  for (let from = leg.from; from?.via; from = from.via.from) path.unshift(from.via);
  return path;
}
