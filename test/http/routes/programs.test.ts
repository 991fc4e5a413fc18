/** Programs over HTTP: drafts, checks, versions and what is live. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type AnyStateNode, createMachine } from 'xstate';
import { compile } from '../../../src/programs/compile.ts';
import { programsTopic } from '../../../src/shared/fan-out.ts';
import { testApp } from '../../support/app.ts';
import { manualClock } from '../../support/clock.ts';
import { testDatabase } from '../../support/database.ts';
import { sleepReset } from '../../support/example.ts';

const database = await testDatabase();
const { app, newMember, fanOut } = await testApp(database, manualClock(Date.UTC(2026, 0, 1)));
const programs = '/api/v1/creators/programs';
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const definition = sleepReset as { meta: { title: string } };

test('a program goes from draft to live', async () => {
  const { call, creatorId } = await newMember();
  const added = await call('POST', programs, { definition });
  expect(added.status).toBe(201);
  const { program } = await read(added);
  expect(program).toMatchObject({ slug: 'sleep-reset', title: 'Sleep reset', revision: 1, live_version: null, definition });

  expect(await read(await call('POST', `${programs}/${program.id}/check`))).toMatchObject({ findings: expect.any(Array) });
  const published = await call('POST', `${programs}/${program.id}/publish`);
  expect(published.status).toBe(201);
  const { version, hash } = await read(published);
  expect(version).toBe(1);
  expect(await read(await call('POST', `${programs}/${program.id}/publish`))).toEqual({ version, hash });

  let heard = 0;
  await fanOut.subscribe(programsTopic(creatorId), () => heard++);
  expect((await read(await call('POST', `${programs}/${program.id}/versions/1/live`))).program.live_version).toBe(1);
  expect(heard).toBe(1);
  expect((await read(await call('GET', `${programs}/${program.id}/versions`))).items).toMatchObject([{ version: 1, hash, live: true }]);
  expect((await read(await call('GET', `${programs}/${program.id}/versions/1`))).version).toMatchObject({ hash, definition });
  for (const missing of ['2', '0', '-1', '1e3', 'x', '99999999999999']) {
    expect((await call('POST', `${programs}/${program.id}/versions/${missing}/live`)).status).toBe(404);
  }
  expect(await read(await call('GET', `${programs}/${program.id}/machine`))).toMatchObject({ type: 'parallel' });
});

test('a draft is replaced only by whoever has read it', async () => {
  const { call } = await newMember();
  const added = await call('POST', programs, { definition });
  const path = `${programs}/${(await read(added)).program.id}`;
  const changed = { definition: { ...definition, meta: { ...definition.meta, title: 'Better sleep' } } };
  expect((await call('PUT', path, changed)).status).toBe(428);
  for (const etag of ['"2"', '1', '*', 'W/"1"', '"x"']) expect((await call('PUT', path, changed, { 'If-Match': etag })).status).toBe(412);
  const put = await call('PUT', path, changed, { 'If-Match': added.headers.get('ETag') ?? '' });
  expect([put.status, put.headers.get('ETag')]).toEqual([200, '"2"']);
  expect((await read(await call('GET', path))).program.title).toBe('Better sleep');
  expect((await call('PUT', path, changed, { 'If-Match': '"1"' })).status).toBe(412);
  expect((await call('DELETE', path)).status).toBe(428);
  expect((await call('DELETE', path, undefined, { 'If-Match': '"1"' })).status).toBe(412);
  expect((await call('DELETE', path, undefined, { 'If-Match': put.headers.get('ETag') ?? '' })).status).toBe(204);
  expect((await call('GET', path)).status).toBe(404);
});

test('an older version is made live again', async () => {
  const { call } = await newMember();
  const path = `${programs}/${(await read(await call('POST', programs, { definition }))).program.id}`;
  await call('POST', `${path}/publish`);
  const changed = { definition: { ...definition, meta: { ...definition.meta, title: 'Better sleep' } } };
  await call('PUT', path, changed, { 'If-Match': '"1"' });
  expect((await read(await call('POST', `${path}/publish`))).version).toBe(2);
  for (const version of [1, 2, 1]) {
    expect((await read(await call('POST', `${path}/versions/${version}/live`))).program.live_version).toBe(version);
  }
});

test('a program whose own test fails is not published, and the finding shows the conversation', async () => {
  const { call } = await newMember();
  const tests = [{ id: 'hears-nothing', steps: [{ say: 'sleep' }], expect: { outboundAtMost: 0 } }];
  const path = `${programs}/${(await read(await call('POST', programs, { definition: { ...definition, tests } }))).program.id}`;
  const refused = await call('POST', `${path}/publish`);
  expect(refused.status).toBe(422);
  const [finding] = (await read(refused)).error.details.findings;
  expect(finding).toMatchObject({
    code: 'failed-test',
    pointer: '/tests/0',
    message: 'The test "hears-nothing" fails: 2 messages were sent, more than 0',
  });
  expect(finding.transcript[0]).toBe('Mon 2026-01-05 09:00  contact: sleep');
});

test('a draft with errors is kept, and not published', async () => {
  const { call } = await newMember();
  const { program } = await read(
    await call('POST', programs, { definition: { meta: { id: 'half-done' }, machine: { initial: 'nowhere' } } }),
  );
  const published = await call('POST', `${programs}/${program.id}/publish`);
  expect(published.status).toBe(422);
  const { error } = await read(published);
  expect(error.code).toBe('INVALID_PROGRAM');
  expect(error.details.findings[0]).toMatchObject({ severity: 'error', pointer: expect.any(String), message: expect.any(String) });
  expect((await call('GET', `${programs}/${program.id}/machine`)).status).toBe(422);
});

test.each([
  ['no definition', {}],
  ['no id', { definition: { meta: {} } }],
  ['an id that is no id', { definition: { meta: { id: '../x' } } }],
  ['more beside the definition', { definition: { meta: { id: 'x' } }, live: true }],
  ['more than 256 KiB', { definition: { meta: { id: 'x' }, content: 'a'.repeat(258 * 1024) } }],
])('a program with %s is refused', async (_, json) => {
  const { call } = await newMember();
  expect([400, 413]).toContain((await call('POST', programs, json)).status);
});

test('an id names one program of a creator, and another one of the next creator', async () => {
  const [ana, ben] = [await newMember(), await newMember()];
  expect((await ana.call('POST', programs, { definition })).status).toBe(201);
  expect((await ana.call('POST', programs, { definition })).status).toBe(409);
  expect((await ben.call('POST', programs, { definition })).status).toBe(201);
  expect((await read(await ben.call('GET', programs))).items).toHaveLength(1);
});

test('the schema of a definition is public', async () => {
  const response = await app.request(`${programs}/schema.json`);
  expect(response.status).toBe(200);
  expect(await read(response)).toMatchObject({ type: 'object', required: expect.arrayContaining(['meta', 'machine']) });
});

const statesOf = ({ id, type, states, transitions, always }: AnyStateNode): unknown => ({
  id,
  type,
  events: [...transitions.keys()],
  always: always?.length ?? 0,
  states: Object.values(states).map((inner) => statesOf(inner as AnyStateNode)),
});

test.each(['better-sleep', 'first-strength', 'spanish-daily', 'smoke-free'])(
  'the machine of %s opens in XState as it is run',
  async (name) => {
    const { call } = await newMember();
    const example = JSON.parse(readFileSync(new URL(`../../../examples/${name}.json`, import.meta.url), 'utf8'));
    const { program } = await read(await call('POST', programs, { definition: example }));
    const opened = createMachine(await read(await call('GET', `${programs}/${program.id}/machine`)));
    expect(statesOf(opened.root)).toEqual(statesOf(compile(example).machine.root));
    expect(opened.root.states.program?.id).toBe(example.machine.id);
  },
);
