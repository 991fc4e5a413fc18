import { describe, expect, it } from 'vitest';
import type { Conversation } from '../../src/actors/conversation.ts';
import type { Input } from '../../src/actors/input.ts';
import { quarantine, receive } from '../../src/actors/receive.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Definition } from '../../src/programs/definition.ts';
import { makeDefinition, said, simulate, sleepReset } from '../support/example.ts';

/** A conversation asleep on its first night. */
function asleep(definition: Definition = sleepReset) {
  const simulation = simulate(definition);
  simulation.say('sleep');
  simulation.say('7:00');
  return simulation;
}

function take(conversation: Conversation, input: Input, now = Date.UTC(2026, 9, 20, 20, 5), definition = sleepReset) {
  const current = compile(definition);
  return receive(conversation, input, { now, generation: conversation.version + 1, current, live: [] });
}

const message = (text: string): Input => ({ id: 'msg:x', kind: 'message', messageId: 'x', text });

describe('words that are valid everywhere', () => {
  it('stop what is proactive and let replies pass', () => {
    const simulation = asleep();
    simulation.say('STOP');
    expect(simulation.conversation().contact.consent).toEqual({ messages: false });
    expect(said(simulation).at(-1)).toMatch(/no more messages/);
    simulation.advance('P1D');
    expect(simulation.outbound().filter((sent) => sent.class === 'nudge')).toEqual([]);
    simulation.say('how long should I sleep?');
    expect(said(simulation).at(-1)).toBe('(an answer from the documents)');
  });

  it('take messages up again', () => {
    const simulation = asleep();
    simulation.say('stop');
    simulation.say('start');
    expect(simulation.conversation().contact.consent).toEqual({ messages: true });
  });

  it('restart the program from its beginning', () => {
    const simulation = asleep();
    simulation.say('restart');
    expect(simulation.conversation()).toMatchObject({ state: 'start', status: 'active' });
    expect(Object.keys(simulation.conversation().snapshot.timers)).toEqual(['xstate.after.noReply.conversation.program.start']);
  });
});

describe('what a message carries', () => {
  it('asks with what the question takes, again after an answer that was not understood', () => {
    const simulation = simulate();
    simulation.say('sleep');
    simulation.say('in the morning');
    const asking = simulation.outbound().filter((sent) => sent.body.input !== undefined);
    expect(asking.map((sent) => sent.body.input)).toEqual([{ type: 'time' }, { type: 'time' }]);
  });

  it('keeps a file without words on record and answers no question with it', () => {
    const simulation = simulate();
    simulation.say('sleep');
    const file = { id: 'f', kind: 'image' as const, type: 'image/png', name: 'a.png', bytes: 3 };
    const taken = take(simulation.conversation(), { id: 'msg:x', kind: 'message', messageId: 'x', text: '', attachments: [file] });
    expect(taken.messages.map((sent) => sent.body)).toEqual([{ text: '', attachments: [file] }]);
    expect(taken.effects).toEqual([]);
    expect(taken.next.snapshot.question?.tries).toBe(0);
  });
});

describe('a person in control', () => {
  const takenOver = () => {
    const simulation = asleep();
    return take(simulation.conversation(), { id: 'c:1', kind: 'control', act: 'takeover' }).next;
  };

  it('keeps the program silent: messages are on record, timers wait', () => {
    const human = takenOver();
    expect(human.snapshot.control).toBe('human');
    const heard = take(human, message('hello?'));
    expect(heard.messages.map((said) => said.role)).toEqual(['contact']);
    expect(heard.effects).toEqual([]);
    const [timerId, timer] = Object.entries(human.snapshot.timers)[0] ?? ['', { generation: 0, dueAt: 0 }];
    const due = take(human, { id: 't', kind: 'timer', timerId, ...timer }, timer.dueAt);
    expect(due).toMatchObject({ trace: { as: 'deferred' }, messages: [], timersCleared: [timerId] });
    const released = take({ ...due.next, version: 9 }, { id: 'c:2', kind: 'control', act: 'release' }, timer.dueAt + 60_000);
    expect(released.messages.map((said) => said.body.text)).toEqual(['Good morning. How was your night?']);
  });

  it('drops an answer that was under way', () => {
    const simulation = simulate();
    simulation.say('sleep');
    const asked = take(simulation.conversation(), message('what is sleep pressure?'));
    expect(asked.effects).toHaveLength(1);
    const taken = take({ ...asked.next, version: 5 }, { id: 'c', kind: 'control', act: 'takeover' });
    expect(taken.effectsEnded).toEqual([{ id: asked.effects[0]?.id, status: 'cancelled', result: null }]);
    const late = take({ ...taken.next, version: 6 }, answered(asked.effects[0]?.id ?? ''));
    expect(late).toMatchObject({ trace: { as: 'superseded' }, messages: [] });
  });

  it('calls off what a state of the program had asked the documents', () => {
    const { before, effect } = asking(asleep(), 'help');
    const taken = take(before, { id: 'c', kind: 'control', act: 'takeover' });
    expect(taken.effectsEnded).toEqual([{ id: effect, status: 'cancelled', result: null }]);
    const late = take({ ...taken.next, version: 6 }, answered(effect));
    expect(late).toMatchObject({ trace: { as: 'superseded' }, messages: [], timersSet: [] });
    const given = take({ ...late.next, version: 7 }, { id: 'c:2', kind: 'control', act: 'release' });
    expect([given.messages, given.effects]).toEqual([[], []]);
    const again = take({ ...given.next, version: 8 }, { ...message('and sleep debt?'), id: 'msg:y' } as Input);
    expect(texts(again)).toEqual(['and sleep debt?']);
  });

  it.each([
    ['a state', () => asking(asleep(), 'help')],
    ['no state', () => asking(begun(), 'start')],
  ])('who pauses the program stops an answer that %s had asked for, and it is asked for again when it goes on', (_name, begin) => {
    const { before, effect } = begin();
    const paused = take(before, { id: 'c', kind: 'control', act: 'pause' });
    expect(paused.effectsEnded).toEqual([{ id: effect, status: 'cancelled', result: null }]);
    const late = take({ ...paused.next, version: 6 }, answered(effect));
    expect(late).toMatchObject({ trace: { as: 'superseded' }, messages: [], timersSet: [] });
    const resumed = take({ ...late.next, version: 7 }, { id: 'c:2', kind: 'control', act: 'resume' });
    expect(texts(resumed)).toEqual(['what is sleep pressure?']);
    const done = take({ ...resumed.next, version: 8 }, answered(resumed.effects[0]?.id ?? ''));
    expect(done.messages.map(({ body }) => body.text)).toEqual(['Nine hours.']);
    for (const act of ['takeover', 'end', 'restart'] as const) {
      const left = take({ ...paused.next, version: 6 }, { id: 'c:3', kind: 'control', act });
      expect([left.effectsEnded, left.next.snapshot.answers]).toEqual([[], {}]);
    }
  });

  it('is a program that failed five times: what it had asked for is stopped, and its timers follow their rule', () => {
    const delays = { ...sleepReset.delays, helpLimit: { for: 'PT60S', whileHuman: 'pause' as const } };
    const definition = makeDefinition({ delays });
    const { before, effect } = asking(asleep(definition), 'help', definition);
    const now = Date.UTC(2026, 9, 20, 20, 5);
    const failing = { ...before, snapshot: { ...before.snapshot, failures: [now, now, now, now] } };
    const surroundings = { now, generation: 6, current: compile(definition), live: [] };
    const paused = quarantine(failing, { id: 'e', kind: 'event', name: 'boom', data: {} }, surroundings);
    expect(paused.next.snapshot.control).toBe('paused');
    expect(paused.effectsEnded).toEqual([{ id: effect, status: 'cancelled', result: null }]);
    expect(paused.timersCleared).toEqual(Object.keys(before.snapshot.timers));
    const resumed = take({ ...paused.next, version: 6 }, { id: 'c:2', kind: 'control', act: 'resume' }, now, definition);
    expect(texts(resumed)).toEqual(['what is sleep pressure?']);
    expect(resumed.timersSet.map(({ id }) => id)).toEqual(paused.timersCleared);
  });

  it('writes by hand whoever has control', () => {
    const wrote = take(takenOver(), { id: 'c:3', kind: 'control', act: 'say', text: 'Ana here', messageId: 'm' });
    expect(wrote.messages).toMatchObject([{ role: 'person', body: { text: 'Ana here' } }]);
  });

  it('sends nothing even when a message asks the program to', () => {
    const decided = take(takenOver(), { id: 'e', kind: 'event', name: 'poke', data: {} });
    expect(decided.messages).toEqual([]);
  });
});

/** Somebody who has asked what nobody has answered yet: `help` asks the documents itself, `start` takes no message. */
function asking(simulation: ReturnType<typeof simulate>, state: string, definition = sleepReset) {
  const asked = take(simulation.conversation(), message('what is sleep pressure?'), undefined, definition);
  expect([asked.next.state, asked.effects.length]).toEqual([state, 1]);
  return { before: { ...asked.next, version: 5 }, effect: asked.effects[0]?.id ?? '' };
}

function begun() {
  const simulation = simulate();
  simulation.say('sleep');
  return simulation;
}

function answered(effectId: string, grounded = true): Input {
  const answer = { text: 'Nine hours.', citations: [], grounded, degraded: false };
  return { id: `effect:${effectId}`, kind: 'effect', effectId, outcome: 'done', result: { answer } };
}

const texts = ({ effects }: ReturnType<typeof take>) =>
  effects.map((effect) => (effect.type === 'answer' ? effect.params.text : effect.type));

describe('an answer in flight', () => {
  const cases = [
    ['merge', 'why?\nhow?', 1],
    ['latest', 'how?', 1],
    ['queue', null, 0],
    ['drop', null, 0],
  ] as const;
  it.each(cases)('%s: a second message', (whileReplying, text, cancelled) => {
    const definition = makeDefinition({ policies: { ...sleepReset.policies, whileReplying } });
    const simulation = simulate(definition);
    simulation.say('sleep');
    const first = take(simulation.conversation(), message('why?'), undefined, definition);
    const second = take({ ...first.next, version: 7 }, { ...message('how?'), id: 'msg:y' } as Input, undefined, definition);
    expect(texts(second)).toEqual(text === null ? [] : [text]);
    expect(second.effectsEnded).toHaveLength(cancelled);
    const done = take({ ...second.next, version: 8 }, answered(first.effects[0]?.id ?? ''), undefined, definition);
    expect(texts(done)).toEqual(whileReplying === 'queue' ? ['how?'] : []);
    expect(done.messages).toHaveLength(cancelled === 1 ? 0 : 1);
  });

  it.each([
    ['the word to stop', 'STOP', []],
    ['a word that calls a person', 'human', ['how?']],
  ])('is called off by %s', (_name, word, waiting) => {
    const definition = makeDefinition({ policies: { ...sleepReset.policies, whileReplying: 'queue' } });
    const simulation = simulate(definition);
    simulation.say('sleep');
    const first = take(simulation.conversation(), message('why?'), undefined, definition);
    const second = take({ ...first.next, version: 7 }, { ...message('how?'), id: 'msg:y' } as Input, undefined, definition);
    expect(second.next.snapshot.waiting).toEqual(['how?']);
    const stopped = take({ ...second.next, version: 8 }, { ...message(word), id: 'msg:z' } as Input, undefined, definition);
    expect(stopped.next.snapshot).toMatchObject({ answers: {}, waiting });
    expect([stopped.trace.as.startsWith('word.'), stopped.effects.some(({ type }) => type === 'answer')]).toEqual([true, false]);
  });

  it('leaves in the record what its end was, also where what waited for it is heard', () => {
    const definition = makeDefinition({ policies: { ...sleepReset.policies, whileReplying: 'queue' } });
    const simulation = simulate(definition);
    simulation.say('sleep');
    const first = take(simulation.conversation(), message('why?'), undefined, definition);
    const second = take({ ...first.next, version: 7 }, { ...message('how?'), id: 'msg:y' } as Input, undefined, definition);
    const done = take({ ...second.next, version: 8 }, answered(first.effects[0]?.id ?? ''), undefined, definition);
    expect([texts(done), done.trace.as]).toEqual([['how?'], 'answer.done']);
  });

  it('asks the documents as the program says: where, as whom and of what', () => {
    const knowledge = {
      collections: ['sleep'],
      persona: 'You are Ana.',
      tone: 'warm',
      topics: ['sleep'],
      citations: 'none' as const,
      minScore: 0.7,
    };
    const definition = makeDefinition({ knowledge });
    const simulation = simulate(definition);
    simulation.say('sleep');
    const asked = take(simulation.conversation(), message('why?'), undefined, definition);
    expect(asked.effects[0]?.params).toMatchObject({
      collections: ['sleep'],
      minScore: 0.7,
      instructions: 'You are Ana.\nTone: warm\nAnswer only about: sleep. Decline everything else',
    });
    const done = take({ ...asked.next, version: 5 }, answered(asked.effects[0]?.id ?? ''), undefined, definition);
    expect(done.messages[0]?.body.citations).toEqual([]);
  });

  it('says the program’s own words when the documents hold no answer', () => {
    const definition = makeDefinition({
      knowledge: { noAnswer: 'dunno' },
      content: { ...sleepReset.content, dunno: { en: { text: 'That I do not know.' } } },
    });
    for (const [used, words] of [
      [definition, 'That I do not know.'],
      [sleepReset, 'I find nothing about that in my documents.'],
    ] as const) {
      const simulation = simulate(used);
      simulation.say('sleep');
      const asked = take(simulation.conversation(), message('who won the cup?'), undefined, used);
      const done = take({ ...asked.next, version: 5 }, answered(asked.effects[0]?.id ?? '', false), undefined, used);
      expect(done.messages.map((said) => said.body.text)).toEqual([words]);
    }
  });

  it('moves the program on after its failure, with an apology', () => {
    const simulation = asleep();
    const asked = take(simulation.conversation(), message('cannot sleep'));
    expect(asked.next.state).toBe('help');
    const effectId = asked.effects[0]?.id ?? '';
    const failed = take(
      { ...asked.next, version: 5 },
      {
        id: `effect:${effectId}`,
        kind: 'effect',
        effectId,
        outcome: 'failed',
        result: { reason: 'unavailable' },
      },
    );
    expect(failed.next.state).toBe('asleep');
    expect(failed.messages.map((said) => said.body.text)).toEqual(['Something went wrong on our side. Please try again in a moment.']);
  });
});

describe('a timer', () => {
  const armed = () => {
    const { snapshot, ...rest } = asleep().conversation();
    const [timerId, timer] = Object.entries(snapshot.timers)[0] ?? ['', { generation: 0, dueAt: 0 }];
    return { conversation: { snapshot, ...rest }, timerId, generation: timer.generation, dueAt: timer.dueAt };
  };

  it('of another generation does nothing', () => {
    const { conversation, timerId, dueAt } = armed();
    const stale = take(conversation, { id: 't', kind: 'timer', timerId, generation: 99, dueAt }, dueAt);
    expect(stale).toMatchObject({ trace: { as: 'stale', from: 'asleep', to: 'asleep' }, messages: [], timersCleared: [] });
  });

  it('three hours late waits for the next morning by its late rule, two hours late does not', () => {
    const { conversation, timerId, generation, dueAt } = armed();
    const fire = (lateMs: number) => take(conversation, { id: 't', kind: 'timer', timerId, generation, dueAt }, dueAt + lateMs);
    expect(fire(2 * 3_600_000).next.state).toBe('check');
    const late = fire(4 * 3_600_000);
    expect(late.next.state).toBe('asleep');
    expect(late.timersSet).toEqual([{ id: timerId, generation: conversation.version + 1, dueAt: dueAt + 86_400_000 }]);
    expect(late.next.snapshot.timers[timerId]?.generation).toBe(conversation.version + 1);
  });

  it('moves with the contact’s wake time and zone', () => {
    const definition = makeDefinition({
      machine: {
        ...sleepReset.machine,
        on: { 'EVENT.moved': { actions: [{ type: 'setField', params: { zone: '"America/New_York"' } }] } },
      } as Definition['machine'],
    });
    const conversation = asleep(definition).conversation();
    const moved = take(conversation, { id: 'e', kind: 'event', name: 'moved', data: {} }, undefined, definition);
    expect(moved.timersSet.map((timer) => new Date(timer.dueAt).toISOString())).toEqual(['2026-10-21T11:30:00.000Z']);
  });
});

describe('what a program cannot take', () => {
  it('leaves the conversation as it was, the words on record and an apology', () => {
    const definition = makeDefinition({
      machine: {
        ...sleepReset.machine,
        on: { MESSAGE: { actions: [{ type: 'set', params: { nights: 'vars.nights / 0.0 > 1.0 ? 1.0 : double("x")' } }] } },
      } as Definition['machine'],
    });
    const simulation = simulate(definition);
    simulation.say('sleep');
    const before = { ...simulation.conversation(), snapshot: { ...simulation.conversation().snapshot, question: null } };
    const failed = take(before, message('boom'), undefined, definition);
    expect(failed.trace.error).toBeDefined();
    expect(failed.next.state).toBe(before.state);
    expect(failed.messages.map((said) => said.role)).toEqual(['contact', 'coach']);
  });

  it('moves nothing for a button of an old message, keeps it on record and asks again what is open', () => {
    const simulation = asleep();
    simulation.advance('next');
    const { conversation } = { conversation: simulation.conversation() };
    const old = take(conversation, { id: 'b', kind: 'button', messageId: 'b', messageSeq: 1, button: 'good' });
    expect(old).toMatchObject({ trace: { as: 'stale' }, next: { state: 'check' }, result: { seq: conversation.seq + 1 } });
    const [kept, again] = old.messages;
    expect(kept?.body).toEqual({ text: 'good', button: 'good', stale: true });
    expect(again?.body).toMatchObject({ text: expect.stringContaining('earlier message'), buttons: [{ id: 'good' }, { id: 'bad' }] });
    const pressed = take(old.next, { id: 'b2', kind: 'button', messageId: 'b2', messageSeq: again?.seq ?? 0, button: 'good' });
    expect(pressed.next.state).toBe('asleep');
    expect(pressed.messages[0]?.body).toEqual({ text: 'Good', button: 'good' });
  });

  it('marks a button that was never offered, and keeps nothing of it but what the person saw', () => {
    const forged = { id: 'b', kind: 'button', messageId: 'b', messageSeq: 0, button: '?', title: 'Good' } as const;
    expect(take(asleep().conversation(), forged).messages[0]?.body).toEqual({ text: 'Good', stale: true });
  });

  it('asks the open question again, with its own buttons alone, and says nothing where none is open', () => {
    const simulation = simulate();
    const stale = { id: 'b', kind: 'button', messageId: 'b', messageSeq: 1, button: 'good' } as const;
    expect(take(simulation.conversation(), stale).messages.map(({ role }) => role)).toEqual(['contact']);
    simulation.say('sleep');
    const { messages, next } = take(simulation.conversation(), stale);
    expect(messages[1]?.body).toEqual({
      text: 'That button belongs to an earlier message. This is where we are:\n\nWhen do you want to get up?',
      input: { type: 'time' },
    });
    expect(next.snapshot.question?.id).toBe('wake');
  });
});

describe('a timer while a person has control', () => {
  const hour = 3_600_000;
  const start = Date.UTC(2026, 9, 20, 20);
  const rules = [
    ['pause', 2 * hour, [start + 5 * hour]],
    ['keep', 2 * hour, []],
    ['drop', 2 * hour, []],
  ] as const;

  it.each(rules)('%s: taken over after an hour of three, given back two hours later', (whileHuman, away, rearmed) => {
    const delays = { ...sleepReset.delays, nextMorning: { for: 'PT3H', whileHuman } };
    const definition = makeDefinition({ delays });
    const conversation = asleep(definition).conversation();
    const [timerId = ''] = Object.keys(conversation.snapshot.timers);
    const taken = take(conversation, { id: 'c:1', kind: 'control', act: 'takeover' }, start + hour, definition);
    expect(taken.timersCleared).toEqual(whileHuman === 'keep' ? [] : [timerId]);
    const given = take({ ...taken.next, version: 9 }, { id: 'c:2', kind: 'control', act: 'release' }, start + hour + away, definition);
    expect(given.timersSet.map((timer) => timer.dueAt)).toEqual(rearmed);
    expect(timerId in given.next.snapshot.timers).toBe(whileHuman !== 'drop');
  });

  it('spreads over its jitter by the contact, the same every time', () => {
    const delays = { ...sleepReset.delays, nextMorning: { for: 'PT3H', jitter: 'PT10M' } };
    const dues = [1, 2].map(() => Object.values(asleep(makeDefinition({ delays })).conversation().snapshot.timers)[0]?.dueAt ?? 0);
    expect(dues[0]).toBe(dues[1]);
    expect(dues[0]).toBeGreaterThanOrEqual(start + 3 * hour);
    expect(dues[0]).toBeLessThan(start + 3 * hour + 600_000);
  });
});
