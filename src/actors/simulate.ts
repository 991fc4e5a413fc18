/** A conversation on a virtual clock: the same step, timers and governor as in service, no record and no wall time. */
import type { ContactId, ConversationId, CreatorId, ProgramId, SessionId } from '../ids.ts';
import type { Program } from '../programs/program.ts';
import { addDuration } from '../programs/schedule.ts';
import { type Contact, type Json, newContact, type Scope } from '../programs/scope.ts';
import type { World } from '../programs/script.ts';
import {
  type Conversation,
  type ModelParams,
  type NewEffect,
  type NewMessage,
  type Stepping,
  scopeAt,
  type Trace,
} from './conversation.ts';
import { programKey, rowOf } from './draft.ts';
import type { ControlAct, EffectResult, Input } from './input.ts';
import { receive } from './receive.ts';
import { emptySnapshot } from './snapshot.ts';

/** Who is simulated, and where; `channel` is the widget when left out. */
export type Persona = Partial<Pick<Contact, 'name' | 'zone' | 'language' | 'fields' | 'tags' | 'consent'>> & { channel?: string };

/** One line of the dated transcript: a message, or what a turn came to. Times in milliseconds since 1970. */
export type Line =
  | { at: number; message: NewMessage }
  | { at: number; state: string | null; as: string; decisions: Trace['decisions']; error?: string };

/** A timer that is armed; `dueAt` in milliseconds since 1970. */
export interface SimulatedTimer {
  id: string;
  dueAt: number;
  generation: number;
}

export interface Simulation {
  /** The contact writes. */
  say(text: string): void;
  /** The contact presses a button of the newest offer, named by its id. */
  press(button: string): void;
  /** Something happens outside: `name` without `EVENT.`. */
  tell(name: string, data: Readonly<Record<string, unknown>>): void;
  /** The program is started by its name, as a link or the API does. */
  start(): void;
  /** A member takes the conversation over, gives it back, and so on. */
  control(act: ControlAct): void;
  /** Turns the clock: an ISO 8601 duration in the contact's zone, or `next` to the next timer. */
  advance(by: string): void;
  /** Turns the clock to an instant, milliseconds since 1970; one that has passed changes nothing. */
  advanceTo(at: number): void;
  /** Virtual time, milliseconds since 1970. */
  now(): number;
  /** The zone of the contact, else of the program. */
  zone(): string;
  conversation(): Conversation;
  /** What an expression sees now. */
  scope(): Scope;
  /** Armed timers, the next to fall due first. */
  timers(): readonly SimulatedTimer[];
  transcript(): readonly Line[];
  /** Messages the program has sent. */
  outbound(): readonly NewMessage[];
}

/** How a simulation is bounded, and what else there is in its world. */
export interface SimulationOptions {
  /** The most turns it may take; 20,000 unless told. */
  turns?: number;
  /** Hears of every turn. */
  onTurn?: (stepping: Stepping, now: number) => void;
  /** What the world answers; questions to the documents get one set sentence where nothing is said, everything else fails. */
  world?: World | undefined;
  /** Other live programs of the creator, which this one may start. */
  others?: readonly Program[];
}

const simulatedId = (index: number) => `00000000-0000-7000-8000-1${String(index).padStart(11, '0')}` as ProgramId;

/** A simulation that needs more turns than this is a loop. */
const mostTurns = 20_000;

/**
 * @param start virtual time of the first moment, milliseconds since 1970
 * @throws RangeError when the program needs more turns
 */
export function createSimulation(program: Program, persona: Persona, start: number, options: SimulationOptions = {}): Simulation {
  const most = options.turns ?? mostTurns;
  const live = [program, ...(options.others ?? [])].map((one, index) => ({ id: simulatedId(index), version: 1, program: one }));
  const byKey = new Map(live.map((one) => [programKey(one), one.program]));
  const transcript: Line[] = [];
  let now = start;
  let turns = 0;
  let conversation = unstarted(persona);

  function take(input: Input): void {
    turns += 1;
    if (turns > most) throw new RangeError(`Cannot simulate more than ${most} turns`);
    const current = conversation.program ? (byKey.get(programKey(conversation.program)) ?? null) : null;
    const stepping = receive(conversation, input, { now, generation: conversation.version + 1, current, live, waiting: byKey });
    conversation = { ...stepping.next, version: conversation.version + 1 };
    record(stepping);
    for (const effect of stepping.effects) answer(effect);
  }

  function record(stepping: Stepping): void {
    const { messages, trace } = stepping;
    for (const message of messages) transcript.push({ at: now, message });
    const failed = trace.error === undefined ? {} : { error: trace.error };
    transcript.push({ at: now, state: trace.to, as: trace.as, decisions: trace.decisions, ...failed });
    options.onTurn?.(stepping, now);
  }

  function answer(effect: NewEffect): void {
    const result = resultOf(effect, options.world ?? {});
    if (result) take({ id: `effect:${effect.id}`, kind: 'effect', effectId: effect.id, ...result });
  }

  const scope = () => scopeAt(conversation, now);

  function timers(): SimulatedTimer[] {
    const { deferred, callers = [] } = conversation.snapshot;
    return [...callers, conversation.snapshot]
      .flatMap((run, depth) => Object.entries(run.timers).map(([id, armed]) => ({ ...armed, id: rowOf(depth, id) })))
      .flatMap(({ id, dueAt, generation }) => (deferred.includes(id) ? [] : [{ id, dueAt, generation }]))
      .sort((a, b) => a.dueAt - b.dueAt);
  }

  function fire({ id: timerId, generation, dueAt }: SimulatedTimer): void {
    now = Math.max(now, dueAt);
    take({ id: `timer:${timerId}:${generation}`, kind: 'timer', timerId, generation, dueAt });
  }

  function advanceTo(at: number): void {
    for (let [timer] = timers(); timer && timer.dueAt <= at; [timer] = timers()) fire(timer);
    now = Math.max(now, at);
  }

  return {
    say: (text) => take({ id: `msg:${turns}`, kind: 'message', messageId: `${turns}`, text }),
    press: (button) =>
      take({ id: `msg:${turns}`, kind: 'button', messageId: `${turns}`, messageSeq: conversation.snapshot.offer?.seq ?? 0, button }),
    tell: (name, data) => take({ id: `event:${turns}`, kind: 'event', name, data }),
    control: (act) => take({ id: `control:${turns}`, kind: 'control', act }),
    start: () => take({ id: `start:${turns}`, kind: 'start', programSlug: program.definition.meta.id }),
    advance(by) {
      if (by === 'next') {
        const [timer] = timers();
        if (timer) fire(timer);
        return;
      }
      advanceTo(addDuration(now, by, program.zoneOf(scope())));
    },
    advanceTo,
    now: () => now,
    zone: () => program.zoneOf(scope()),
    conversation: () => conversation,
    scope,
    timers,
    transcript: () => transcript,
    outbound: () => transcript.flatMap((line) => ('message' in line && line.message.role === 'coach' ? [line.message] : [])),
  };
}

type Ended = { outcome: 'done' | 'failed'; result: EffectResult };

const done = (output: Readonly<Record<string, Json>>): Ended => ({ outcome: 'done', result: { output } });
const failed: Ended = { outcome: 'failed', result: { reason: 'simulated' } };

/**
 * What stands in for the world: what is sent arrives, people are told, every question to the documents is answered at once, and whatever else
 * is asked of the world gives what the script says of it, or fails, as a program must be ready for.
 */
function resultOf(effect: NewEffect, world: World): Ended | null {
  switch (effect.type) {
    case 'answer':
      return answered(world.answer === undefined ? '(an answer from the documents)' : world.answer);
    case 'event':
      return { outcome: 'done', result: {} };
    case 'model':
      return modelled(effect.params, world);
    case 'http':
      return world.http ? done({ status: world.http.status ?? 200, text: JSON.stringify(world.http.data), data: world.http.data }) : failed;
    case 'recount':
      return failed;
    default:
      // What goes out has no answer.
      return null;
  }
}

function answered(text: string | null): Ended {
  return { outcome: 'done', result: { answer: { text: text ?? '', citations: [], grounded: text !== null, degraded: false } } };
}

/** What a model is taken to propose; a label that is none of the declared ones is as wrong here as in service. */
function modelled({ task, labels = [] }: ModelParams, { classify, extract, summarize }: World): Ended {
  if (task === 'classify') return classify !== undefined && labels.includes(classify) ? done({ text: classify, score: 1 }) : failed;
  if (task === 'extract') return extract ? done({ data: extract }) : failed;
  return summarize === undefined ? failed : done({ text: summarize });
}

function unstarted({ channel = 'widget', ...known }: Persona): Conversation {
  const contactId = '00000000-0000-7000-8000-000000000002' as ContactId;
  return {
    creatorId: '00000000-0000-7000-8000-000000000003' as CreatorId,
    id: '00000000-0000-7000-8000-000000000004' as ConversationId,
    sessionId: '00000000-0000-7000-8000-000000000005' as SessionId,
    channel,
    wantsPush: false,
    version: 0,
    seq: 0,
    contactId,
    contactVersion: 0,
    contact: { ...newContact(contactId), ...known },
    sends: [],
    program: null,
    snapshot: emptySnapshot,
    state: null,
    status: 'open',
    outcome: null,
  };
}
