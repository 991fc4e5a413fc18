import { expect, it } from 'vitest';
import { live, seeded } from '../../src/actors/personas.ts';
import { watchPromises } from '../../src/actors/promise-watch.ts';
import { rehearse, scriptStart } from '../../src/actors/rehearse.ts';
import { compile } from '../../src/programs/compile.ts';
import type { Promised } from '../../src/programs/promises.ts';
import type { Step } from '../../src/programs/script.ts';
import { makeDefinition } from '../support/example.ts';

const night: Step[] = [{ say: 'sleep' }, { say: '7:00' }, { advance: 'next' }, { press: 'good' }];

function breaches(promise: Promised, steps: readonly Step[] = night): readonly string[] {
  const program = compile(makeDefinition({ promises: [promise] }));
  const watch = watchPromises(program);
  const { simulation } = rehearse(program, { persona: {}, start: scriptStart, steps }, { onTurn: watch.turn });
  return watch.breaches(simulation.now()).map(({ problem }) => problem);
}

it.each<[string, Promised]>([
  ['a state that is not reached', { id: 'p', never: { state: 'lost' } }],
  ['a value that does not hold there', { id: 'p', never: { state: 'check', holds: 'vars.nights > 0' } }],
  ['an expression that cannot be computed', { id: 'p', never: { state: 'check', holds: 'number(contact.name) > 1.0' } }],
  ['content that is said somewhere else', { id: 'p', never: { state: 'check', says: 'praise' } }],
  ['what comes on the same turn', { id: 'p', after: { state: 'check' }, within: 'PT1S', comes: { says: 'check' } }],
  ['what still has time', { id: 'p', after: { says: 'praise' }, within: 'P2D', comes: { says: 'bye' } }],
])('%s keeps a promise', (_name, promise) => {
  expect(breaches(promise)).toEqual([]);
});

it.each<[string, Promised, Step[]]>([
  ['a state that is reached', { id: 'p', never: { state: 'check' } }, []],
  ['a value that holds', { id: 'p', never: { holds: 'contact.points >= 10' } }, []],
  ['content that is said', { id: 'p', never: { says: 'praise' } }, []],
  ['what does not come in time', { id: 'p', after: { says: 'check' }, within: 'PT10M', comes: { says: 'bye' } }, [{ advance: 'PT11M' }]],
])('%s breaks one', (_name, promise, more) => {
  expect(breaches(promise, [...night, ...more])).toHaveLength(1);
});

it('takes a moment that lasts for one moment', () => {
  const promise: Promised = { id: 'p', after: { state: 'asleep' }, within: 'PT5M', comes: { state: 'asleep', holds: 'vars.nights == 0' } };
  expect(breaches(promise, [{ say: 'sleep' }, { say: '7:00' }, { advance: 'PT6M' }, { say: 'a question' }, { advance: 'PT6M' }])).toEqual(
    [],
  );
});

it('somebody who never answers is still there at the end of their life', () => {
  const life = live(
    compile(makeDefinition()),
    {},
    { random: seeded(1), replies: 0, replyMs: 1, mumbles: 0, writes: 0 },
    { start: scriptStart, days: 3 },
  );
  expect(life.stopped).toBeNull();
  expect(life.simulation.conversation().outcome).toBe('lost');
});
