/** Files of this server as browsers ask for them: revalidated by a tag of their content on each use, so that a new build reaches every page view. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { Context, Hono } from 'hono';
import { AppError } from '../errors.ts';
import type { AppEnv } from './env.ts';

/** A file on disk. */
export interface StaticFile {
  url: URL;
  /** The `Content-Type`. */
  type: string;
  /** Whether pages of other origins load it. */
  shared?: boolean;
}

/**
 * Answers each path with its file.
 *
 * @throws AppError UNAVAILABLE when a file has not been built
 */
export function serveFiles(routes: Hono<AppEnv>, files: Readonly<Record<string, StaticFile>>): void {
  for (const [path, file] of Object.entries(files)) {
    const read = cachedFile(file.url);
    routes.get(path, async (c) => sendFile(c, file, await read()));
  }
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
  if (file.shared) {
    context.header('access-control-allow-origin', '*');
    context.header('cross-origin-resource-policy', 'cross-origin');
  }
  if (namesTag(context.req.header('if-none-match'), etag)) return context.body(null, 304);
  if (isPacked) context.header('content-encoding', 'gzip');
  return context.body(body, 200, { 'content-type': file.type });
}

/** Whether an `If-None-Match` header covers the tag. Proxies that compress make it weak (RFC 9110 §13.1.2). */
function namesTag(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
