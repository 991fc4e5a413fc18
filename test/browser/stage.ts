/** What browser tests share: the widget as built, one Chromium a file, and visits that end with their test and may have met no problem. */
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { startWidgetStandIn, type WidgetStandIn } from '../support/widget-stand-in.ts';
import { bubbleSite, inlineSite, launchChromium, strictPolicy, type Visit, visit } from './chromium.ts';

/** How a page is opened: as by a fresh profile unless the options say otherwise. */
export type VisitOptions = Parameters<typeof visit>[3];

/** Builds the widget and starts Chromium for the tests of the file; gives how they open a page of a server. */
export function useBrowser(): (origin: string, path: string, options?: VisitOptions) => Promise<Visit> {
  let browser: Browser;
  const visits: Visit[] = [];
  beforeAll(async () => {
    await build({ configFile: 'web/vite.config.ts' });
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    const problems = visits.flatMap((visited) => visited.problems);
    for (const visited of visits.splice(0)) await visited.close();
    expect(problems).toEqual([]);
  });
  return async (origin, path, options = {}) => {
    const visited = await visit(browser, { origin }, path, options);
    visits.push(visited);
    return visited;
  };
}

/** The stand-in server of a test. */
export interface Stage {
  /** The one of the present test. */
  readonly server: WidgetStandIn;
  open(path: string, options?: VisitOptions): Promise<Visit>;
}

/** A stand-in for each test, with an `/inline` page and pages with a bubble, all of a careful site. */
export function useStage(): Stage {
  let server: WidgetStandIn;
  // Registered first, to run last: the server outlives the pages.
  beforeEach(async () => {
    server = await startWidgetStandIn();
    const headers = { 'content-security-policy': strictPolicy };
    server.pages.set('/inline', { html: inlineSite(), headers });
    for (const path of ['/bubble', '/shop/cart']) server.pages.set(path, { html: bubbleSite(), headers });
  });
  afterEach(() => server.stop());
  const openPage = useBrowser();
  return {
    get server() {
      return server;
    },
    open: (path, options) => openPage(server.origin, path, options),
  };
}
