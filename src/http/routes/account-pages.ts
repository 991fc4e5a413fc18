/** /account: the page that links in mails lead to, with nothing loaded from elsewhere. */
import { readFile } from 'node:fs/promises';
import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';

const page = { name: 'account.html', type: 'text/html; charset=utf-8' };
const files = {
  '/account/confirm': page,
  '/account/reset': page,
  '/account/join': page,
  '/account/address': page,
  '/account/account.css': { name: 'account.css', type: 'text/css; charset=utf-8' },
  '/account/account.js': { name: 'account.js', type: 'text/javascript; charset=utf-8' },
} as const;

/** Mounted at the root. The token stands behind `#` in the link: browsers keep it to themselves. */
export function accountPagesRoutes(folder = new URL('../../../web/account/', import.meta.url)): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  for (const [path, { name, type }] of Object.entries(files)) {
    let content: Promise<string> | undefined;
    routes.get(path, async (c) => {
      content ??= readFile(new URL(name, folder), 'utf8');
      return c.body(await content, 200, { 'Content-Type': type, 'Cache-Control': 'no-cache' });
    });
  }
  return routes;
}
