import { describe, expect, test } from 'vitest';
import example from '../../examples/sleep-reset.json' with { type: 'json' };
import { check } from '../../src/programs/check.ts';
import type { Definition } from '../../src/programs/definition.ts';
import { matchEntry, matchGlobal } from '../../src/programs/entry.ts';

function definitionWith(parts: object): Definition {
  const { definition } = check({ ...example, ...parts });
  if (!definition) throw new Error('Cannot use the definition');
  return definition;
}

const definition = definitionWith({
  entry: [
    { id: 'only', keywords: ['Sleep', 'mañana', '😴'] },
    { id: 'first', keywords: ['coach'], match: 'first-word' },
    { id: 'anywhere', keywords: ['help me sleep'], match: 'contains' },
    { id: 'linked', on: 'link', link: 'spring' },
    { id: 'welcome', on: 'first-message' },
    { id: 'call', on: 'api' },
  ],
});

describe('an arrival matches the entry', () => {
  test.each<[string, { isFirst?: boolean; link?: string }, string | null]>([
    ['sleep', {}, 'only'],
    [' SLEEP! ', {}, 'only'],
    ['manana', {}, 'only'],
    ['😴', {}, 'only'],
    ['sleep well', {}, null],
    ['coach, please', {}, 'first'],
    ['a coach', {}, null],
    ['coaching', {}, null],
    ['can you help me sleep tonight?', {}, 'anywhere'],
    ['help me sleeping', {}, null],
    ['hello', { isFirst: true }, 'welcome'],
    ['sleep', { isFirst: true }, 'only'],
    ['hello', { link: 'spring', isFirst: true }, 'linked'],
    ['hello', { link: 'autumn' }, null],
    ['', {}, null],
    ['hello', {}, null],
  ])('"%s" %j → %s', (text, { isFirst = false, link }, id) => {
    expect(matchEntry(definition, { text, isFirst, ...(link === undefined ? {} : { link }) })?.id ?? null).toBe(id);
  });

  test('of a higher priority before all others', () => {
    const ranked = definitionWith({
      entry: [
        { id: 'a', keywords: ['go'] },
        { id: 'b', keywords: ['go'], priority: 5 },
      ],
    });
    expect(matchEntry(ranked, { text: 'go', isFirst: false })?.id).toBe('b');
  });
});

describe('a whole message is a word that is valid everywhere', () => {
  test.each<[string, string | null, string | null]>([
    ['STOP', 'en', 'optOut'],
    ['Stop.', null, 'optOut'],
    ['arrêt', null, 'optOut'],
    ['SAIR', 'en', 'optOut'],
    ['baja', 'pt', 'optOut'],
    ['START', null, 'optIn'],
    ['restart', null, 'restart'],
    ['recomeçar', 'pt-BR', 'restart'],
    ['recomeçar', 'en', null],
    ['human', 'de', 'human'],
    ['Hilfe', 'de', 'help'],
    ['please stop', 'en', null],
    ['stop it', 'en', null],
    ['', 'en', null],
    [`stop${' '.repeat(5000)}`, 'en', null],
  ])('"%s" in %s → %s', (text, language, word) => {
    expect(matchGlobal(definition, text, language)).toBe(word);
    if (language !== null || word === 'optOut') expect(matchGlobal(null, text, language)).toBe(word);
  });

  test('or one of the words of the program', () => {
    const own = definitionWith({ global: { human: { words: ['Carla'] } } });
    expect(matchGlobal(own, 'carla', null)).toBe('human');
    expect(matchGlobal(own, 'human', null)).toBe('human');
  });
});
