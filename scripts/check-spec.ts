/** Holds src/actors/SPEC.md to its tests, both ways: every test a rule names exists and runs, and every test of the runtime is named by a rule. */
import { globSync, readFileSync } from 'node:fs';

const spec = readFileSync('src/actors/SPEC.md', 'utf8');
const files = [
  ...globSync('test/actors/{receive,turn,turnstile,quarantine,listening,damage}.test.ts'),
  ...globSync('test/simulation/*.test.ts'),
  'test/programs/regions.test.ts',
];
/** `it('…'`, `test.skip('…'`, `it.each([…])('…'`, `it.each<…>([…])('…'`: how it is called, and the title. */
const test = /(?<![\w.])(?:it|test)((?:\.\w+)*)(?:\(|(?<=\.\w+)(?:<[\s\S]*?>)?\([\s\S]*?\)\()\s*(['"`])((?:(?!\2).)+)\2/g;
/** What is commented out is no test. */
const comments = /^\s*\/\/.*$|\/\*[\s\S]*?\*\//gm;
const found = files.flatMap((file) => [...readFileSync(file, 'utf8').replace(comments, '').matchAll(test)]);
const tests = new Set(found.map((match) => match[3] ?? ''));
const resting = found.filter((match) => /\.(skip|only|todo|fails|skipIf|runIf)\b/.test(match[1] ?? ''));

const rules = spec.split('\n').filter((line) => /^\| [A-Z]\d+ \|/.test(line));
const namedBy = (line: string) => [...(line.split('|')[3] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
const named = new Set(rules.flatMap(namedBy));

const faults = [
  ...[...named].filter((title) => !tests.has(title)).map((title) => `SPEC.md names a test that does not exist: ${title}`),
  ...[...tests].filter((title) => !named.has(title)).map((title) => `No rule of SPEC.md names the test: ${title}`),
  ...rules.filter((line) => namedBy(line).length === 0).map((line) => `A rule without a test: ${line}`),
  ...resting.map((match) => `A test of SPEC.md does not always run: ${match[3]}`),
];
for (const fault of faults) console.error(fault);
if (rules.length === 0 || faults.length > 0) process.exit(1);
