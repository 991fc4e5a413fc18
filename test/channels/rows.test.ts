/** That no row of the channels' bad inputs is without a test of its name. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const count = (letter: string, last: number) => Array.from({ length: last }, (_, index) => `${letter}${index + 1}`);
const rows = [...count('W', 15), ...count('T', 9), ...count('P', 2)];

test('every row has a test that bears its number', () => {
  const files = ['test/channels', 'test/http'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => (name.endsWith('.test.ts') ? `${folder}/${name}` : [])),
  );
  const titled = files.flatMap((file) => readFileSync(file, 'utf8').match(/(?<=['"`[,(] ?)[WTP]\d+(?:, [WTP]\d+)*(?=[:'])/g) ?? []);
  const named = new Set(titled.flatMap((title) => title.split(', ')));
  expect(rows.filter((row) => !named.has(row))).toEqual([]);
  expect([...named].filter((row) => !rows.includes(row))).toEqual([]);
});
