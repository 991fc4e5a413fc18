/** What each kind of input means to a conversation. Pure: conversation and input in, consequences out. */
import type { Attachment, MessageBody } from '../message.ts';
import { spreadMs } from '../programs/delays.ts';
import type { MachineEvent } from '../programs/program.ts';
import { type ControlEvent, controlTable } from '../programs/regions.ts';
import { answerInFlight, invokeOf, sayAnswer } from './answering.ts';
import { recomputeCalendar, takeMoment } from './calendar.ts';
import type { Conversation, Stepping, Surroundings } from './conversation.ts';
import { armTimer, clearTimer, closeDraft, type Draft, delayOf, openDraft, scopeOf, timerOf } from './draft.ts';
import { askAgain, hear, obey, press, startByName } from './hear.ts';
import type { Input } from './input.ts';
import { finishInvoke, invokeOfPerson, personAnswered } from './invoking.ts';
import { isPromiseTimer, keepPromises } from './keep-promises.ts';
import { giveUpListening, nextHeard, takeWords, waitsForWords } from './listening.ts';
import { moveOver } from './migrate.ts';
import { dispatch, giveToPerson, restart } from './perform.ts';
import { endRun } from './performers.ts';
import { append, broadcastContent, deferTimer, isBroadcast, post, recordInbound } from './posting.ts';
import { keepRecount } from './progress.ts';
import { type ArmedTimer, activePaths, withControl } from './snapshot.ts';
import { suspend } from './suspension.ts';
import { depthOf, depthOfEffect, dropCallers, everyRun, inRun } from './waiting-runs.ts';
import { wordsOf } from './words.ts';

type Of<Kind extends Input['kind']> = Extract<Input, { kind: Kind }>;

/**
 * Takes one input. Never throws for what a program does: an expression that fails at run time leaves the conversation as it
 * was, the contact's own words on record, the input used up and `trace.error` set, so that nothing loops on it.
 */
export function receive(conversation: Conversation, input: Input, surroundings: Surroundings): Stepping {
  const draft = openDraft(conversation, input, surroundings);
  try {
    const { move } = surroundings;
    if (move) moveOver(draft, move);
    take(draft, input);
    hearWaiting(draft);
    hearInOrder(draft);
    // What has moved for one run has moved for those that wait for it.
    if (depthOf(draft) > 0 && draft.contact !== conversation.contact) everyRun(draft, recomputeCalendar);
    if (move) moveOver(draft, move);
    if (surroundings.watch) keepPromises(draft);
    return closeDraft(draft);
  } catch (error) {
    // A version that cannot be entered must not take the input with it.
    if (surroundings.move) return receive(conversation, input, { ...surroundings, move: null });
    return quarantine(conversation, input, surroundings, error);
  }
}

const takers: { readonly [Kind in Input['kind']]: (draft: Draft, input: Of<Kind>) => void } = {
  message: onMessage,
  button: onButton,
  timer: onTimer,
  effect: onEffect,
  event: onNamedEvent,
  control: onControl,
  broadcast: onBroadcast,
  start: (draft, input) => startByName(draft, input.programSlug),
  migrate: (draft) => {
    draft.as = draft.moved ? 'migrated' : 'migration.waits';
  },
};

function take(draft: Draft, input: Input): void {
  (takers[input.kind] as (draft: Draft, input: Input) => void)(draft, input);
}

function onMessage(draft: Draft, input: Of<'message'>): void {
  const isFirst = draft.snapshot.lastInboundAt === null || (input.again === true && draft.snapshot.ran.length === 0);
  if (!input.again) recordInbound(draft, input.messageId, bodyOf(input));
  if (obey(draft, input.text) || waitsForWords(draft, input)) return;
  if (draft.snapshot.control !== 'bot') {
    draft.as = 'recorded';
    return;
  }
  hear(draft, input.text, isFirst);
}

function onButton(draft: Draft, input: Of<'button'>): void {
  const { offer } = draft.snapshot;
  const button = offer?.seq === input.messageSeq ? offer.buttons.find((candidate) => candidate.id === input.button) : undefined;
  if (!input.again) recordInbound(draft, input.messageId, pressedBody(input, button));
  if (waitsForWords(draft, input)) return;
  if (draft.snapshot.control !== 'bot') {
    draft.as = button ? 'recorded' : 'stale';
    return;
  }
  if (button) press(draft, button);
  else askAgain(draft);
}

function onTimer(draft: Draft, input: Of<'timer'>): void {
  const { depth, timerId } = timerOf(input.timerId);
  if (input.again) {
    inRun(draft, depth, () => fireAgain(draft, timerId));
    return;
  }
  const armed = (draft.snapshot.callers?.[depth] ?? (depth === depthOf(draft) ? draft.snapshot : null))?.timers[timerId];
  if (armed?.generation !== input.generation) {
    draft.as = 'stale';
    return;
  }
  if (draft.snapshot.control === 'bot' || isPromiseTimer(timerId)) {
    fire(draft, input.timerId);
    return;
  }
  deferTimer(draft, input.timerId);
  draft.as = 'deferred';
}

/** A timer's moment, in the run that has armed it. */
function fire(draft: Draft, row: string): void {
  const { depth, timerId } = timerOf(row);
  inRun(draft, depth, () => fireInFront(draft, timerId));
}

/** One from quarantine, whose row is gone: what it tells the program is in its place in the snapshot, in the calendar or in its name. */
function fireAgain(draft: Draft, timerId: string): void {
  const moment = draft.program?.calendar.find((point) => point.timerId === timerId);
  if (timerId in draft.snapshot.timers && !moment) fireInFront(draft, timerId);
  else onEvent(draft, { type: moment ? `CALENDAR.${moment.id}` : timerId });
}

/** By its late rule if the moment has long passed. */
function fireInFront(draft: Draft, timerId: string): void {
  const armed = draft.snapshot.timers[timerId];
  if (!armed) return;
  const held = draft.snapshot.held[timerId];
  const delay = delayOf(draft, timerId);
  if (delay) draft.cause = { ...delay, dueAt: armed.cameAt ?? armed.dueAt };
  if (isSpread(draft, timerId, armed)) return;
  clearTimer(draft, timerId);
  const moment = takeMoment(draft, timerId, armed.dueAt);
  if (held) release(draft, held);
  else if (isPromiseTimer(timerId)) draft.as = 'promise';
  else if (moment === 'skipped') draft.as = `skipped ${armed.event}`;
  else if (!isSkipped(draft, timerId, armed)) onEvent(draft, { type: armed.event ?? timerId });
}

/**
 * Whether a timer was found later than its spread is long, as all are by a server that was off: then they take their places from now on, or
 * everybody would be written to at once. What its rule leaves out or joins does not wait.
 */
function isSpread(draft: Draft, timerId: string, armed: ArmedTimer): boolean {
  const { cause, contact, input, surroundings } = draft;
  if (!cause || cause.jitterMs === 0 || armed.cameAt !== undefined || input.kind !== 'timer') return false;
  const lateMs = surroundings.now - armed.dueAt;
  const isForItsRule = cause.late !== null && cause.late.do !== 'send' && lateMs > cause.late.afterMs;
  if (isForItsRule || lateMs <= cause.jitterMs) return false;
  armTimer(draft, timerId, { ...armed, dueAt: surroundings.now + spreadMs(cause, contact.id), cameAt: armed.dueAt });
  draft.as = 'late.spread';
  return true;
}

/** Whether a timer is so late that its rule skips it: a recurring one waits for its next occurrence, any other goes on in silence. */
function isSkipped(draft: Draft, timerId: string, armed: ArmedTimer): boolean {
  const { now } = draft.surroundings;
  const delay = draft.cause;
  if (!draft.program || delay?.late?.do !== 'skip' || now - delay.dueAt <= delay.late.afterMs) return false;
  draft.silent = !delay.recurring;
  if (!delay.recurring) return false;
  draft.as = 'late.next';
  const { cameAt: _passed, ...again } = armed;
  armTimer(draft, timerId, { ...again, anchor: now, dueAt: draft.program.dueAt(delay.name, scopeOf(draft), now) });
  return true;
}

/** A held message whose time has come: asked of the governor again, unless its state was left meanwhile. */
function release(draft: Draft, held: NonNullable<Draft['snapshot']['held'][string]>): void {
  draft.as = 'held';
  if (!held.fold && wasLeft(draft, held.state) && !isBroadcast(held)) {
    draft.decisions.push({ content: held.content, class: held.class, do: 'skip', reason: 'its state was left' });
    return;
  }
  post(draft, held.class, held.body, {
    content: held.content,
    question: draft.snapshot.question?.content === held.content ? draft.snapshot.question.id : null,
  });
}

/** Whether one of the states that a held message was said by is left. */
function wasLeft({ state, snapshot }: Draft, said: string): boolean {
  const active = activePaths(snapshot.machine);
  return said !== state && said.split(',').some((path) => !active.includes(path));
}

/** A message of a broadcast is said whatever state the contact is in; while a person has control the governor keeps it back. */
function onBroadcast(draft: Draft, { broadcast, content: { wordings, class: messageClass } }: Of<'broadcast'>): void {
  const { language } = draft.contact;
  const known = [language, language?.split('-', 1)[0]].find((wanted) => typeof wanted === 'string' && Object.hasOwn(wordings, wanted));
  const wording = known ? wordings[known] : Object.values(wordings)[0];
  if (!wording) return;
  const { text, template } = wording;
  const body = { text, ...(template ? { template: { ...template, variables: template.variables ?? [] } } : {}) };
  post(draft, messageClass, body, { content: broadcastContent(broadcast), question: null });
}

function onEvent(draft: Draft, event: MachineEvent): boolean {
  const isTaken = draft.status === 'active' && dispatch(draft, event);
  draft.as = isTaken ? event.type : `unhandled ${event.type}`;
  return isTaken;
}

function onEffect(draft: Draft, input: Of<'effect'>): void {
  draft.effectsEnded.push({ id: input.effectId, status: input.outcome, result: input.result });
  if (input.result.delivery) {
    draft.as = `send.${input.result.delivery.outcome}`;
    return;
  }
  if (input.result.push) {
    draft.as = `push.${input.result.push}`;
    return;
  }
  if (input.result.recount) {
    draft.as = keepRecount(draft, input.result.recount) ? 'recounted' : 'recount.again';
    return;
  }
  if (takeWords(draft, input)) return;
  inRun(draft, depthOfEffect(draft, input.effectId), () => onResult(draft, input));
}

/** What awaited work of the run in front came to. */
function onResult(draft: Draft, input: Of<'effect'>): void {
  const invokeId = invokeOf(draft, input.effectId);
  if (invokeId === null) {
    draft.as = 'superseded';
    return;
  }
  const { src = 'answer' } = draft.snapshot.answers[invokeId] ?? {};
  if (src !== 'answer') {
    onInvokeEffect(draft, invokeId, src, input);
    return;
  }
  const { [invokeId]: _ended, ...others } = draft.snapshot.answers;
  draft.snapshot.answers = others;
  draft.answersContact = true;
  sayAnswer(draft, input.effectId, input.outcome, input.result);
  const { outcome, result } = input;
  dispatch(
    draft,
    outcome === 'done'
      ? { type: `xstate.done.actor.${invokeId}`, output: { grounded: result.answer?.grounded === true, text: result.answer?.text ?? '' } }
      : { type: `xstate.error.actor.${invokeId}`, error: { reason: result.reason ?? 'failed' } },
  );
  draft.as = `answer.${outcome}`;
}

/** Texts that waited for an answer are heard once none is under way, one after the other until one starts an answer of its own. */
function hearWaiting(draft: Draft): void {
  for (;;) {
    const [next, ...waiting] = draft.snapshot.waiting;
    if (next === undefined || draft.snapshot.control !== 'bot' || answerInFlight(draft)) return;
    draft.snapshot.waiting = waiting;
    const { as } = draft;
    hear(draft, next, false);
    // What the input itself was stays on record.
    draft.as = as;
  }
}

/** What waited for a voice note to be put into words is taken as it would have been, each in its turn. */
function hearInOrder(draft: Draft): void {
  for (let next = nextHeard(draft); next !== null; next = nextHeard(draft)) {
    draft.answersContact = true;
    draft.attachments = next.kind === 'message' ? (next.attachments ?? []) : [];
    take(draft, next);
    hearWaiting(draft);
  }
}

/** A question to the creator's people that was passed on goes on waiting for them; everything else has ended. */
function onInvokeEffect(draft: Draft, invokeId: string, src: string, input: Of<'effect'>): void {
  draft.as = `${src}.${input.outcome}`;
  draft.answersContact = true;
  if (src !== 'person' || input.outcome !== 'done') finishInvoke(draft, invokeId, input, dispatch);
}

/** An event is for the run in front; one that it does not wait for goes to the run that waits for it, and so on outwards. */
function onNamedEvent(draft: Draft, input: Of<'event'>): void {
  let isTaken = false;
  for (let depth = depthOf(draft); depth >= 0 && !isTaken; depth -= 1) {
    inRun(draft, depth, () => {
      isTaken = takeNamedEvent(draft, input);
    });
  }
}

function takeNamedEvent(draft: Draft, { name, data }: Of<'event'>): boolean {
  const invokeId = name === personAnswered && draft.status === 'active' ? invokeOfPerson(draft, data.question) : null;
  if (invokeId === null) return onEvent(draft, { type: `EVENT.${name}`, data });
  draft.as = 'person.answered';
  draft.answersContact = true;
  finishInvoke(draft, invokeId, { outcome: 'done', result: { output: { text: String(data.text ?? '') } } }, dispatch);
  return true;
}

function onControl(draft: Draft, input: Of<'control'>): void {
  const { act } = input;
  draft.as = `control.${act}`;
  switch (act) {
    case 'say':
      draft.resultSeq = append(draft, 'person', 'transactional', bodyOf(input), input.messageId ?? null);
      return;
    case 'end':
      dropCallers(draft);
      endRun(draft, input.reason ?? 'ended by a person');
      return;
    case 'restart':
      // The member gives the program control again, from its beginning.
      draft.snapshot.control = 'bot';
      restart(draft);
      return;
    default:
      changeControl(draft, act);
  }
}

/** What a person wrote, with the files beside it. */
function bodyOf({ text = '', attachments = [] }: { text?: string; attachments?: readonly Attachment[] }): MessageBody {
  return { text, ...(attachments.length > 0 ? { attachments } : {}) };
}

/** A pressed button; one that moves nothing, because its moment has passed or it was never offered, is marked. */
function pressedBody({ button, title, messageSeq }: Of<'button'>, offered: { title: string } | null | undefined): MessageBody {
  const text = offered?.title ?? title ?? button;
  return { text, ...(messageSeq > 0 ? { button } : {}), ...(offered ? {} : { stale: true }) };
}

function changeControl(draft: Draft, act: ControlEvent): void {
  if (act === 'takeover') giveToPerson(draft);
  else dispatch(draft, { type: `CONTROL.${act}` });
  // Where no program has run yet there is no chart to say so.
  draft.snapshot.control = controlTable[draft.snapshot.control][act];
  if (draft.snapshot.control !== 'bot') return;
  // Somebody has looked at it: the count that pauses a conversation begins anew.
  draft.snapshot.failures = [];
  const due = draft.snapshot.deferred;
  draft.snapshot.deferred = [];
  for (const timerId of due) fire(draft, timerId);
}

/**
 * Puts an input in quarantine: used up and on record with the contact's own words, nothing else of the conversation changed.
 * Five in ten minutes pause the conversation until a person has looked at it.
 */
export function quarantine(conversation: Conversation, input: Input, surroundings: Surroundings, error?: unknown): Stepping {
  const draft = openDraft(conversation, input, surroundings);
  if (input.kind === 'message' && !input.again) recordInbound(draft, input.messageId, bodyOf(input));
  if (input.kind === 'button' && !input.again) recordInbound(draft, input.messageId, pressedBody(input, null));
  if (input.kind === 'effect') giveUp(draft, input);
  if (input.kind === 'timer') giveUpTimer(draft, input.timerId);
  // What waits must not fail every input after this one.
  draft.snapshot.waiting = [];
  if (draft.answersContact && draft.snapshot.control === 'bot')
    post(draft, 'reply', { text: wordsOf(draft).failed }, { content: 'failed', question: null });
  draft.as = 'quarantined';
  countFailure(draft);
  const stepping = closeDraft(draft);
  return { ...stepping, trace: { ...stepping.trace, error: error instanceof Error ? error.message.slice(0, 500) : 'not committed' } };
}

/** The answer it was is no longer under way: what comes next must not wait for it. */
function giveUp(draft: Draft, { effectId, outcome, result }: Of<'effect'>): void {
  draft.effectsEnded.push({ id: effectId, status: outcome, result });
  // It was the contact who spoke.
  if (giveUpListening(draft, effectId)) draft.answersContact = true;
  inRun(draft, depthOfEffect(draft, effectId), () => {
    const { answers } = draft.snapshot;
    draft.snapshot.answers = Object.fromEntries(Object.entries(answers).filter(([, pending]) => pending.effect !== effectId));
  });
}

function giveUpTimer(draft: Draft, row: string): void {
  const { depth, timerId } = timerOf(row);
  inRun(draft, depth, () => {
    // What the program armed by name, and what was held, is told by nothing but its place, which waits for another try.
    if (timerId in draft.snapshot.held || timerId.startsWith('timer:')) draft.timersCleared.add(row);
    else clearTimer(draft, timerId);
  });
}

const failureWindowMs = 600_000;
const mostFailures = 5;

function countFailure(draft: Draft): void {
  const { now } = draft.surroundings;
  const failures = [...draft.snapshot.failures.filter((at) => now - at < failureWindowMs), now];
  draft.snapshot.failures = failures.slice(-mostFailures);
  if (failures.length < mostFailures || draft.snapshot.control !== 'bot') return;
  const { machine } = draft.snapshot;
  draft.snapshot.control = 'paused';
  // Written into the chart by hand: a program that fails must not be asked to take the event.
  draft.snapshot.machine = machine && withControl(machine, 'paused');
  everyRun(draft, suspend);
  draft.as = 'quarantined.paused';
}
