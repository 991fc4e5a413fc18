/** A forecast: many seeded people live through a program, and what they would be sent and do is counted. */
import type { Program } from '../programs/program.ts';
import { localTime } from '../programs/schedule.ts';
import type { Conversation, Stepping } from './conversation.ts';
import { type Behaviour, live, seeded } from './personas.ts';
import type { Persona } from './simulate.ts';

/** What is to be forecast. The same question gives the same answer. */
export interface ForecastQuestion {
  personas: number;
  days: number;
  seed: number;
  /** Milliseconds since 1970. */
  start: number;
  /** Where people are; each is drawn from these. The program's own zone when empty. */
  zones: readonly string[];
  channel: string;
}

/** What a forecast counts. */
export interface Forecast {
  personas: number;
  days: number;
  seed: number;
  /** Messages of the program by day since the start. */
  messages_per_day: number[];
  /** Messages of the program by hour of the day, UTC: the load of the server. */
  messages_by_hour: number[];
  /** Messages of the program by hour of the day where people are. */
  messages_by_local_hour: number[];
  messages_by_class: Record<string, number>;
  /** Messages that the governor held back for a while, and that it did not send at all, by reason. */
  held: number;
  skipped: Record<string, number>;
  /** People for whom a cap kept back at least one message. */
  people_over_cap: number;
  /** Proactive messages more than 24 hours after the contact's last: a WhatsApp template each. */
  templates: number;
  /** The most proactive messages anybody gets in seven days. */
  most_nudges_a_week: number;
  outcomes: Record<string, number>;
  /** Where those were who did not come to an end, and those who were given up, most first. */
  drop_off: { state: string; people: number; share: number }[];
  /** People in whose run an expression failed, and runs that had to be stopped. */
  failures: number;
  stopped: number;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** Half of the people stay interested for this long. */
const interestMs = 21 * dayMs;

/** Somebody drawn at random: how likely they answer, how soon, how clearly, and for how long they stay interested. */
function drawBehaviour(random: () => number): Behaviour {
  const neverAnswers = random() < 0.08;
  return {
    random,
    replies: neverAnswers ? 0 : 0.4 + 0.58 * random(),
    replyMs: hourMs * Math.exp(1.2 * (random() * 2 - 1)),
    mumbles: 0.15 * random() ** 2,
    writes: 0.3 * random() ** 2,
    staysMs: (-Math.log(1 - random()) / Math.LN2) * interestMs,
  };
}

/**
 * Forecasts a program.
 *
 * @param onProgress hears how many people are through
 * @param others live programs that this one may start
 */
export function forecast(
  program: Program,
  question: ForecastQuestion,
  onProgress: (done: number) => void,
  others: readonly Program[] = [],
): Forecast {
  const world = { program, others };
  const count = emptyForecast(question);
  const stops = new Map<string, number>();
  for (let index = 0; index < question.personas; index += 1) {
    const random = seeded(question.seed * 1_000_003 + index);
    const zone = question.zones[Math.floor(random() * question.zones.length)];
    const persona: Persona = { channel: question.channel, ...(zone === undefined ? {} : { zone }) };
    livePersona(world, question, persona, drawBehaviour(random), count, stops);
    onProgress(index + 1);
  }
  count.drop_off = [...stops]
    .map(([state, people]) => ({ state, people, share: people / question.personas }))
    .sort((a, b) => b.people - a.people || (a.state < b.state ? -1 : 1));
  return count;
}

function emptyForecast({ personas, days, seed }: ForecastQuestion): Forecast {
  return {
    ...{ personas, days, seed },
    messages_per_day: new Array(days).fill(0),
    messages_by_hour: new Array(24).fill(0),
    messages_by_local_hour: new Array(24).fill(0),
    messages_by_class: {},
    ...{ held: 0, skipped: {}, people_over_cap: 0, templates: 0, most_nudges_a_week: 0 },
    outcomes: {},
    drop_off: [],
    ...{ failures: 0, stopped: 0 },
  };
}

/** What is seen of one person while they live. */
interface Seen {
  nudges: number[];
  isCapped: boolean;
  hasFailed: boolean;
}

function livePersona(
  { program, others }: { program: Program; others: readonly Program[] },
  { start, days }: ForecastQuestion,
  persona: Persona,
  behaviour: Behaviour,
  count: Forecast,
  stops: Map<string, number>,
): void {
  const seen: Seen = { nudges: [], isCapped: false, hasFailed: false };
  const onTurn = (stepping: Stepping, now: number) => {
    countMessages(count, seen, stepping, { now, start, zone: persona.zone ?? program.definition.meta.zone ?? 'UTC' });
    countDecisions(count, seen, stepping);
  };
  const { simulation, stopped } = live(program, persona, behaviour, { start, days, onTurn, others });
  const end = simulation.conversation();
  tally(count.outcomes, end.status === 'ended' ? (end.outcome ?? 'ended') : 'under way');
  if (isDropOff(simulation.conversation(), simulation.now()))
    stops.set(stateBefore(simulation), (stops.get(stateBefore(simulation)) ?? 0) + 1);
  count.people_over_cap += seen.isCapped ? 1 : 0;
  count.most_nudges_a_week = Math.max(count.most_nudges_a_week, mostInAWeek(seen.nudges));
  count.failures += seen.hasFailed ? 1 : 0;
  count.stopped += stopped === null ? 0 : 1;
}

function tally(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function countMessages(count: Forecast, seen: Seen, stepping: Stepping, at: { now: number; start: number; zone: string }): void {
  const { lastInboundAt } = stepping.next.snapshot;
  for (const message of stepping.messages) {
    if (message.role !== 'coach') continue;
    const day = Math.floor((at.now - at.start) / dayMs);
    if (day < count.messages_per_day.length) count.messages_per_day[day] = (count.messages_per_day[day] ?? 0) + 1;
    const hour = new Date(at.now).getUTCHours();
    count.messages_by_hour[hour] = (count.messages_by_hour[hour] ?? 0) + 1;
    const local = localTime(at.now, at.zone).hour;
    count.messages_by_local_hour[local] = (count.messages_by_local_hour[local] ?? 0) + 1;
    tally(count.messages_by_class, message.class);
    if (message.class === 'reply' || message.class === 'safety') continue;
    seen.nudges.push(at.now);
    if (lastInboundAt === null || at.now - lastInboundAt >= dayMs) count.templates += 1;
  }
}

function countDecisions(count: Forecast, seen: Seen, { trace }: Stepping): void {
  for (const decision of trace.decisions) {
    if (decision.do === 'hold') count.held += 1;
    if (decision.do !== 'skip') continue;
    tally(count.skipped, decision.reason);
    if (decision.reason.startsWith('cap ')) seen.isCapped = true;
  }
  if (trace.error !== undefined) seen.hasFailed = true;
}

function mostInAWeek(nudges: readonly number[]): number {
  return Math.max(0, ...nudges.map((at) => nudges.filter((other) => other >= at && other < at + 7 * dayMs).length));
}

/** A week without a word is taken for the end of somebody's interest, and so is a run that ended without them. */
function isDropOff({ status, outcome, snapshot }: Conversation, now: number): boolean {
  const silentMs = now - (snapshot.lastInboundAt ?? 0);
  return status === 'ended' ? silentMs > hourMs && outcome !== 'completed' : silentMs > 7 * dayMs;
}

/** The state in which the contact last did something. */
function stateBefore(simulation: ReturnType<typeof live>['simulation']): string {
  const lines = simulation.transcript();
  const last = lines.findLastIndex((line) => 'message' in line && line.message.role === 'contact');
  const turn = lines.slice(last).find((line) => 'state' in line);
  return (turn && 'state' in turn && turn.state) || 'nowhere';
}
