import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { english, loadWords, type Words } from '../../web/widget/words.ts';

const folder = 'web/widget/words';
const languages = readdirSync(folder).map((name) => name.replace('.json', ''));
const wordsOf = (language: string) => JSON.parse(readFileSync(`${folder}/${language}.json`, 'utf8')) as Words;
const holes = (text: string) => text.match(/\{\w+\}/g) ?? [];

/** The server's side of it, with the addresses that were asked. */
function server(answer: () => Response) {
  const asked: string[] = [];
  const fetcher = async (address: string) => {
    asked.push(address);
    return answer();
  };
  return { asked, load: (tag: string) => loadWords(fetcher as typeof fetch, 'https://coach.example', tag) };
}

it.each(languages)('%s has every word of the interface, with the same places to fill in', (language) => {
  const words = wordsOf(language);
  expect(Object.keys(words).sort()).toEqual(Object.keys(english).sort());
  for (const [name, text] of Object.entries(words)) expect([name, holes(text)]).toEqual([name, holes(english[name as keyof Words])]);
  expect(words.moods.split('|')).toHaveLength(5);
});

describe('the words of a language', () => {
  it.each(languages)('%s are fetched from the server', async (language) => {
    const { asked, load } = server(() => Response.json(wordsOf(language)));
    expect(await load(`${language.toUpperCase()}-XX`)).toEqual(wordsOf(language));
    expect(asked).toEqual([`https://coach.example/widget/words/${language}.json`]);
  });

  it.each(['en', 'en-GB', 'ja', 'constructor', '', '..'])('%j are English, with no question to the server', async (language) => {
    const { asked, load } = server(() => Response.error());
    expect(await load(language)).toBe(english);
    expect(asked).toEqual([]);
  });

  it.each([
    ['a missing file', () => new Response('', { status: 404 })],
    ['what is no JSON', () => new Response('<html>')],
    [
      'no network',
      () => {
        throw new TypeError('Failed to fetch');
      },
    ],
  ])('are English after %s', async (_, answer) => {
    expect(await server(answer).load('es')).toEqual(english);
  });
});
