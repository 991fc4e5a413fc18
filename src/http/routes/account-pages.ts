/** /account: the page that links in mails lead to, with nothing loaded from elsewhere. */
import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';
import { serveFiles } from '../static-files.ts';

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
  serveFiles(
    routes,
    Object.fromEntries(Object.entries(files).map(([path, { name, type }]) => [path, { url: new URL(name, folder), type }])),
  );
  return routes;
}
