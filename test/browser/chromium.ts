/** A headless Chromium with a fresh profile, and the reading of a page's chat as a person would see it. */
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import type { StoredConversation, WidgetStandIn } from '../support/widget-stand-in.ts';

/** Starts the system's Chromium; each context of it is a fresh profile. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // A microphone that beeps; a page must still be allowed to hear it.
      '--use-fake-device-for-media-stream',
    ],
  });
}

/** The content policy of a careful site: nothing inline, no eval. */
export const strictPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; media-src 'self'; base-uri 'none'; require-trusted-types-for 'script'";

/** The one creator of these tests. */
export const creator = '018f0000-0000-7000-8000-000000000001';

/** A site that has the one-line bubble. */
export function bubbleSite(attributes = ''): string {
  return `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width, initial-scale=1"><title>A site</title><main><h1>A coach's site</h1><button>Before</button></main><script src="/widget.js" data-creator="${creator}" ${attributes} async></script></html>`;
}

/** A site that has the chat in its text. */
export function inlineSite(attributes = ''): string {
  return `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width, initial-scale=1"><title>A site</title><main><h1>Talk to us</h1><companero-chat creator="${creator}" mode="inline" ${attributes}></companero-chat></main><script src="/widget.js" defer></script></html>`;
}

/** An open page and what happened on it. */
export interface Visit {
  page: Page;
  chat: Locator;
  /** Errors, policy violations among them. */
  problems: string[];
  close(): Promise<void>;
}

/** Opens a page of the server in a fresh profile. */
export async function visit(
  browser: Browser,
  server: Pick<WidgetStandIn, 'origin'>,
  path: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Lisbon', reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    // The network is taken away on purpose in these tests; everything else on the console is a fault.
    if (message.type() === 'error' && !/net::ERR|WebSocket connection|Failed to load resource/.test(message.text()))
      problems.push(message.text());
  });
  await page.goto(server.origin + path);
  return { page, chat: page.locator('companero-chat'), problems, close: () => context.close() };
}

/** The texts of the bubbles, from top to bottom. */
export function bubbles(chat: Locator): Promise<string[]> {
  return chat.locator('.bubble').allInnerTexts();
}

/** The conversation of the newest session, once there is one. */
export async function newestConversation(server: WidgetStandIn): Promise<StoredConversation> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const newest = server.conversations.at(-1);
    if (newest !== undefined) return newest;
    if (Date.now() > deadline) throw new Error('Cannot find a conversation: the widget opened no session');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
