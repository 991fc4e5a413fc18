/** Saying something: past the governor, held until it may go out, or joined to what is held already. */
import type { MessageBody, MessageClass, MessageRole } from '../message.ts';
import { spreadMs } from '../programs/delays.ts';
import { ExpressionError } from '../programs/expressions.ts';
import { armTimer, type Draft, nextOrdinal, policiesOf, rowInFront, scopeOf, stableKey } from './draft.ts';
import { type Decision, govern, recordSend } from './governor.ts';
import type { ArmedTimer, HeldMessage, Offer } from './snapshot.ts';

/** Records the contact's own bubble and makes its number the input's result. */
export function recordInbound(draft: Draft, messageId: string, body: MessageBody): void {
  draft.resultSeq = append(draft, 'contact', 'inbound', body, messageId);
  draft.snapshot.lastInboundAt = draft.surroundings.now;
}

/** The most messages one input may bring; the check says the same before anybody follows the program. */
const mostMessages = 20;

/** The most messages that wait for a person to give control back; the check of a program knows nothing of people. */
const mostWaiting = 20;

/** A bubble past the governor: the contact's own, or a member's by hand. */
export function append(draft: Draft, role: MessageRole, messageClass: MessageClass, body: MessageBody, id: string | null = null): number {
  if (role === 'coach' && draft.messages.filter((message) => message.role === 'coach').length >= mostMessages) {
    throw new ExpressionError(`Cannot send more than ${mostMessages} messages on one input`);
  }
  draft.seq += 1;
  draft.messages.push({ seq: draft.seq, id, role, class: messageClass, body, at: draft.surroundings.now });
  // The widget's sockets read the record; every other channel has to be called.
  if (role !== 'contact' && draft.before.channel !== 'widget') {
    const ordinal = nextOrdinal(draft);
    draft.effects.push({ id: stableKey(draft, ordinal, 'send'), type: 'send', lane: 'send', ordinal, params: { seq: draft.seq } });
  }
  return draft.seq;
}

/** What a message is about: the content it says, and the question it asks. */
interface About {
  content: string;
  question: string | null;
}

/**
 * Says something for the program: sent, held or skipped as the governor decides, and the decision is recorded.
 * While a person has control nothing goes out; what the program would have said waits for it to have control again.
 */
export function post(draft: Draft, messageClass: Exclude<MessageClass, 'inbound'>, body: MessageBody, about: About): void {
  const judged = decide(draft, messageClass);
  const decision = mayWait(messageClass) ? byLateRule(draft, spread(draft, judged)) : judged;
  draft.decisions.push({
    content: about.content,
    class: messageClass,
    do: decision.do,
    reason: decision.reason,
    ...(decision.do === 'hold' ? { until: new Date(decision.until).toISOString() } : {}),
  });
  if (decision.do === 'hold') hold(draft, decision, { class: messageClass, body, content: about.content });
  if (decision.do !== 'send') return;
  const seq = append(draft, 'coach', messageClass, body);
  draft.sends = recordSend(draft.sends, messageClass, draft.surroundings.now);
  if (body.buttons?.length) draft.snapshot.offer = offerOf(seq, about.question, body.buttons);
}

/** What answers the contact, or keeps them safe, is said at once. */
const mayWait = (messageClass: MessageClass) => messageClass !== 'reply' && messageClass !== 'safety';

/** What a delay with jitter leads to keeps its place in the spread at the end of the quiet hours, when it would else go out together with everybody's. */
function spread({ cause, contact, input, snapshot }: Draft, decision: Decision): Decision {
  if (!cause || decision.do !== 'hold' || input.kind !== 'timer' || snapshot.control !== 'bot') return decision;
  return { ...decision, until: decision.until + spreadMs(cause, contact.id) };
}

/** What is late gathers for so long, so that it comes as one message. */
const gatherMs = 60_000;

type Judged = Decision & { fold?: true };

/** The governor's decision under the late rule of the delay that led here: too late by the time it could go out, it is left out or joined to the rest. */
function byLateRule({ cause, contact, surroundings: { now } }: Draft, decision: Decision): Judged {
  const late = cause?.late;
  if (!cause || !late || decision.do === 'skip') return decision;
  const goesAt = decision.do === 'hold' ? decision.until : now;
  if (goesAt - cause.dueAt <= late.afterMs || late.do === 'send') return decision;
  // What is found late already is skipped by its timer: this is late only by being held.
  if (late.do === 'skip') return decision.do === 'hold' ? { do: 'skip', reason: 'too late by then' } : decision;
  if (decision.do === 'hold') return { ...decision, fold: true };
  return { do: 'hold', until: now + gatherMs + spreadMs(cause, contact.id), reason: 'late: joined with what else is', fold: true };
}

/** Keeps a message until it may go out; one that folds is joined to another of its class that does. */
function hold(
  draft: Draft,
  { until, fold }: Judged & { do: 'hold' },
  message: Pick<HeldMessage, 'class' | 'content'> & { body: MessageBody },
): void {
  const [joined, before] = Object.entries(draft.snapshot.held).find(([, held]) => fold && held.fold && held.class === message.class) ?? [];
  if (joined !== undefined && before) {
    const text = `${before.body.text}\n\n${message.body.text}`;
    draft.snapshot.held = { ...draft.snapshot.held, [joined]: { ...before, ...message, body: { ...before.body, ...message.body, text } } };
    return;
  }
  const timerId = `held:${draft.surroundings.generation}.${Object.keys(draft.snapshot.held).length}.${draft.decisions.length}`;
  const held = { ...message, body: { ...message.body }, state: draft.state ?? '', ...(fold ? { fold } : {}) };
  keepHeld(draft, timerId, held, { dueAt: behindOthers(draft, until), anchor: draft.surroundings.now, event: null });
}

/** What is held until one moment comes in the order it was written, each a millisecond after the one before: the record tells nothing else of order. */
function behindOthers({ snapshot: { held, timers } }: Draft, until: number): number {
  const taken = new Set(Object.keys(held).map((id) => timers[id]?.dueAt));
  let dueAt = until;
  while (taken.has(dueAt)) dueAt += 1;
  return dueAt;
}

/** Keeps a held message under its timer in the run in front; while a person has control it waits for the program to have it again. */
export function keepHeld(draft: Draft, timerId: string, held: HeldMessage, armed: Omit<ArmedTimer, 'generation'>): void {
  draft.snapshot.held = { ...draft.snapshot.held, [timerId]: held };
  armTimer(draft, timerId, armed);
  if (draft.snapshot.control !== 'bot') deferTimer(draft, rowInFront(draft, timerId));
}

/** A timer that is due waits until the program has control: it keeps its place in the snapshot, without a row. */
export function deferTimer(draft: Draft, row: string): void {
  draft.snapshot.deferred = [...draft.snapshot.deferred, row];
  draft.timersSet.delete(row);
  draft.timersCleared.add(row);
}

function offerOf(seq: number, question: string | null, buttons: Offer['buttons']): Offer {
  return { seq, question, buttons };
}

function decide(draft: Draft, messageClass: MessageClass): Decision {
  if (draft.silent && messageClass !== 'reply' && messageClass !== 'safety') return { do: 'skip', reason: 'too late' };
  if (draft.snapshot.control !== 'bot' && !isSaidAnyway(draft, messageClass)) return withoutControl(draft, messageClass);
  const scope = scopeOf(draft);
  return govern(messageClass, {
    now: draft.surroundings.now,
    zone: draft.program?.zoneOf(scope) ?? draft.contact.zone ?? 'UTC',
    contact: draft.contact,
    sends: draft.sends,
    policies: policiesOf(draft),
  });
}

/** A pause leaves nobody alone who asks for help or wants no more messages; while a person has control they answer that. */
function isSaidAnyway({ snapshot }: Draft, messageClass: MessageClass): boolean {
  return snapshot.control === 'paused' && messageClass === 'safety';
}

function withoutControl({ snapshot, surroundings }: Draft, messageClass: MessageClass): Decision {
  const reason = `control is ${snapshot.control}`;
  const isFull = Object.keys(snapshot.held).length >= mostWaiting;
  return messageClass === 'safety' || isFull ? { do: 'skip', reason } : { do: 'hold', until: surroundings.now, reason };
}

const broadcastPrefix = 'broadcast.';

/** The name under which a broadcast's message is known among contents. */
export function broadcastContent(broadcast: string): string {
  return `${broadcastPrefix}${broadcast}`;
}

/** Whether a held message is a broadcast's, which belongs to no run of a program. */
export function isBroadcast(held: HeldMessage | undefined): boolean {
  return held?.content.startsWith(broadcastPrefix) === true;
}
