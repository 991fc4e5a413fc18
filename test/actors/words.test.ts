/** The sentences the server says by itself: in the language the program speaks, which its contact reads already. */
import { describe, expect, it } from 'vitest';
import type { Definition } from '../../src/programs/definition.ts';
import { makeDefinition, said, simulate, sleepReset } from '../support/example.ts';

/** The example in other languages: nothing but what they are called. */
function speaking(...languages: string[]): Definition {
  const content = Object.fromEntries(
    Object.entries(sleepReset.content).map(([id, byLanguage]) => [id, Object.fromEntries(languages.map((one) => [one, byLanguage.en]))]),
  );
  return makeDefinition({ meta: { ...sleepReset.meta, languages }, content } as Partial<Definition>);
}

function lastOf(definition: Definition, language: string | null, ...words: string[]): string | undefined {
  const simulation = simulate(definition, { language });
  for (const one of words) simulation.say(one);
  return said(simulation).at(-1);
}

const [english, spanish, german, portuguese] = [/no more messages/, /Ya no recibirás/, /keine Nachrichten/, /Não receberá/];

describe('what the server says', () => {
  it.each([
    ['the contact’s, where the program has it', ['en', 'es'], 'es', spanish],
    ['the contact’s, of whatever region', ['en', 'es'], 'es-MX', spanish],
    ['the program’s, where it has none of the contact’s', ['en'], 'de', english],
    ['the program’s first', ['es', 'en'], 'de', spanish],
    ['the program’s, for somebody of whom nothing is known', ['de'], null, german],
    ['the contact’s own, where the server has none of the program’s', ['it'], 'pt', portuguese],
    ['English, where nothing else is left', ['it'], 'nl', english],
  ])('is in %s', (_name, languages, language, expected) => {
    expect(lastOf(speaking(...languages), language, 'sleep', 'stop')).toMatch(expected);
  });

  it('is in the contact’s own language while no program runs', () => {
    expect(lastOf(speaking('en'), 'de', 'stop')).toMatch(german);
  });

  it('of what a question takes, too', () => {
    expect(lastOf(speaking('en'), 'de', 'sleep', 'soon')).toBe('A time such as 07:00');
    const asked = Object.entries(sleepReset.content).map(([id, { en }]) => [id, { es: { ...en, hint: undefined } }]);
    const definition = makeDefinition({
      meta: { ...sleepReset.meta, languages: ['es'] },
      content: Object.fromEntries(asked),
    } as Partial<Definition>);
    expect(lastOf(definition, 'de', 'sleep', 'soon')).toMatch(/hora/);
  });
});
