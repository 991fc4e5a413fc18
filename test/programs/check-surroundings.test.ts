import { expect, test } from 'vitest';
import { review } from '../../src/actors/review.ts';
import { reachablePrograms } from '../../src/programs/check-surroundings.ts';
import type { Definition } from '../../src/programs/definition.ts';

const way = { onDone: 'end', onError: 'end' };

/** A program that starts one, runs another and calls a service with a secret. */
function naming(id: string, started: string, called: string): Definition {
  return {
    meta: { id, specVersion: 1, title: id, languages: ['en'] },
    entry: [{ id: 'first', on: 'first-message' }],
    content: {},
    delays: { day: { for: 'P1D' } },
    machine: {
      id,
      initial: 'calling',
      states: {
        calling: {
          invoke: { src: 'http', input: { url: 'https://api.example.org/', secret: 'crm' }, onDone: 'running', onError: 'running' },
          after: { day: 'end' },
        },
        running: {
          invoke: { src: 'program', input: { program: called }, ...way },
          exit: [{ type: 'startProgram', params: { program: started, mode: 'after-end' } }],
          after: { day: 'end' },
        },
        end: { type: 'final' },
      },
    },
  } as Definition;
}

const quiet = (id: string) =>
  ({ ...naming(id, 'a', 'a'), machine: { id, initial: 'end', states: { end: { type: 'final' } } } }) as Definition;

test('programs and secrets that are not there are told in their places', () => {
  const { findings } = review(naming('a', 'b', 'c'), { others: [quiet('b')], secrets: ['other'] });
  expect(findings.map(({ severity, code, pointer }) => `${severity} ${code} ${pointer}`)).toEqual([
    'warning unknown-name /machine/states/running/invoke/input/program',
    'warning unknown-name /machine/states/calling/invoke/input/secret',
  ]);
  expect(review(naming('a', 'b', 'c'), { others: [quiet('b'), quiet('c')], secrets: ['crm'] }).findings).toEqual([]);
});

test('where nobody says what there is, nothing is missed', () => {
  expect(review(naming('a', 'b', 'c')).findings).toEqual([]);
});

test('only programs that may come to be started are looked at', () => {
  const live = [naming('b', 'd', 'a'), quiet('c'), quiet('d'), quiet('e')];
  expect(reachablePrograms(naming('a', 'b', 'b'), live).map(({ meta }) => meta.id)).toEqual(['b', 'd']);
});
