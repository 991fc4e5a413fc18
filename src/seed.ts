/** The demo: a creator with a live program and a document, made through the API the way any creator would. */
import { readFile } from 'node:fs/promises';
import { AppError } from './errors.ts';
import type { Demo } from './welcome.ts';

/** The address the demo signs in with. */
export const demoEmail = 'demo@example.com';

const examples = new URL('../examples/', import.meta.url);
/** How long the document may take to be read, in milliseconds; afterwards it is read all the same, only later. */
const readWithinMs = 8_000;

/**
 * Makes the demo on a server that has no creator yet.
 *
 * @param origin where the server listens, such as `http://127.0.0.1:3000`
 * @throws AppError INTERNAL when the server refuses a step
 */
export async function seedDemo(origin: string): Promise<Demo> {
  const password = Buffer.from(crypto.getRandomValues(new Uint8Array(15))).toString('base64url');
  const account = await call(origin, '/auth/register', json({ email: demoEmail, password, display_name: 'Demo coach' }));
  const signedIn = { authorization: `Bearer ${account.access_token}` };

  const definition = JSON.parse(await readFile(new URL('sleep-reset.json', examples), 'utf8'));
  const { program } = await call(origin, '/creators/programs', json({ definition }, signedIn));
  const { version } = await call(origin, `/creators/programs/${program.id}/publish`, json({}, signedIn));
  await call(origin, `/creators/programs/${program.id}/versions/${version}/live`, json({}, signedIn));

  const widget = { texts: { title: 'Sleep reset', subtitle: 'Seven days for better sleep' }, entry: definition.meta.id };
  await call(origin, '/creators/widget', { ...json(widget, signedIn), method: 'PUT' });

  const form = new FormData();
  form.set('title', 'A short guide to better sleep');
  form.set('file', new File([await readFile(new URL('sleep-guide.md', examples))], 'sleep-guide.md', { type: 'text/markdown' }));
  const { document } = await call(origin, '/creators/documents', { method: 'POST', headers: signedIn, body: form });
  await untilRead(origin, document.id, signedIn);

  return { creatorId: account.creator.id, email: demoEmail, password };
}

async function untilRead(origin: string, documentId: string, headers: Record<string, string>): Promise<void> {
  const until = Date.now() + readWithinMs;
  for (let status = 'queued'; status !== 'ready' && status !== 'failed' && Date.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const answer = await call(origin, `/creators/documents/${documentId}`, { headers });
    ({ status } = answer.document ?? answer);
  }
}

function json(value: object, headers: Record<string, string> = {}): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

// biome-ignore lint/suspicious/noExplicitAny: the answers are the API's own; the acceptance tests hold it to them
async function call(origin: string, path: string, init: RequestInit): Promise<any> {
  const response = await fetch(`${origin}/api/v1${path}`, init);
  const answer = await response.text();
  if (!response.ok)
    throw new AppError('INTERNAL', `Cannot make the demo: ${path} answered ${response.status}`, { cause: new Error(answer) });
  return answer === '' ? {} : JSON.parse(answer);
}
