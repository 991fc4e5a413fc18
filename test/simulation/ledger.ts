/** What the database has taken, kept from outside, and the invariants that must hold of it after every step (I1–I10 of src/actors/SPEC.md). */
import type { Trace } from '../../src/actors/conversation.ts';
import type { InputResult } from '../../src/actors/input.ts';
import type { Snapshot } from '../../src/actors/snapshot.ts';
import type { DeliveryRequest } from '../../src/deliveries.ts';
import { localDate } from '../../src/programs/schedule.ts';
import type { TurnOutcome, TurnRow } from '../../src/store/turns.ts';
import { brokenAnswers, brokenPolicies } from './replies.ts';

/** One conversation as its committed turns have made it. */
export interface Entry {
  creator: string;
  contact: string;
  version: number;
  seq: number;
  snapshot: Snapshot | null;
  inputs: Map<string, InputResult>;
  effects: Map<string, { status: string; text: string; type: string }>;
  /** Effects whose answer was said. */
  said: Set<string>;
  /** Every timer that was ever armed. */
  everArmed: { id: string; generation: number; dueAt: number }[];
  /** The rows of timers by their ids. */
  timers: Map<string, { generation: number; dueAt: number }>;
}

export interface Ledger {
  open(conversation: string, creator: string, contact: string): void;
  entry(conversation: string): Entry;
  /** Hears of every turn the database was given, with its outcome. @throws Error that names the broken invariant */
  onCommit(row: TurnRow, outcome: TurnOutcome, node: number): void;
  /** Hears of every input that a node is given. */
  onDelivery(conversation: string, node: number, inputId: string): void;
  /** Hears of every input that a node did not take. */
  onRefusal(conversation: string, node: number, inputId: string): void;
  /** Hears of every acknowledgement. */
  onAck(conversation: string, inputId: string, result: InputResult): void;
  /** Hears of every question that reaches the documents. */
  onAsk(question: string): void;
  /** Hears of every message that reaches the provider, which knows a message by its key. */
  onSend(request: DeliveryRequest): void;
  /** Notes an invariant that only the caller can see broken. */
  demand(holds: boolean, invariant: string): void;
  /** What was found broken. */
  broken(): readonly string[];
}

/** The words of a creator's contacts hold this, so that what crosses creators is seen. */
export const mark = (creator: string) => `@${creator.slice(-6)}`;

/** What the program of the histories allows a contact, in whatever conversation. */
export const nudgesADay = 5;

/** Who has control after an act of a member; as before after any other input. */
function controlAfter(before: string, act: string | undefined): string {
  if (act === 'takeover') return 'human';
  if (act === 'pause') return 'paused';
  return act === 'release' || act === 'resume' || act === 'restart' ? 'bot' : before;
}

/** What is said though the program is paused, before the turn or within it; `takeInputs` judges each input. */
function isHelp(message: { class: string }, of: Entry, row: TurnRow): boolean {
  const isPaused = of.snapshot?.control === 'paused' || row.inputs.some(({ payload }) => (payload as { act?: string }).act === 'pause');
  return isPaused && message.class === 'safety';
}

export function createLedger(): Ledger {
  const entries = new Map<string, Entry>();
  const faults: string[] = [];
  const delivered = new Map<string, DeliveryRequest[]>();
  /** Inputs by node and conversation, in the order in which the node was given them. */
  const given = new Map<string, string[]>();
  const nudges = new Map<string, number>();
  const demand = (holds: boolean, invariant: string) => {
    if (!holds) faults.push(invariant);
  };

  function entry(conversation: string): Entry {
    const found = entries.get(conversation);
    if (!found) throw new Error(`Nobody opened conversation ${conversation}`);
    return found;
  }

  function takeInputs(row: TurnRow, of: Entry): void {
    let control: string = of.snapshot?.control ?? 'bot';
    for (const input of row.inputs) {
      demand(!of.inputs.has(input.id), `I2: input ${input.id} was applied twice`);
      of.inputs.set(input.id, input.result as InputResult);
      const trace = input.trace as Trace;
      const payload = input.payload as { timerId?: string; generation?: number; act?: string };
      if (input.kind === 'timer' && trace.as !== 'stale') {
        const armed = of.snapshot?.timers[payload.timerId ?? '']?.generation;
        demand(armed === payload.generation, `I6: timer ${payload.timerId} of generation ${payload.generation} fired, armed was ${armed}`);
      }
      control = controlAfter(control, payload.act);
      const spoke = trace.decisions.some((decision) => decision.do === 'send' && !(control === 'paused' && decision.class === 'safety'));
      demand(control === 'bot' || !spoke, `I10: the program spoke on ${trace.as} without control`);
    }
  }

  function takeMessages(row: TurnRow, of: Entry): void {
    const silent = staysHuman(row, of);
    for (const message of row.messages ?? []) {
      demand(message.seq === of.seq + 1, `seq ${message.seq} follows ${of.seq}`);
      of.seq = message.seq;
      const body = JSON.stringify(message.body);
      for (const [, other] of entries) {
        demand(other.creator === of.creator || !body.includes(mark(other.creator)), 'I9: words of another creator');
      }
      const { reply } = message.body as { reply?: string };
      if (reply !== undefined) takeReply(of, reply);
      if (message.class === 'nudge') countNudge(of, message.at ?? row.at);
      demand(!silent || message.role !== 'coach' || isHelp(message, of, row), 'I10: the program spoke without control');
    }
    demand(row.seq === of.seq, `I1: seq of the conversation is ${row.seq}, its messages end at ${of.seq}`);
  }

  /** Where control went to the program and came back within the turn, `takeInputs` judges each input. */
  function staysHuman(row: TurnRow, of: Entry): boolean {
    const wasHuman = of.snapshot !== null && of.snapshot.control !== 'bot';
    return wasHuman && row.inputs.every((input) => controlAfter('human', (input.payload as { act?: string }).act) !== 'bot');
  }

  /** One that came while a person had control is done, and said when it is given back. */
  function takeReply(of: Entry, reply: string): void {
    const status = of.effects.get(reply)?.status ?? 'unknown';
    demand(status === 'planned' || status === 'done' || status === 'failed', `R6: answer ${reply} was said though it was ${status}`);
    demand(!of.said.has(reply), `R6: answer ${reply} was said twice`);
    of.said.add(reply);
  }

  /** The cap counts every conversation of a contact. */
  function countNudge(of: Entry, at: string): void {
    const day = `${of.contact} ${localDate(Date.parse(at), 'Europe/Lisbon')}`;
    nudges.set(day, (nudges.get(day) ?? 0) + 1);
    demand((nudges.get(day) ?? 0) <= nudgesADay, `More than ${nudgesADay} nudges a day`);
  }

  /** What a node was given first it takes first, unless that is on record already. */
  function checkOrder(row: TurnRow, of: Entry, node: number): void {
    const name = `${node} ${row.conversation}`;
    const order = [...new Set(given.get(name))].filter((id) => !of.inputs.has(id));
    const taken = row.inputs.map(({ id }) => id).filter((id) => order.includes(id));
    demand(taken.join() === order.slice(0, taken.length).join(), `I3: ${taken} were taken, ${order} was the order in which they came`);
    given.set(name, order.slice(taken.length));
  }

  function takeEffects(row: TurnRow, of: Entry): void {
    for (const end of row.effects_ended ?? []) {
      const effect = of.effects.get(end.id);
      demand(effect !== undefined, `I4: effect ${end.id} ended without having been planned`);
      if (effect?.status === 'planned') effect.status = end.status;
    }
    for (const effect of row.effects ?? []) {
      demand(!of.effects.has(effect.id), `I4: effect ${effect.id} was planned twice`);
      of.effects.set(effect.id, { status: 'planned', type: effect.type, text: String((effect.params as { text?: string }).text) });
    }
  }

  function takeTimers(row: TurnRow, of: Entry, snapshot: Snapshot): void {
    for (const id of row.timers_cleared ?? []) of.timers.delete(id);
    for (const { id, generation, due_at } of row.timers_set ?? []) {
      of.timers.set(id, { generation, dueAt: Date.parse(due_at) });
      of.everArmed.push({ id, generation, dueAt: Date.parse(due_at) });
    }
    const hasRow = (id: string) => !snapshot.deferred.includes(id) && snapshot.timers[id]?.remainingMs === undefined;
    const armed = Object.entries(snapshot.timers).filter(([id]) => hasRow(id));
    const same = armed.length === of.timers.size && armed.every(([id, timer]) => of.timers.get(id)?.generation === timer.generation);
    demand(same, `I7: armed ${JSON.stringify(armed.map(([id, timer]) => [id, timer.generation]))}, rows ${JSON.stringify([...of.timers])}`);
  }

  return {
    open(conversation, creator, contact) {
      entries.set(conversation, {
        creator,
        contact,
        version: 0,
        seq: 0,
        snapshot: null,
        inputs: new Map(),
        effects: new Map(),
        said: new Set(),
        everArmed: [],
        timers: new Map(),
      });
    },
    entry,
    onDelivery(conversation, node, inputId) {
      const name = `${node} ${conversation}`;
      given.set(name, [...(given.get(name) ?? []), inputId]);
    },
    onRefusal(conversation, node, inputId) {
      const order = given.get(`${node} ${conversation}`) ?? [];
      if (order.includes(inputId)) order.splice(order.indexOf(inputId), 1);
    },
    onCommit(row, { outcome }, node) {
      if (outcome !== 'committed') return;
      const of = entry(row.conversation);
      demand(row.creator === of.creator, 'I9: a turn of another creator');
      demand(row.expected === of.version, `I8: version ${row.expected} + 1 follows ${of.version}`);
      const snapshot = JSON.parse(row.snapshot) as Snapshot;
      checkOrder(row, of, node);
      for (const fault of brokenPolicies(row, of.snapshot, snapshot)) demand(false, fault);
      takeInputs(row, of);
      takeMessages(row, of);
      takeEffects(row, of);
      for (const fault of brokenAnswers(of.effects, snapshot)) demand(false, fault);
      takeTimers(row, of, snapshot);
      of.version += 1;
      of.snapshot = snapshot;
    },
    onAck(conversation, inputId, result) {
      const stored = entry(conversation).inputs.get(inputId);
      demand(stored !== undefined, `I1: input ${inputId} was acked and is not on record`);
      demand(stored?.seq === result.seq, `I2: input ${inputId} was acked with ${result.seq}, on record is ${stored?.seq}`);
    },
    onAsk(question) {
      const planned = [...entries.values()].some((of) => [...of.effects.values()].some(({ text }) => text === question));
      demand(planned, 'I5: an effect ran before its turn was durable');
    },
    onSend(request) {
      const of = entry(request.conversationId);
      demand(request.seq <= of.seq, `I5: message ${request.seq} was sent before its turn was durable`);
      const before = delivered.get(request.conversationId) ?? [];
      const same = before.find(({ seq }) => seq === request.seq);
      demand(same === undefined || same.key === request.key, `I4: message ${request.seq} reached the provider under two keys`);
      if (same) return;
      demand((before.at(-1)?.seq ?? 0) < request.seq, `Message ${request.seq} was overtaken by ${before.at(-1)?.seq}`);
      delivered.set(request.conversationId, [...before, request]);
    },
    demand,
    broken: () => faults,
  };
}
