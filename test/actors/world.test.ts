import { describe, expect, it } from 'vitest';
import { rehearse, scriptStart } from '../../src/actors/rehearse.ts';
import { review } from '../../src/actors/review.ts';
import { check } from '../../src/programs/check.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Definition } from '../../src/programs/definition.ts';
import type { World } from '../../src/programs/script.ts';

/** A program that waits for one piece of work, and says how that went. */
function awaiting(invoke: object, parts: object = {}): Definition {
  const { definition, findings } = check({
    meta: { id: 'awaiting', specVersion: 1, title: 'Awaiting', languages: ['en'] },
    entry: [{ id: 'first', on: 'first-message' }],
    variables: { age: { type: 'number' }, text: { type: 'text' } },
    content: { well: { en: { text: 'Well: {{ vars.text }} {{ vars.age }}' } }, badly: { en: { text: 'Badly' } } },
    delays: { day: { for: 'P1D' } },
    machine: {
      id: 'awaiting',
      initial: 'start',
      states: {
        start: {
          invoke: {
            ...invoke,
            onDone: { target: 'well', actions: [{ type: 'set', params: { text: 'event.output.text' } }] },
            onError: 'badly',
          },
          after: { day: 'badly' },
        },
        well: { entry: [{ type: 'say', params: { content: 'well' } }], type: 'final' },
        badly: { entry: [{ type: 'say', params: { content: 'badly' } }], type: 'final' },
      },
    },
    ...parts,
  });
  if (!definition) throw new Error(JSON.stringify(findings));
  return definition;
}

const classify = { src: 'classify', input: { text: 'x', labels: ['good', 'bad'] } };
const extract = { src: 'extract', input: { text: 'x', into: ['vars.age'] } };
const http = { src: 'http', input: { url: 'https://api.example.org/x', map: { 'vars.age': 'event.output.data.age' } } };

describe('what a script says of the world', () => {
  it.each<[string, object, World, string]>([
    ['a label', classify, { classify: 'good' }, 'Well: good 0'],
    ['a label that is not declared', classify, { classify: 'other' }, 'Badly'],
    ['values', extract, { extract: { 'vars.age': 42 } }, 'Well:  42'],
    ['values of another type', extract, { extract: { 'vars.age': 'old' } }, 'Badly'],
    ['a summary', { src: 'summarize', input: { into: 'vars.text' } }, { summarize: 'all well' }, 'Well: all well 0'],
    ['a service', http, { http: { data: { age: 30 } } }, 'Well: {"age":30} 30'],
    ['a service that says something else', http, { http: { data: {} } }, 'Badly'],
    ['nothing', http, {}, 'Badly'],
    ['an answer', { src: 'answer' }, { answer: 'Nine hours' }, 'Well: Nine hours 0'],
  ])('is what a program hears: %s', (_name, invoke, world, words) => {
    const { simulation } = rehearse(compile(awaiting(invoke)), { persona: {}, start: scriptStart, steps: [{ say: 'hi' }], world });
    expect(simulation.outbound().at(-1)?.body.text).toBe(words);
  });

  it('no answer is what documents hold that hold none', () => {
    const { simulation } = rehearse(compile(awaiting({ src: 'answer' })), {
      persona: {},
      start: scriptStart,
      steps: [{ say: 'hi' }],
      world: { answer: null },
    });
    expect(simulation.outbound()[0]?.body.text).toBe('I find nothing about that in my documents.');
  });

  it('a person is waited for until they answer', () => {
    const definition = awaiting({ src: 'person', input: { question: 'May they?' } });
    const steps = [{ say: 'hi' }, { advance: 'PT1H' }, { event: 'EVENT.person-answered', data: { text: 'Yes' } }];
    const { simulation } = rehearse(compile(definition), { persona: {}, start: scriptStart, steps });
    expect(simulation.outbound().map(({ body }) => body.text)).toEqual(['Well: Yes 0']);
  });

  it('belongs to a test of the program', () => {
    const test = { id: 't', steps: [{ say: 'hi' }], expect: { said: ['well'] } };
    const told = awaiting(classify, { tests: [{ ...test, world: { classify: 'bad' } }] });
    expect(review(told).findings).toEqual([]);
    expect(review(awaiting(classify, { tests: [test] })).findings.map(({ code }) => code)).toEqual(['failed-test']);
  });
});
