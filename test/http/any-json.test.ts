/** Random JSON on every route that takes a body. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { testApp } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { sleepReset } from '../support/example.ts';
import { makeRuntime, openTestConversation } from '../support/runtime.ts';

const database = await testDatabase();
const { mailboxes } = makeRuntime(database, { clock: manualClock(Date.UTC(2026, 0, 1)) });
const { app, ids, newMember } = await testApp(database, manualClock(Date.UTC(2026, 0, 1)), { mailboxes });
const { call, creatorId } = await newMember();
const { conversationId } = await openTestConversation(database, creatorId);
const { program } = (await (await call('POST', '/api/v1/creators/programs', { definition: sleepReset })).json()) as {
  program: { id: string };
};

type Document = {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: { properties?: object } }> } }>>;
};
const { paths } = (await (await app.request('/openapi.json')).json()) as Document;

/** Every route that takes a body, with ids that exist, and the names of its members. */
const targets = Object.entries(paths).flatMap(([path, operations]) =>
  Object.entries(operations).flatMap(([method, operation]) => {
    if (!path.startsWith('/api/') || method === 'get') return [];
    const id = path.includes('/programs/') ? program.id : path.includes('/conversations/') ? conversationId : ids.uuid();
    const names = Object.keys(operation.requestBody?.content['application/json']?.schema.properties ?? {});
    return [{ method: method.toUpperCase(), path: path.replace('{id}', id).replace('{n}', '1'), names }];
  }),
);

test('every route that takes a body is known', () => {
  expect(targets.length).toBeGreaterThan(20);
  expect(targets.some(({ names }) => names.includes('display_name'))).toBe(true);
});

test('no JSON makes any route answer 5xx', async () => {
  const value = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' });
  const attempt = fc
    .constantFrom(...targets.filter(({ method, path }) => method !== 'DELETE' && !path.endsWith('/logout')))
    .chain((target) =>
      fc.record({
        target: fc.constant(target),
        json: fc.oneof(value, fc.record(Object.fromEntries(target.names.map((name) => [name, value])))),
      }),
    );
  await fc.assert(
    fc.asyncProperty(attempt, async ({ target, json }) => {
      const response = await call(target.method, target.path, JSON.stringify(json), { 'If-Match': '"1"' });
      expect(response.status).toBeLessThan(500);
    }),
    { numRuns: 400 },
  );
});
