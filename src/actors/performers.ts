/** What each action of a machine does to the draft of a turn: what is said, asked, armed, planned and earned. */
import type { AskedInput, MessageBody, MessageClass } from '../message.ts';
import type { Program, RenderedContent } from '../programs/program.ts';
import { durationMs } from '../programs/schedule.ts';
import type { Json } from '../programs/scope.ts';
import { cancelAnswer } from './answering.ts';
import { armTimer, clearTimer, type Draft, nextOrdinal, stableKey } from './draft.ts';
import { planEffect, planInvoke, tellOfHandoff } from './invoking.ts';
import { isBroadcast, post } from './posting.ts';
import { record } from './progress.ts';
import type { MachineAction } from './step.ts';

type Perform = Extract<MachineAction, { type: 'perform' }>;

/** Ends the run: nothing of it stays armed, asked, offered or under way. The state it ended in stays to be seen. */
export function endRun(draft: Draft, outcome: string | null): void {
  for (const timerId of Object.keys(draft.snapshot.timers)) if (!isBroadcast(draft.snapshot.held[timerId])) clearTimer(draft, timerId);
  for (const invokeId of Object.keys(draft.snapshot.answers)) cancelAnswer(draft, invokeId);
  draft.snapshot.question = null;
  draft.snapshot.offer = null;
  draft.snapshot.waiting = [];
  draft.snapshot.left = null;
  if (draft.status === 'active') draft.status = 'ended';
  draft.outcome = outcome;
}

/** Carries one action over into the draft. */
export function performAction(draft: Draft, program: Program, action: MachineAction): void {
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
    if (draft.snapshot.control === 'bot') draft.typingMs = durationMs(String(params.for));
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
