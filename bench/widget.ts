/** What the widget costs a page: its size, and how long a cold one takes to be seen, beside the same page without it. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { type Browser, chromium } from 'playwright-core';
import { median, table } from './report.ts';
import { startServer } from './server-process.ts';

const visits = 15;
const paragraphs = '<p>Sleep is a habit like any other, and a habit can be learnt.</p>'.repeat(20);
const page = (inside: string) => `<!doctype html><html lang="en"><title>A site</title><h1>A coach's site</h1>${paragraphs}${inside}</html>`;

/** The figures as Markdown. Needs Debian's chromium, and the widget as built. */
export async function benchWidget(): Promise<string> {
  const script = await readFile('dist/web/widget.js');
  const sizes = [script.byteLength, gzipSync(script, { level: 9 }).byteLength, brotliCompressSync(script).byteLength];
  const questions = gzipSync(await readFile('dist/web/widget-questions.js'), { level: 9 }).byteLength;
  const folder = await mkdtemp(join(tmpdir(), 'companero-bench-'));
  const site = createServer((request, response) => response.setHeader('content-type', 'text/html').end(pages.get(request.url ?? '') ?? ''));
  const pages = new Map<string, string>();
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const server = await startServer('src/main.ts', { DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'silent' }, 'shown only this once');
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  try {
    const home = /http:\/\/\S+?(?=\/\s)/.exec(server.output)?.[0]?.replace('localhost', '127.0.0.1') ?? '';
    const creator = /Demo creator\s+(\S+)/.exec(server.output)?.[1] ?? '';
    await allow(home, /Password\s+(\S+)/.exec(server.output)?.[1] ?? '', origin);
    pages.set('/without', page(''));
    pages.set('/bubble', page(`<script src="${home}/widget.js" data-creator="${creator}" async></script>`));
    pages.set(
      '/inline',
      page(`<companero-chat creator="${creator}" mode="inline"></companero-chat><script src="${home}/widget.js" async></script>`),
    );
    const without = await firstSeen(browser, `${origin}/without`, 'h1');
    const launcher = await firstSeen(browser, `${origin}/bubble`, '.launcher');
    const message = await firstSeen(browser, `${origin}/inline`, '.bubble');
    return [
      `The widget is one script: ${sizes[0]} bytes, ${sizes[1]} gzipped, ${sizes[2]} with Brotli. The controls for questions, fetched with the first, are ${questions} gzipped.`,
      '',
      table(
        [`First seen after the address was entered, cold, median of ${visits}`, 'ms', 'of the page without'],
        [
          ['the heading of the page without the widget', without.toFixed(0), '1.0'],
          ['the button of the widget', launcher.toFixed(0), (launcher / without).toFixed(1)],
          ["the coach's first message, in a conversation just begun", message.toFixed(0), (message / without).toFixed(1)],
        ],
      ),
    ].join('\n');
  } finally {
    await browser.close();
    await server.stop();
    site.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lets the site run the demo's widget. */
async function allow(home: string, password: string, origin: string): Promise<void> {
  const api = `${home}/api/v1`;
  const headers = { 'content-type': 'application/json' };
  const signIn = { method: 'POST', headers, body: JSON.stringify({ email: 'demo@example.com', password }) };
  const account = (await (await fetch(`${api}/auth/login`, signIn)).json()) as { access_token: string };
  const body = JSON.stringify({ entry: 'sleep-reset', allowed_origins: [origin] });
  const answer = await fetch(`${api}/creators/widget`, {
    method: 'PUT',
    headers: { ...headers, authorization: `Bearer ${account.access_token}` },
    body,
  });
  if (!answer.ok) throw new Error(`Cannot allow the site: status ${answer.status}`);
}

/** Milliseconds until the selector, on the page or within the widget, was painted; the median of visits with nothing kept from before. */
async function firstSeen(browser: Browser, url: string, selector: string): Promise<number> {
  const times: number[] = [];
  for (let visit = 0; visit < visits; visit += 1) {
    const context = await browser.newContext();
    const opened = await context.newPage();
    await opened.addInitScript(watch, selector);
    await opened.goto(url);
    await opened.waitForFunction(() => 'seenAt' in window);
    times.push(await opened.evaluate(() => (window as unknown as { seenAt: number }).seenAt));
    await context.close();
  }
  return median(times);
}

/** Runs in the page: looks with every frame whether the element has a size, and keeps when. */
function watch(selector: string): void {
  const look = () => {
    const root = document.querySelector('companero-chat')?.shadowRoot ?? document;
    const element = root.querySelector(selector) ?? document.querySelector(selector);
    const isSeen = element !== null && element.getBoundingClientRect().height > 0;
    if (isSeen) Object.assign(window, { seenAt: performance.now() });
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}
