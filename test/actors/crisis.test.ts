import { expect, it } from 'vitest';
import { rehearse, scriptStart } from '../../src/actors/rehearse.ts';
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
