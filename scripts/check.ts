/** The house rules that no other tool checks. Prints each finding as `file:line rule` and fails when there is one. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorTable } from '../src/errors.ts';
import { configurationPage, configurationPath } from './configuration-page.ts';
import { programsPage, programsPath } from './programs-page.ts';
import { securityUnproved } from './security-page.ts';

const mostLines = 400;

/** Tables of the installation, not of a creator: no row level security. */
const globalTables = new Set(['signing_keys', 'push_keys', 'operators', 'migrations']);

type Source = { path: string; text: string; lines: string[] };

const read = (...patterns: string[]): Source[] =>
  globSync(patterns)
    .sort()
    .map((path) => {
      const text = readFileSync(path, 'utf8');
      return { path, text, lines: text.split('\n') };
    });

const code = read('{src,test,web,bench,scripts}/**/*.{ts,js}', '*.ts');
const server = code.filter(({ path }) => path.startsWith('src/'));

/** Every file opens with one doc sentence that says what it is. A test says it in its own sentences. */
function filesWithoutOpening(): string[] {
  return code
    .filter(({ path, text }) => !path.endsWith('.test.ts') && !/^(#!.*\n)?\/\*\*\s/.test(text))
    .map(({ path }) => `${path}:1 opens without a doc comment`);
}

/** A test may grow with the cases of its subject; everything else is one concept a file. */
function filesTooLong(): string[] {
  return code
    .filter(({ path, lines }) => !path.endsWith('.test.ts') && lines.length > mostLines)
    .map(({ path, lines }) => `${path}:${lines.length} is longer than ${mostLines} lines`);
}

/** Exported functions, values and classes of the server say what they promise; a type may speak through its name and members. */
function exportsWithoutDoc(): string[] {
  return server.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => {
      const name = /^export (?:async )?(?:function\*?|const|class) (\w+)/.exec(line)?.[1];
      return name === undefined || isDocumented(lines, index) ? [] : [`${path}:${index + 1} exports "${name}" without a doc comment`];
    }),
  );
}

/** Whether the line above, past overloads and linter directives, ends a doc comment that is not the file's own. */
function isDocumented(lines: readonly string[], index: number): boolean {
  let above = index - 1;
  while (above >= 0 && /^(\/\/ biome-ignore|export (async )?function .*;$)/.test(lines[above] ?? '')) above -= 1;
  return /\*\/\s*$/.test(lines[above] ?? '');
}

/** Every table with a creator is protected, and every table without one is listed here. */
function tablesWithoutProtection(): string[] {
  const migrations = read('sql/*.sql');
  const guarded = new Set(
    migrations.flatMap(({ text }) => [...text.matchAll(/(?:select|perform) protect\('(\w+)'\)/g)].map(([, table]) => table)),
  );
  return migrations.flatMap(({ path, text }) =>
    [...text.matchAll(/create table (?:if not exists )?(?:public\.)?(\w+)/g)]
      .map(([, table]) => table ?? '')
      .filter((table) => !guarded.has(table) && !globalTables.has(table))
      .map((table) => `${path}:1 creates "${table}" without protect()`),
  );
}

/** A code that nobody raises is a promise nobody keeps. */
function errorCodesUnused(): string[] {
  const users = server.filter(({ path }) => path !== 'src/errors.ts');
  return Object.keys(errorTable)
    .filter((errorCode) => !users.some(({ text }) => text.includes(`'${errorCode}'`)))
    .map((errorCode) => `src/errors.ts:1 defines "${errorCode}", which nothing raises`);
}

/** The environment is read in one place, through the table, and the reference page says what the table says. */
function configurationStale(): string[] {
  const strays = server.flatMap(({ path, text }) =>
    [...text.matchAll(/process\.env\.(\w+)/g)]
      .filter(([, name]) => name !== 'PATH' && name !== 'HOME') // no configuration: handed on as they are to child processes
      .map(([, name]) => `${path}:1 reads "${name}" from the environment past src/config.ts`),
  );
  const page = readFileSync(configurationPath, 'utf8');
  return page === configurationPage() ? strays : [...strays, `${configurationPath}:1 is stale: run "npm run docs"`];
}

/** The page of the vocabulary is the one its tables give. */
function stalePrograms(): string[] {
  return readFileSync(programsPath, 'utf8') === programsPage() ? [] : [`${programsPath}:1 is stale: run "npm run docs"`];
}

/** Documents name files that exist; those of the server may leave out `src/`. */
function filesMissing(): string[] {
  const path =
    /\b(?:src|sql|test|web|docs|scripts|examples|deploy|actors|programs|accounts|rag|channels|store|shared|http|runtime)\/[\w./-]+\.(?:ts|sql|md|json|conf)\b/g;
  return read('*.md', 'docs/**/*.md').flatMap(({ path: page, lines }) =>
    lines.flatMap((line, index) =>
      [...line.matchAll(path)]
        .map(([name]) => name)
        .filter(
          (name) => !existsSync(name) && !existsSync(`src/${name}`) && !existsSync(join(dirname(page), name)) && !/NNNN|noun/.test(name),
        )
        .map((name) => `${page}:${index + 1} names "${name}", which is not there`),
    ),
  );
}

const findings = [
  filesWithoutOpening,
  filesTooLong,
  exportsWithoutDoc,
  tablesWithoutProtection,
  errorCodesUnused,
  configurationStale,
  stalePrograms,
  filesMissing,
  securityUnproved,
].flatMap((check) => check());
for (const finding of findings) console.error(finding);
console.log(findings.length === 0 ? `Checked ${code.length} files against the house rules` : `${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;
