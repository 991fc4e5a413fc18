/** Random JSON on every route that takes a body. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sleepReset } from '../support/example.ts';
import { wholeServer } from '../support/whole-server.ts';

const { app, ask } = await wholeServer();
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = async (answer: Promise<Response>): Promise<any> => (await answer).json();
const registration = { email: 'owner@example.org', password: 'a long unlikely phrase', display_name: 'Ana' };
const { access_token: token, creator } = await read(ask(null, 'POST', '/api/v1/auth/register', registration));
const { program } = await read(ask(token, 'POST', '/api/v1/creators/programs', { definition: sleepReset }));
await ask(null, 'POST', `/api/v1/channels/widget/${creator.id}/sessions`, {});
const [conversation] = (await read(ask(token, 'GET', '/api/v1/creators/conversations'))).items;

type Document = {
  paths: Record<
    string,
    Record<
      string,
      {
        requestBody?: { content: Record<string, { schema: { properties?: object } }> };
        responses: Record<string, { description: string }>;
      }
    >
  >;
};
const { paths } = (await (await app.request('/openapi.json')).json()) as Document;

/** Every route that takes a body, with ids that exist, and the names of its members. */
const targets = Object.entries(paths).flatMap(([path, operations]) =>
  Object.entries(operations).flatMap(([method, operation]) => {
    if (!path.startsWith('/api/') || method === 'get') return [];
    const id = path.includes('/programs/') ? program.id : path.includes('/conversations/') ? conversation.id : crypto.randomUUID();
    const names = Object.keys(operation.requestBody?.content['application/json']?.schema.properties ?? {});
    const { responses } = operation;
    return [
      {
        responses,
        method: method.toUpperCase(),
        path: path
          .replace('{creator_id}', creator.id)
          .replace('{n}', '1')
          .replace(/\{\w+\}/g, id),
        names,
      },
    ];
  }),
);

test('every route that takes a body is known', () => {
  expect(targets.length).toBeGreaterThan(60);
  expect(targets.some(({ names }) => names.includes('display_name'))).toBe(true);
});

/** What the document says against an answer: that its status is not declared, or the code of its error. */
async function undeclared({ responses }: (typeof targets)[number], answer: Response): Promise<string | undefined> {
  const declared = responses[answer.status]?.description;
  if (declared === undefined) return `status ${answer.status}`;
  if (answer.ok) return undefined;
  const { code } = (await answer.json()).error;
  return declared.split(', ').includes(code) ? undefined : code;
}

/** Those after which there is still somebody to ask. */
const harmless = targets.filter(({ method, path }) => method !== 'DELETE' && !/\/(logout|erase)$/.test(path));

test('what is no JSON is refused as the document of the route says', async () => {
  for (const target of harmless) {
    const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'text/plain', 'If-Match': '"1"' };
    const answer = await app.request(target.path, { method: target.method, headers, body: 'hello' });
    expect([target.method, target.path, await undeclared(target, answer)]).toEqual([target.method, target.path, undefined]);
  }
});

test('no JSON makes any route answer 5xx, or anything that its document does not declare', async () => {
  const value = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' });
  const attempt = fc.constantFrom(...harmless).chain((target) =>
    fc.record({
      target: fc.constant(target),
      json: fc.oneof(value, fc.record(Object.fromEntries(target.names.map((name) => [name, value])))),
    }),
  );
  await fc.assert(
    fc.asyncProperty(attempt, async ({ target, json }) => {
      const response = await ask(token, target.method, target.path, json, { 'If-Match': '"1"' });
      expect(response.status).toBeLessThan(500);
      expect([target.method, target.path, await undeclared(target, response)]).toEqual([target.method, target.path, undefined]);
    }),
    { numRuns: 400 },
  );
});
