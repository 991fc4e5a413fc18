/** Every list of the API alike: `?limit=&cursor=` in, `{items, next_cursor}` out, and no parameter that is not declared. */
import { beforeAll, expect, test } from 'vitest';
import { pageOfAll } from '../../src/store/cursor.ts';
import { sleepReset } from '../support/example.ts';
import { wholeServer } from '../support/whole-server.ts';

const { ask } = await wholeServer();

// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const { paths } = await read(await ask(null, 'GET', '/openapi.json'));
const reads: { path: string; parameters: string[]; answer: Record<string, unknown> }[] = Object.keys(paths)
  .filter((path) => 'get' in paths[path] && path.startsWith('/api/v1/'))
  .map((path) => ({
    path,
    parameters: (paths[path].get.parameters ?? []).map(({ name }: { name: string }) => name),
    answer: paths[path].get.responses['200']?.content?.['application/json']?.schema?.properties ?? {},
  }));
const lists = reads.filter(({ answer }) => 'items' in answer);

const ids: Record<string, string> = { n: '1' };
let token: string;
beforeAll(async () => {
  const account = { email: 'ana@example.org', password: 'a long unlikely phrase', display_name: 'Ana' };
  const registered = await read(await ask(null, 'POST', '/api/v1/auth/register', account));
  token = registered.access_token;
  const post = async (path: string, json: unknown) => read(await ask(token, 'POST', path, json));
  ids.programs = (await post('/api/v1/creators/programs', { definition: sleepReset })).program.id;
  await post(`/api/v1/creators/programs/${ids.programs}/publish`, {});
  await ask(null, 'POST', `/api/v1/channels/widget/${registered.creator.id}/sessions`, {});
  const conversation = (await read(await ask(token, 'GET', '/api/v1/creators/conversations'))).items[0];
  ids.conversations = conversation.id;
  ids.contacts = (await read(await ask(token, 'GET', '/api/v1/creators/contacts'))).items[0].id;
  for (const text of ['one', 'two', 'three']) await post(`/api/v1/creators/conversations/${ids.conversations}/messages`, { text });
  for (const template of ['one', 'two']) await post('/api/v1/ai/prompts', { template });
  for (const name of ['one', 'two']) await post('/api/v1/auth/api-keys', { name, scopes: ['contacts.read'] });
});

const named = (path: string) =>
  path.replace(/([a-z]+)\/\{(\w+)\}/g, (_, noun, name) => `${noun}/${ids[noun] ?? ids[name] ?? crypto.randomUUID()}`);

test('every list declares its pages', () => {
  expect(lists.length).toBeGreaterThan(15);
  expect(
    lists.filter(({ parameters, answer }) => !['limit', 'cursor'].every((name) => parameters.includes(name)) || !('next_cursor' in answer)),
  ).toEqual([]);
});

test('every list walked by ones is the list', async () => {
  let walked = 0;
  for (const { path } of lists) {
    const all = await ask(token, 'GET', `${named(path)}?limit=100`);
    if (all.status === 404) continue;
    const { items, next_cursor: none } = await read(all);
    expect([path, none]).toEqual([path, null]);
    // Messages come oldest first within a page, and the pages go back.
    const isLog = path.endsWith('/messages');
    const found: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { items: unknown[]; next_cursor: string | null } = await read(
        await ask(token, 'GET', `${named(path)}?limit=1${cursor && `&cursor=${cursor}`}`),
      );
      expect([path, page.items.length <= 1]).toEqual([path, true]);
      found.push(...page.items);
      cursor = page.next_cursor;
    }
    expect([path, isLog ? found.reverse() : found]).toEqual([path, items]);
    if (items.length > 1) walked += 1;
    expect([path, (await ask(token, 'GET', `${named(path)}?cursor=tampered`)).status]).toEqual([path, 400]);
  }
  expect(walked).toBeGreaterThanOrEqual(5);
});

test('messages after a number go on forwards', async () => {
  const path = `/api/v1/creators/conversations/${ids.conversations}/messages`;
  const { items } = await read(await ask(token, 'GET', path));
  const first = await read(await ask(token, 'GET', `${path}?after=0&limit=1`));
  const second = await read(await ask(token, 'GET', `${path}?limit=1&cursor=${first.next_cursor}`));
  expect([...first.items, ...second.items]).toEqual(items.slice(0, 2));
});

test('no route takes a parameter that it does not declare', async () => {
  const open = /^\/api\/v1\/channels\/(?:whatsapp|telegram|webhook)\//;
  const taken: string[] = [];
  for (const path of Object.keys(paths).filter((path) => path.startsWith('/api/v1/') && !open.test(path))) {
    for (const method of Object.keys(paths[path])) {
      const response = await ask(token, method.toUpperCase(), `${named(path)}?unknown=1`);
      if (response.status !== 400 || !(await response.text()).includes('Unknown parameter \\"unknown\\"')) taken.push(`${method} ${path}`);
    }
  }
  expect(taken).toEqual([]);
});

test('a list goes on where it was when the row of its cursor has gone', () => {
  const rows = ['a', 'b', 'c', 'd'];
  const key = (row: string) => row;
  const { nextCursor } = pageOfAll(rows, { limit: 2 }, key);
  const next = { limit: 2, cursor: nextCursor ?? '' };
  expect(pageOfAll(rows, next, key)).toEqual({ items: ['c', 'd'], nextCursor: null });
  expect(pageOfAll(['new', ...rows], next, key).items).toEqual(['c', 'd']);
  expect(pageOfAll(['a', 'c', 'd'], next, key).items).toEqual(['c', 'd']);
});
