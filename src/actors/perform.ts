/** Carries a machine's actions over into the draft of a turn: what it says, asks, arms, plans and awards. */
import type { AskedInput, MessageBody, MessageClass } from '../message.ts';
import { withBuckets } from '../programs/buckets.ts';
import { ExpressionError } from '../programs/expressions.ts';
import type { MachineEvent, Program, RenderedContent } from '../programs/program.ts';
import { durationMs } from '../programs/schedule.ts';
import type { Json } from '../programs/scope.ts';
import { cancelAnswer } from './answering.ts';
import { armCalendar, beginCalendar } from './calendar.ts';
import type { Conversation, LiveProgram } from './conversation.ts';
import { armTimer, clearTimer, type Draft, delayOf, nextOrdinal, scopeOf, stableKey } from './draft.ts';
import { planEffect, planInvoke, tellOfHandoff } from './invoking.ts';
import { post } from './posting.ts';
import { record, underRules } from './progress.ts';
import { enter, type MachineAction, type Stepped, step } from './step.ts';
import { resumeTimers, suspendTimers } from './suspension.ts';

type Perform = Extract<MachineAction, { type: 'perform' }>;

/** Gives the running program an event. False when no transition took it. */
export function dispatch(draft: Draft, event: MachineEvent): boolean {
  const { program } = draft;
  const { machine } = draft.snapshot;
  if (!program || !machine) return false;
  prepare(draft, program);
  const stepped = step(program, machine, event, scopeOf(draft));
  absorb(draft, program, stepped);
  return stepped.handled;
}

/** Starts a run of a program: whatever an earlier run had armed, asked or planned is over. */
export function begin(draft: Draft, program: Program, ref: NonNullable<Conversation['program']>): void {
  endRun(draft, null);
  draft.program = program;
  draft.programRef = ref;
  draft.status = 'active';
  draft.outcome = null;
  draft.snapshot.control = 'bot';
  draft.snapshot.ran = [...new Set([...draft.snapshot.ran, ref.id])];
  draft.as = 'start';
  draft.starts += 1;
  draft.snapshot.following = null;
  prepare(draft, program);
  beginCalendar(draft, program);
  absorb(draft, program, enter(program, { ...scopeOf(draft), vars: program.variables }));
}

/** Trials are drawn before the program can ask for one; progress is counted by the program's rules. */
function prepare(draft: Draft, program: Program): void {
  draft.contact = underRules(draft, program, withBuckets(draft.contact, program.trials));
}

/** Programs that start one another without end are stopped. */
const mostStarts = 5;

/** Starts the program that was asked for, at once or for after the end, where it is live. */
function succeed(draft: Draft): void {
  const slug = draft.succession ?? (draft.status === 'ended' ? (draft.snapshot.following ?? null) : null);
  draft.succession = null;
  const live = draft.surroundings.live.find(({ program }) => program.definition.meta.id === slug);
  if (!live || !mayFollow(draft, live)) return;
  if (draft.starts >= mostStarts) throw new ExpressionError('Cannot start more than five programs on one input');
  begin(draft, live.program, { id: live.id, version: live.version });
}

/** Whether the way in that a program declares for others lets this contact in. */
function mayFollow(draft: Draft, { id, program }: LiveProgram): boolean {
  const entry = program.definition.entry?.find((one) => 'on' in one && one.on === 'program');
  return entry?.reentry !== 'never' || !draft.snapshot.ran.includes(id);
}

/** Ends the run: nothing stays armed, asked, offered or under way. The state it ended in stays to be seen. */
export function endRun(draft: Draft, outcome: string | null): void {
  for (const timerId of Object.keys(draft.snapshot.timers)) clearTimer(draft, timerId);
  for (const invokeId of Object.keys(draft.snapshot.answers)) cancelAnswer(draft, invokeId);
  draft.snapshot.question = null;
  draft.snapshot.offer = null;
  draft.snapshot.waiting = [];
  if (draft.status === 'active') draft.status = 'ended';
  draft.outcome = outcome;
}

/** Takes over what a step of the program gave: its state, and everything it did. */
export function absorb(draft: Draft, program: Program, stepped: Stepped): void {
  draft.snapshot.machine = stepped.machine;
  const hadControl = draft.snapshot.control === 'bot';
  draft.snapshot.control = stepped.control;
  const reached = milestonesSince(draft.contact, stepped.contact);
  draft.contact = stepped.contact;
  const heldBefore = draft.snapshot.held;
  for (const action of stepped.actions) performAction(draft, program, action);
  draft.state = stepped.state;
  draft.snapshot.held = Object.fromEntries(
    Object.entries(draft.snapshot.held).map(([id, held]) => [id, id in heldBefore ? held : { ...held, state: stepped.state }]),
  );
  dropWhatWasLeft(draft, stepped);
  if (stepped.ended && draft.status === 'active') endRun(draft, stepped.ended.outcome);
  // An event may tell of a contact that a member has changed.
  if (draft.contact !== draft.before.contact || draft.input.kind === 'event') recomputeCalendar(draft, program);
  const hasControl = draft.snapshot.control === 'bot';
  if (hadControl && !hasControl) suspendTimers(draft);
  if (!hadControl && hasControl) resumeTimers(draft);
  goOn(draft, reached);
}

/** A question or an invoke whose state was left waits for nobody. */
function dropWhatWasLeft(draft: Draft, { active, invokes }: Stepped): void {
  if (draft.snapshot.question && !active.has(draft.snapshot.question.state)) draft.snapshot.question = null;
  for (const invokeId of Object.keys(draft.snapshot.answers)) if (!invokes.has(invokeId)) cancelAnswer(draft, invokeId);
}

/** What the macrostep led to beyond itself: a person in control, milestones reached, another program. */
function goOn(draft: Draft, reached: readonly string[]): void {
  if (draft.handoff) {
    draft.handoff = false;
    dispatch(draft, { type: 'CONTROL.takeover' });
  }
  for (const milestone of reached) if (draft.status === 'active') dispatch(draft, { type: `MILESTONE.${milestone}` });
  succeed(draft);
}

function milestonesSince(before: Draft['contact'], after: Draft['contact']): readonly string[] {
  const { milestones } = after.progress;
  if (milestones === before.progress.milestones) return [];
  return Object.keys(milestones).filter((id) => !Object.hasOwn(before.progress.milestones, id));
}

/** Calendar delays keep rule and anchor: a changed zone or field moves what is armed. */
function recomputeCalendar(draft: Draft, program: Program): void {
  if (draft.status !== 'active') return;
  armCalendar(draft, program);
  for (const [timerId, armed] of Object.entries(draft.snapshot.timers)) {
    const delay = delayOf(draft, timerId);
    if (!delay?.calendar) continue;
    const dueAt = program.dueAt(delay.name, scopeOf(draft), armed.anchor);
    if (dueAt !== armed.dueAt) armTimer(draft, timerId, { ...armed, dueAt });
  }
}

function performAction(draft: Draft, program: Program, action: MachineAction): void {
  const { now } = draft.surroundings;
  if (action.type === 'arm') armTimer(draft, action.timerId, { dueAt: now + action.delayMs, anchor: now, event: null });
  else if (action.type === 'clear') clearTimer(draft, action.timerId);
  else if (action.type === 'invoke') planInvoke(draft, action);
  else performers[action.name]?.(draft, program, action);
}

const performers: Readonly<Record<string, (draft: Draft, program: Program, action: Perform) => void>> = {
  say(draft, program, { params, scope, event }) {
    const content = String(params.content);
    const rendered = program.render(content, scope, event);
    post(draft, classOf(draft, params), bodyOf(rendered), { content, question: null });
  },

  ask(draft, program, { params, scope, event }) {
    const content = String(params.content);
    const question = String(params.question);
    const input = params.input as AskedInput;
    const rendered = program.render(content, scope, event);
    const buttons = rendered.buttons.length > 0 ? rendered.buttons : optionsOf(input);
    draft.snapshot.question = {
      id: question,
      state: String(params.state),
      content,
      input,
      saveTo: (params.saveTo as string | undefined) ?? null,
      retries: (params.retries as number | undefined) ?? 2,
      tries: 0,
      hint: (params.hint as string | undefined) ?? null,
    };
    post(draft, classOf(draft, params), { ...bodyOf({ ...rendered, buttons }), input }, { content, question });
  },

  progress(draft, program, { params }) {
    record(draft, program, { entered: String(params.state) });
  },

  notify(draft, program, { params, scope, event }) {
    const content = String(params.content);
    const { text } = program.render(content, scope, event);
    planEffect(draft, { type: 'event', lane: 'event', params: { event: 'notification', data: { content, text } } });
  },

  emit(draft, _program, { params }) {
    planEffect(draft, { type: 'event', lane: 'event', params: { event: String(params.event), data: { data: params.data as Json } } });
  },

  startProgram(draft, _program, { params }) {
    if (params.mode === 'after-end') draft.snapshot.following = String(params.program);
    else draft.succession = String(params.program);
  },

  award(draft, program, { params }) {
    record(draft, program, { award: Number(params.points), reason: String(params.reason ?? '') });
    const ordinal = nextOrdinal(draft);
    draft.awards.push({
      id: stableKey(draft, ordinal, 'award'),
      kind: 'points',
      points: Number(params.points),
      name: String(params.reason ?? ''),
    });
  },

  badge(draft, program, { params, scope }) {
    const id = String(params.id);
    record(draft, program, { badge: id });
    if (scope.contact.progress.badges.includes(id)) return;
    draft.awards.push({ id: `badge:${id}`, kind: 'badge', points: 0, name: id });
  },

  typing(draft, _program, { params }) {
    draft.typingMs = durationMs(String(params.for));
  },

  metric(draft, _program, { params }) {
    draft.metrics.push({ name: String(params.name), value: Number(params.value) });
  },

  setTimer(draft, program, { params, scope }) {
    const { now } = draft.surroundings;
    const delay = String(params.delay);
    armTimer(draft, `timer:${String(params.id)}`, {
      dueAt: program.dueAt(delay, scope, now),
      anchor: now,
      event: String(params.event),
      delay,
    });
  },

  cancelTimer(draft, _program, { params }) {
    clearTimer(draft, `timer:${String(params.id)}`);
  },

  handoff(draft, _program, { params: { reason = null, queue = null } }) {
    draft.handoff = true;
    tellOfHandoff(draft, reason as string | null, queue as string | null);
  },

  end(draft, _program, { params }) {
    endRun(draft, (params.outcome as string | undefined) ?? null);
  },
};

/** The class of a message that names none: that of the delay it came by, else a reply when the contact's own input led to it, else a nudge. */
function classOf(draft: Draft, params: Readonly<Record<string, unknown>>): Exclude<MessageClass, 'inbound'> {
  return (params.class as Exclude<MessageClass, 'inbound'> | undefined) ?? draft.cause?.class ?? (draft.answersContact ? 'reply' : 'nudge');
}

function bodyOf(rendered: RenderedContent): MessageBody {
  return {
    text: rendered.text,
    ...(rendered.buttons.length > 0 ? { buttons: rendered.buttons } : {}),
    ...(rendered.list ? { list: rendered.list } : {}),
    ...(rendered.media ? { media: rendered.media } : {}),
    ...(rendered.template ? { template: rendered.template } : {}),
  };
}

/** The options of a closed question as buttons. */
function optionsOf(input: Readonly<Record<string, unknown>>): readonly { id: string; title: string }[] {
  const options = input.options;
  if (!Array.isArray(options)) return [];
  return options.map((option: Json) =>
    typeof option === 'string' ? { id: option, title: option } : (option as unknown as { id: string; title: string }),
  );
}
