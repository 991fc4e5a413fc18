/** Holds `docs/security.md` to the tests: each requirement and each bad input names a test that is there. */
import { existsSync, readFileSync } from 'node:fs';

/** Where the page lives, from the root of the repository. */
const path = 'docs/security.md';

/** The requirements of ASVS 5.0 that the page answers for: level 2, and those of level 3 that cost little. */
const requirements = (
  '1.2.4 1.3.2 1.3.6 1.3.7 1.3.12 1.5.1 2.2.1 2.2.2 2.3.1 2.3.3 2.4.1 3.4.2 3.4.4 4.1.3 4.1.5 4.4.1 4.4.2 4.4.3 4.4.4 5.2.1 5.2.2 5.2.3 5.2.4 ' +
  '5.3.2 5.3.3 5.4.1 5.4.2 6.1.1 6.2.1 6.2.3 6.2.4 6.2.5 6.2.8 6.2.9 6.2.12 6.3.1 6.3.2 6.3.4 6.3.8 6.4.3 6.5.1 6.5.5 7.1.1 7.2.3 7.2.4 7.3.2 ' +
  '7.4.1 7.4.2 7.4.3 7.4.5 7.5.1 7.5.2 8.1.1 8.2.1 8.2.2 8.2.3 8.3.2 8.4.1 9.1.1 9.1.2 9.1.3 9.2.1 9.2.2 9.2.3 9.2.4 10.4.5 10.4.8 11.2.3 ' +
  '11.2.4 11.3.2 11.4.2 11.5.1 11.6.1 13.2.2 13.2.4 13.3.1 14.2.1 14.2.7 14.3.2 15.2.2 15.3.1 15.3.2 15.3.3 15.3.4 15.3.6 16.2.1 16.2.5 ' +
  '16.3.1 16.3.2 16.4.1 16.4.2 16.5.1 16.5.2 16.5.3'
).split(' ');
const badInputs = Array.from({ length: 44 }, (_, index) => `row ${index + 1}`);

/** What the page claims without a test that shows it, as `file:line message`. */
export function securityUnproved(): string[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  const rows = lines.flatMap((line, index) => {
    const [, ids, ...cells] = line.split(' | ').length > 2 ? line.split('|').map((cell) => cell.trim()) : [];
    const named = ids === undefined || !/^(\d+\.\d+\.\d+|row \d+)/.test(ids) ? [] : ids.split(', ');
    return named.length === 0 ? [] : [{ named, text: cells.join(' | '), line: index + 1 }];
  });
  const claimed = new Set(rows.flatMap(({ named }) => named));
  const missing = [...requirements, ...badInputs].filter((id) => !claimed.has(id)).map((id) => `${path}:1 says nothing about ${id}`);
  return [
    ...missing,
    ...rows.flatMap(({ named, text, line }) =>
      [...unproved(text), ...unnumbered(named, text)].map((fault) => `${path}:${line} ${named.join(', ')}: ${fault}`),
    ),
  ];
}

/** Faults of a row's evidence: `file` “words of the test”, at least one, or a written deviation. */
function unproved(text: string): string[] {
  const evidence = [...text.matchAll(/`([\w./-]+)` “([^”]+)”/g)];
  if (evidence.length === 0) return text.includes('deviation:') ? [] : ['names no test'];
  return evidence.flatMap(([, file = '', words = '']) => {
    if (!existsSync(file)) return [`names ${file}, which is not there`];
    return readFileSync(file, 'utf8').includes(words) ? [] : [`names “${words}”, which is not in ${file}`];
  });
}

/** Bad inputs whose evidence is no test that has their number in its name, as in `row 7: …` or `rows 5 and 20: …`. */
function unnumbered(named: readonly string[], text: string): string[] {
  const numbers = [...text.matchAll(/“rows? ([\d, and]+)/g)].flatMap(([, list = '']) => list.match(/\d+/g) ?? []);
  return named.filter((id) => id.startsWith('row ') && !numbers.includes(id.slice(4))).map(() => 'names no test with its number');
}
