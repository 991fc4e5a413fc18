/** Holds src/actors/SPEC.md to its tests, both ways: every test a rule names exists, and every test of the runtime is named by a rule. */
import { globSync, readFileSync } from 'node:fs';

const spec = readFileSync('src/actors/SPEC.md', 'utf8');
const files = [
  ...globSync('test/actors/{listening,receive,turn,turnstile,quarantine}.test.ts'),
  ...globSync('test/simulation/*.test.ts'),
  'test/programs/regions.test.ts',
];
const title = /\b(?:it|it\.each\([\s\S]*?\))\(\s*(['"`])((?:(?!\1).)+)\1/g;
const tests = new Set(files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(title)].map((match) => match[2] ?? '')));

const rules = spec.split('\n').filter((line) => /^\| [IR]\d+ \|/.test(line));
const named = new Set(rules.flatMap((line) => [...(line.split('|')[3] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')));

const faults = [
  ...[...named].filter((test) => !tests.has(test)).map((test) => `SPEC.md names a test that does not exist: ${test}`),
  ...[...tests].filter((test) => !named.has(test)).map((test) => `No rule of SPEC.md names the test: ${test}`),
  ...rules.filter((line) => !/`|the histories/.test(line.split('|')[3] ?? '')).map((line) => `A rule without a test: ${line}`),
];
for (const fault of faults) console.error(fault);
if (rules.length === 0 || faults.length > 0) process.exit(1);
