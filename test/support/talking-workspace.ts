/** A workspace of a whole server with a live program and one person who has begun to talk. */
import { sleepReset } from './example.ts';
import type { wholeServer } from './whole-server.ts';

/** Opens it through the front door; gives the member's token and the ids. */
export async function talkingWorkspace(ask: Awaited<ReturnType<typeof wholeServer>>['ask']) {
  const creators = '/api/v1/creators';
  const account = { email: 'ana@example.org', password: 'a long unlikely phrase', display_name: 'Ana' };
  const registered = await (await ask(null, 'POST', '/api/v1/auth/register', account)).json();
  const token: string = registered.access_token;
  const creatorId: string = registered.creator.id;
  const { program } = await (await ask(token, 'POST', `${creators}/programs`, { definition: sleepReset })).json();
  await ask(token, 'POST', `${creators}/programs/${program.id}/publish`, {});
  await ask(null, 'POST', `/api/v1/channels/widget/${creatorId}/sessions`, {});
  const { items } = await (await ask(token, 'GET', `${creators}/conversations`)).json();
  return { token, creatorId, conversationId: items[0].id as string };
}
