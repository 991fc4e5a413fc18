import { expect, it } from 'vitest';
import type { Conversation } from '../../src/actors/conversation.ts';
import { receive } from '../../src/actors/receive.ts';
import { rehearse, scriptStart } from '../../src/actors/rehearse.ts';
import { systemIds } from '../../src/ids.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Step } from '../../src/programs/script.ts';
import { makeDefinition } from '../support/example.ts';

const words = ['want to die', 'suicidio'];
const play = (steps: readonly Step[], crisis: { words: string[]; content?: string } = { words, content: 'bye' }) =>
  rehearse(compile(makeDefinition({ global: { crisis } })), { persona: {}, start: scriptStart, steps }, {}).simulation;

it.each(['I want to die', 'Sometimes... WANT TO DIE?', 'pienso en el Suicidio'])(
  '"%s" calls a person at once, even as an answer',
  (text) => {
    const simulation = play([{ say: 'sleep' }, { say: text }, { advance: 'P3D' }]);
    expect(simulation.conversation().snapshot.control).toBe('human');
    expect(
      simulation
        .outbound()
        .map(({ body, class: messageClass }) => [messageClass, body.text])
        .slice(2),
    ).toEqual([['safety', 'Seven nights. You did it.']]);
  },
);

it('says the words of the house where the program has none of its own', () => {
  expect(
    play([{ say: 'sleep' }, { say: 'I want to die' }], { words })
      .outbound()
      .at(-1)?.body.text,
  ).toBe('A person will answer you here as soon as possible.');
});

it('leaves words that only sound alike to the program', () => {
  expect(play([{ say: 'sleep' }, { say: 'I want to diet' }]).conversation().snapshot.control).toBe('bot');
});

it('is answered while the program is paused, as other words that are valid everywhere are', () => {
  const simulation = play([{ say: 'sleep' }]);
  const heard = (before: Conversation, text: string) =>
    receive(
      before,
      { id: `msg:${text}`, kind: 'message', messageId: systemIds.uuid(), text },
      {
        now: simulation.now(),
        generation: 9,
        current: compile(makeDefinition({ global: { crisis: { words, content: 'bye' } } })),
        live: [],
        move: null,
        waiting: new Map(),
      },
    );
  const said = ({ messages }: ReturnType<typeof heard>) => messages.filter(({ role }) => role === 'coach').map(({ body }) => body.text);
  const conversation = simulation.conversation();
  const paused = { ...conversation, snapshot: { ...conversation.snapshot, control: 'paused' as const } };
  const stopped = heard(paused, 'stop');
  expect([said(stopped).length, stopped.next.contact.consent.messages]).toEqual([1, false]);
  const called = heard(paused, 'I want to die');
  expect([said(called), called.next.snapshot.control]).toEqual([['Seven nights. You did it.'], 'human']);
  expect(said(heard(paused, 'hello?'))).toEqual([]);
  // A person who has control answers themselves.
  expect(said(heard(called.next, 'I want to die'))).toEqual([]);
});
