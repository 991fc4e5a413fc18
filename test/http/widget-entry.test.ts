/** The program a widget begins with: one that is there. */
import { expect, test } from 'vitest';
import { sleepReset } from '../support/example.ts';
import { wholeServer } from '../support/whole-server.ts';

const { ask } = await wholeServer();
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();

test('a widget begins with a program of the creator or with a link of a live one, and with no other name', async () => {
  const account = { email: 'ana@example.org', password: 'a long unlikely phrase', display_name: 'Ana' };
  const token = (await read(await ask(null, 'POST', '/api/v1/auth/register', account))).access_token;
  const put = (entry: string | null) => ask(token, 'PUT', '/api/v1/creators/widget', { entry });
  const definition = { ...sleepReset, entry: [{ id: 'ad', on: 'link', link: 'spring-ad' }] };
  const { id } = definition.meta;

  const unknown = await put(id);
  expect([unknown.status, (await read(unknown)).error]).toMatchObject([
    422,
    { code: 'INVALID_FIELD', message: `Cannot begin with "${id}": no program and no link of a live program has this name` },
  ]);
  const { program } = await read(await ask(token, 'POST', '/api/v1/creators/programs', { definition }));
  expect((await put(id)).status).toBe(200);
  expect((await put('spring-ad')).status).toBe(422);
  const published = await read(await ask(token, 'POST', `/api/v1/creators/programs/${program.id}/publish`));
  await ask(token, 'POST', `/api/v1/creators/programs/${program.id}/versions/${published.version}/live`);
  expect((await put('spring-ad')).status).toBe(200);
  expect((await put(null)).status).toBe(200);
});
