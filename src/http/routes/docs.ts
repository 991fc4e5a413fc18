/** /docs: a page to read the OpenAPI document, with nothing loaded from elsewhere. */
import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';
import { serveFiles } from '../static-files.ts';

const files = {
  '/docs': { name: 'docs.html', type: 'text/html; charset=utf-8' },
  '/docs/docs.css': { name: 'docs.css', type: 'text/css; charset=utf-8' },
  '/docs/docs.js': { name: 'docs.js', type: 'text/javascript; charset=utf-8' },
} as const;

/** Mounted at the root. */
export function docsRoutes(folder = new URL('../../../web/docs/', import.meta.url)): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  serveFiles(
    routes,
    Object.fromEntries(Object.entries(files).map(([path, { name, type }]) => [path, { url: new URL(name, folder), type }])),
  );
  return routes;
}
