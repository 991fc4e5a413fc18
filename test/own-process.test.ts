import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../src/clock.ts';
import { keepOwnProcess } from '../src/own-process.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'companero-process-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the process that reads files can read them, and neither write, nor start a process, nor load native code, nor make code of text', async () => {
  const program = join(folder, 'program.mjs');
  await writeFile(
    program,
    `import { readFileSync, writeFileSync } from 'node:fs';
     import { spawnSync } from 'node:child_process';
     const said = (deed) => { try { deed(); return 'done'; } catch (error) { return error.code ?? error.name; } };
     process.on('message', () => process.send([
       said(() => readFileSync(${JSON.stringify(program)})),
       said(() => writeFileSync(${JSON.stringify(join(folder, 'written'))}, 'x')),
       said(() => spawnSync('true')),
       said(() => process.dlopen({ exports: {} }, 'x.node')),
       said(() => new Function('return 1')),
     ]));`,
  );
  const limits = { timeoutMs: 10_000, heapMegabytes: 64, residentMegabytes: 200 };
  const kept = keepOwnProcess(program, { limits, clock: systemClock() });
  expect(await kept.ask('ana', {}, new AbortController().signal)).toEqual([
    'done',
    'ERR_ACCESS_DENIED',
    'ERR_ACCESS_DENIED',
    'ERR_DLOPEN_DISABLED',
    'EvalError',
  ]);
});
