/** /account: the page that links in mails lead to, with nothing loaded from elsewhere. */
import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';
import { serveFiles } from '../static-files.ts';

const file = (name: string) => new URL(name, new URL('../../../web/account/', import.meta.url));
const page = { url: file('account.html'), type: 'text/html; charset=utf-8' };
const files = {
  '/account/confirm': page,
  '/account/reset': page,
  '/account/join': page,
  '/account/address': page,
  '/account/account.css': { url: file('account.css'), type: 'text/css; charset=utf-8' },
  '/account/account.js': { url: file('account.js'), type: 'text/javascript; charset=utf-8' },
};

/** Mounted at the root. The token stands behind `#` in the link: browsers keep it to themselves. */
export function accountPagesRoutes(): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  serveFiles(routes, files);
  return routes;
}
