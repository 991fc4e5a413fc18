/** The example pages of `examples/host-pages`, served from another origin, with the widget of the real server on them. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { login } from '../acceptance/clients.ts';
import { dataFolder, startServer } from '../acceptance/server-process.ts';
import type { Visit } from './chromium.ts';
import { useBrowser } from './stage.ts';
import { accessibilityFaults, expectCount, phone, photograph } from './steps.ts';

const openPage = useBrowser();
let site: Server;
let siteOrigin = '';
/** What stands in the examples, and what stands for it in this test. */
let replaced: (html: string) => string = (html) => html;

beforeAll(async () => {
  site = createServer(async (request, response) => {
    const html = await readFile(`examples/host-pages${new URL(request.url ?? '/', 'http://x').pathname}`, 'utf8').catch(() => '');
    response.writeHead(html === '' ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' }).end(replaced(html));
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  siteOrigin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => site.close(resolve)));
/** The demo's server, with the site among those that may run its widget. */
async function startDemo(): Promise<void> {
  const server = await startServer({ DATA_DIR: await dataFolder() });
  const said = (label: string) => new RegExp(`${label}\\s+(\\S+)`).exec(server.output())?.[1] ?? '';
  const coach = await login(server.origin, 'demo@example.com', said('Password'));
  const { version: _, ...settings } = await coach.call('GET', '/creators/widget');
  await coach.call('PUT', '/creators/widget', { ...settings, allowed_origins: [siteOrigin], texts: { ...settings.texts, launcher: '' } });
  replaced = (html) =>
    html
      .replaceAll('http://localhost:3000', server.origin)
      .replaceAll('ws://localhost:3000', server.origin.replace('http', 'ws'))
      .replaceAll('CREATOR-ID', said('Demo creator'));
}

/** A picture of one pixel. */
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

/** Goes through the whole conversation with the keyboard alone; only the system's file chooser is skipped. */
async function converse({ page, chat }: Visit): Promise<void> {
  const focused = () => page.evaluate(() => document.activeElement?.shadowRoot?.activeElement?.className ?? '');
  await chat.locator('.launcher').waitFor();
  for (let presses = 0; (await focused()) !== 'launcher' && presses < 5; presses += 1) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await chat.locator('.asking input[type=time]').fill('06:45', { timeout: 20_000 });
  await page.keyboard.press('Enter');
  await expect.poll(() => chat.locator('.row.mine.delivered').count(), { timeout: 20_000 }).toBe(1);
  await chat.locator('input[type=file]').setInputFiles({ name: 'my bedroom.png', mimeType: 'image/png', buffer: png });
  await chat.locator('textarea').focus();
  await page.keyboard.type('How cool should the bedroom be?');
  await expect.poll(() => chat.locator('.file.pending').count()).toBe(0);
  await page.keyboard.press('Enter');
  await expect.poll(() => chat.locator('.row.mine .media img').evaluate((picture) => (picture as HTMLImageElement).naturalWidth)).toBe(1);
  await expect.poll(() => chat.locator('summary').count(), { timeout: 20_000 }).toBeGreaterThan(0);
  await chat.locator('summary').first().focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => chat.locator('blockquote').first().isVisible()).toBe(true);
}

test.each(['plain', 'strict-policy', 'right-to-left'])('%s: the whole conversation by keyboard, on a desk and on a phone', async (name) => {
  await startDemo();
  for (const [width, options] of [
    ['desktop', { viewport: { width: 1024, height: 720 } }],
    ['phone', phone],
  ] as const) {
    const visited = await openPage(siteOrigin, `/${name}.html`, options);
    await converse(visited);
    expect(await accessibilityFaults(visited)).toEqual([]);
    expect(await visited.chat.locator('.log').evaluate((log) => log.scrollWidth > log.clientWidth)).toBe(false);
    await photograph(visited.page, `${name}-${width}`);
    await visited.page.keyboard.press('Escape');
    await expectCount(visited, '.panel:visible', 0);
  }
});
