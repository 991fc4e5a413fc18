/** /docs: a page to read the OpenAPI document, with nothing loaded from elsewhere. */
import { readFile } from 'node:fs/promises';
import { Hono } from 'hono';
import type { AppEnv } from '../env.ts';

const files = {
  '/docs': { name: 'docs.html', type: 'text/html; charset=utf-8' },
  '/docs/docs.css': { name: 'docs.css', type: 'text/css; charset=utf-8' },
  '/docs/docs.js': { name: 'docs.js', type: 'text/javascript; charset=utf-8' },
} as const;

/** Mounted at the root. */
export function docsRoutes(folder = new URL('../../../web/docs/', import.meta.url)): Hono<AppEnv> {
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
