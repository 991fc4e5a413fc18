/** The page that links in mails lead to, as a person uses it: in Chromium, with the real server and mails that arrive. */
import { expect, test } from 'vitest';
import { dataFolder, startServer } from '../acceptance/server-process.ts';
import { mailSink } from '../support/mail-sink.ts';
import type { Visit } from './chromium.ts';
import { useBrowser } from './stage.ts';
import { accessibilityFaults, phone, photograph } from './steps.ts';

const openPage = useBrowser();
const sink = await mailSink();
const email = 'ana@example.org';
const password = 'a long unlikely phrase';
const next = 'cobalt meadow lantern';

async function post(origin: string, path: string, json: unknown, token?: string) {
  const headers = { 'Content-Type': 'application/json', ...(token !== undefined && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(`${origin}/api/v1/auth${path}`, { method: 'POST', headers, body: JSON.stringify(json) });
  const text = await response.text();
  return { status: response.status, json: (text === '' ? {} : JSON.parse(text)) as Record<string, string> };
}

/** The path of the link in the newest mail to an address, as a person would click it. */
async function linkTo(address: string, mails: number): Promise<string> {
  await sink.arrived(mails);
  return /\/account\/\w+#token=[\w-]+/.exec(sink.latest(address).text)?.[0] ?? '';
}

/** Types a password, sends it, and waits for what the page says. */
async function submit({ page }: Visit, typed: string, said: string | RegExp): Promise<void> {
  await page.getByLabel(/password/i).fill(typed);
  await page.keyboard.press('Enter');
  await expect.poll(() => page.getByRole('status').textContent(), { timeout: 10_000 }).toMatch(said);
}

test('a person confirms an address, forgets the password, moves to another address and invites a colleague', async () => {
  const server = await startServer({ DATA_DIR: await dataFolder(), DEMO: 'false', SMTP_URL: sink.url });
  const { origin } = server;
  await post(origin, '/register', { email, password, display_name: 'Ana' });

  const confirm = await openPage(origin, await linkTo(email, 1));
  expect(await confirm.page.title()).toBe('Confirm your mail address');
  expect(confirm.page.url()).not.toContain('token');
  await photograph(confirm.page, 'account-confirm');
  expect(await accessibilityFaults(confirm)).toEqual([]);
  await confirm.page.getByLabel('Show it').check();
  await submit(confirm, 'not the password', 'Check the password');
  expect(await confirm.page.locator('#password:focus[type=text][aria-invalid=true]').count()).toBe(1);
  await confirm.page.getByLabel('Show it').uncheck();
  await submit(confirm, password, 'Your address is confirmed');
  expect(await confirm.page.getByLabel(/password/i).isVisible()).toBe(false);

  await post(origin, '/password/forgot', { email });
  const resetLink = await linkTo(email, 2);
  const reset = await openPage(origin, resetLink, phone);
  await submit(reset, 'short', 'at least 12 characters');
  await submit(reset, 'Password1234!', 'harder to guess');
  await photograph(reset.page, 'account-reset-refused');
  expect(await accessibilityFaults(reset)).toEqual([]);
  await submit(reset, next, 'Your password is changed');
  const again = await openPage(origin, resetLink);
  await submit(again, next, 'Ask for a new mail');

  const { json: signedIn } = await post(origin, '/login', { email, password: next });
  await post(origin, '/email/change', { email: 'new@example.org' }, signedIn.access_token);
  const moved = await openPage(origin, await linkTo('new@example.org', 5), { colorScheme: 'dark' });
  await photograph(moved.page, 'account-address-dark');
  await submit(moved, next, 'Your address is changed');
  expect((await post(origin, '/login', { email: 'new@example.org', password: next })).status).toBe(200);

  await post(origin, '/members', { email: 'ben@example.org', display_name: 'Ben', role: 'agent' }, signedIn.access_token);
  const join = await openPage(origin, await linkTo('ben@example.org', 7));
  await submit(join, 'violet harbour mosaic', 'You have joined');
  expect((await post(origin, '/login', { email: 'ben@example.org', password: 'violet harbour mosaic' })).status).toBe(200);

  const broken = await openPage(origin, '/account/reset');
  expect(await broken.page.getByRole('status').textContent()).toContain('not whole');
  await server.stop();
});

test('without the server the page says so, and takes another try', async () => {
  const server = await startServer({ DATA_DIR: await dataFolder(), DEMO: 'false', SMTP_URL: sink.url });
  const visited = await openPage(server.origin, '/account/reset#token=cm_x');
  await visited.page.context().setOffline(true);
  await submit(visited, next, 'cannot be reached');
  await visited.page.context().setOffline(false);
  await submit(visited, next, 'Ask for a new mail');
  await server.stop();
});
