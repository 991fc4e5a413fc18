/** `/c/{creator_id}`: a page with nothing but a creator's chat, for those without a site, and for notices of messages while it is closed. */
import { Hono } from 'hono';
import { html, raw } from 'hono/html';
import type { WidgetConfig } from '../../channels/widget-settings.ts';
import type { CreatorId } from '../../ids.ts';
import { setChatPageHeaders } from '../chat-page-headers.ts';
import type { AppEnv } from '../env.ts';
import { serveFiles } from '../static-files.ts';
import { pathId } from '../validate.ts';

const folder = new URL('../../../web/chat/', import.meta.url);

/** What the page needs. */
export interface ChatPageDeps {
  /** @throws AppError NOT_FOUND no such creator */
  configOf(creatorId: CreatorId): Promise<WidgetConfig>;
}

/** To be mounted at the root. The worker stands under `/c/`, so that it serves these pages and no other. */
export function chatPageRoutes({ configOf }: ChatPageDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  serveFiles(routes, {
    '/c/chat.css': { url: new URL('chat.css', folder), type: 'text/css; charset=utf-8' },
    '/c/chat.js': { url: new URL('chat.js', folder), type: 'text/javascript; charset=utf-8' },
    '/c/worker.js': { url: new URL('worker.js', folder), type: 'text/javascript; charset=utf-8' },
  });

  routes.get('/c/:creator_id', async (c) => {
    const creatorId = pathId<CreatorId>(c, 'creator_id');
    const config = await configOf(creatorId);
    setChatPageHeaders(c);
    return c.html(chatPage(creatorId, config));
  });

  // A phone keeps the page on its home screen by this; iOS tells of messages only then.
  routes.get('/c/:creator_id/manifest.json', async (c) => {
    const creatorId = pathId<CreatorId>(c, 'creator_id');
    const { texts, avatar } = await configOf(creatorId);
    c.header('Cache-Control', 'no-cache');
    c.header('Content-Type', 'application/manifest+json');
    const icons = avatar === '' ? [] : [{ src: avatar, sizes: 'any' }];
    const page = `/c/${creatorId}`;
    return c.body(JSON.stringify({ id: page, start_url: page, scope: page, name: texts.title || 'Chat', display: 'standalone', icons }));
  });
  return routes;
}

/** The page. Values are escaped; there is no inline script or style. */
function chatPage(creatorId: CreatorId, { texts, theme }: WidgetConfig) {
  return html`${raw('<!doctype html>')}
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content">
    <meta name="color-scheme" content="${theme.scheme === 'auto' ? 'light dark' : theme.scheme}">
    <title>${texts.title || 'Chat'}</title>
    <link rel="icon" href="data:,">
    <link rel="manifest" href="/c/${creatorId}/manifest.json">
    <link rel="stylesheet" href="/c/chat.css">
  </head>
  <body>
    <main>
      <h1>${texts.title || 'Chat'}</h1>
      <p class="notices"><button type="button" id="notify" aria-pressed="false" hidden></button></p>
      <companero-chat creator="${creatorId}" mode="inline"></companero-chat>
      <noscript><p>The chat needs JavaScript.</p></noscript>
    </main>
    <script src="/widget.js" defer></script>
    <script src="/c/chat.js" defer></script>
  </body>
</html>`;
}
