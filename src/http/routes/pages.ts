/** The pages a browser opens: the front page at `/`, its style sheet, and the widget's script and words. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { type Context, Hono } from 'hono';
import { AppError } from '../../errors.ts';
import { frontPage } from './front-page.ts';

/** What the pages need from outside. */
export interface PagesDeps {
  /** The creator whose widget the front page shows; null when there is none yet. */
  demoCreatorId: () => Promise<string | null>;
  /** Where browsers reach this server, as in `https://coach.example`. Default: the origin of the request, which is wrong behind a proxy. */
  publicOrigin?: string;
  /** Where `npm run build:web` puts the widget. Default: `dist/web/` of this repository. */
  builtFolder?: URL;
}

interface StaticFile {
  url: URL;
  contentType: string;
  /** Whether pages of other origins load it. */
  shared: boolean;
}

/** Languages of which the widget fetches its words; its script brings the English ones. */
const widgetLanguages = ['ar', 'de', 'es', 'fr', 'he', 'pt'];

const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; media-src 'self' https:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * `GET /`, `GET /page.css`, `GET /widget.js` and `GET /widget/words/{language}.json`, all public. The files carry an ETag of their
 * content and are revalidated on each use, so that a new build reaches every site with its next page view.
 *
 * @throws AppError UNAVAILABLE when the widget has not been built
 */
export function pagesRoutes(deps: PagesDeps): Hono {
  const built = deps.builtFolder ?? new URL('../../../dist/web/', import.meta.url);
  const files: Record<string, StaticFile> = {
    '/widget.js': { url: new URL('widget.js', built), contentType: 'text/javascript; charset=utf-8', shared: true },
    '/page.css': { url: new URL('../../../web/page/page.css', import.meta.url), contentType: 'text/css; charset=utf-8', shared: false },
  };
  for (const language of widgetLanguages) {
    const url = new URL(`../../../web/widget/words/${language}.json`, import.meta.url);
    files[`/widget/words/${language}.json`] = { url, contentType: 'application/json', shared: true };
  }
  const routes = new Hono();
  for (const [path, file] of Object.entries(files)) {
    const read = cachedFile(file.url);
    routes.get(path, async (context) => sendFile(context, file, await read()));
  }
  routes.get('/', async (context) => {
    const creatorId = await deps.demoCreatorId();
    context.header('content-security-policy', contentPolicy);
    // The chat on it takes voice notes and places, once the person allows it.
    context.header('permissions-policy', 'camera=(), geolocation=(self), microphone=(self), payment=()');
    context.header('x-content-type-options', 'nosniff');
    context.header('referrer-policy', 'strict-origin-when-cross-origin');
    context.header('cache-control', 'no-cache');
    return context.html(frontPage({ origin: deps.publicOrigin ?? new URL(context.req.url).origin, creatorId }));
  });
  return routes;
}

interface Representation {
  body: Uint8Array<ArrayBuffer>;
  etag: string;
}

interface FileContent {
  plain: Representation;
  gzipped: Representation;
}

/** Reads a file once and again only after it has changed on disk. */
function cachedFile(url: URL): () => Promise<FileContent> {
  let cached: { changedAt: number; content: FileContent } | undefined;
  return async () => {
    const changedAt = await stat(url).then(
      (file) => file.mtimeMs,
      (cause: unknown) => {
        throw new AppError('UNAVAILABLE', 'Cannot serve this file: run "npm run build:web" first', { cause });
      },
    );
    if (cached?.changedAt === changedAt) return cached.content;
    const body = new Uint8Array(await readFile(url));
    const gzipped = new Uint8Array(gzipSync(body, { level: 9 }));
    const tag = createHash('sha256').update(body).digest('base64url').slice(0, 22);
    cached = { changedAt, content: { plain: { body, etag: `"${tag}"` }, gzipped: { body: gzipped, etag: `"${tag}-gzip"` } } };
    return cached.content;
  };
}

function sendFile(context: Context, file: StaticFile, content: FileContent): Response {
  const isPacked = /\bgzip\b(?!\s*;\s*q=0(?:\.0+)?\s*(?:,|$))/.test(context.req.header('accept-encoding') ?? '');
  const { body, etag } = isPacked ? content.gzipped : content.plain;
  context.header('etag', etag);
  context.header('vary', 'accept-encoding');
  context.header('cache-control', 'no-cache');
  context.header('x-content-type-options', 'nosniff');
  if (file.shared) {
    context.header('access-control-allow-origin', '*');
    context.header('cross-origin-resource-policy', 'cross-origin');
  }
  if (namesTag(context.req.header('if-none-match'), etag)) return context.body(null, 304);
  if (isPacked) context.header('content-encoding', 'gzip');
  return context.body(body, 200, { 'content-type': file.contentType });
}

/** Whether an `If-None-Match` header covers the tag. Proxies that compress make it weak (RFC 9110 §13.1.2). */
function namesTag(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
