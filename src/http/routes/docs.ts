/** /docs: a page to read the OpenAPI document, with nothing loaded from elsewhere. */
import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';
import { serveFiles } from '../static-files.ts';

const file = (name: string) => new URL(name, new URL('../../../web/docs/', import.meta.url));
const files = {
  '/docs': { url: file('docs.html'), type: 'text/html; charset=utf-8' },
  '/docs/docs.css': { url: file('docs.css'), type: 'text/css; charset=utf-8' },
  '/docs/docs.js': { url: file('docs.js'), type: 'text/javascript; charset=utf-8' },
};

/** Mounted at the root. */
export function docsRoutes(): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  serveFiles(routes, files);
  return routes;
}
