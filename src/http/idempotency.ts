/** `Idempotency-Key`: the caller's name for what it asks, so that asking twice does it once and gives the first answer again. */
import { createHash, type Hash } from 'node:crypto';
import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Clock } from '../clock.ts';
import type { Database, Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import { type CreatorId, isUuid } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Seal } from '../seal.ts';
import { claimName, type EarlierRequest, keepAnswer, lapseName, type RequestName, releaseName } from '../store/idempotency-keys.ts';
import type { AppEnv } from './env.ts';
import { idempotentRoutes } from './idempotent-routes.ts';
import { bodyOf } from './json.ts';
import { isUpload, receiveUpload } from './multipart.ts';

/** A first request is answered within moments, mostly. */
const retryAfterMs = 1_000;
/** What strangers name by themselves must be unguessable: 22 characters of base64url are 131 bits. */
const leastStrangersKey = 22;
/** A repeated body is only hashed, piece by piece; the route has refused what is larger the first time. */
const maxRepeatedBytes = 1024 ** 3;
/** Headers that belong to the answer, beside its status. */
const keptHeaders = ['Content-Type', 'ETag'] as const;

/** Who asks. `id` is '' for a stranger. */
export interface Asker {
  creatorId: CreatorId;
  id: string;
}

/**
 * Goes on with the request, or gives the answer that the same request got before. Only on routes of `idempotentRoutes`, and with the header.
 *
 * @throws AppError INVALID_INPUT a key that is none · CONFLICT the key was used for another request, or its request is under way
 * (details.retry_after_ms), or its answer is not kept
 */
export type Once = (c: Context, asker: Asker, next: () => Promise<void>) => Promise<Response | undefined>;

/** The header's value; undefined when absent. @throws AppError INVALID_INPUT not 1 to 255 visible ASCII characters */
export function idempotencyKey(c: Context): string | undefined {
  const key = c.req.header('Idempotency-Key');
  if (key === undefined || /^[\x21-\x7e]{1,255}$/.test(key)) return key;
  throw new AppError('INVALID_INPUT', 'Send an Idempotency-Key of 1 to 255 visible ASCII characters');
}

/**
 * The id of what is asked: the X-Request-Id of the first try that came with this key, within a day. What the route makes is named by it, so
 * that a try after one that was cut off finds it made.
 */
export function askedId<Env extends AppEnv>(c: Context<Env>): string {
  return c.get('firstRequestId') ?? c.get('requestId');
}

/** Answers stay sealed on record: some hold secrets that are shown once. */
export function createOnce({ database: db, seal, clock, log }: { database: Database; seal: Seal; clock: Clock; log: Log }): Once {
  return async function once(c, asker, next) {
    const key = idempotencyKey(c);
    const route = routeOf(c);
    if (key === undefined || route === null) {
      await next();
      return undefined;
    }
    if (asker.id === '' && key.length < leastStrangersKey) {
      throw new AppError('INVALID_INPUT', `Send a random Idempotency-Key of at least ${leastStrangersKey} characters here`);
    }
    const name: RequestName = { creatorId: asker.creatorId, route, asker: asker.id, key };
    const asked = { requestId: c.get('requestId'), conversationId: conversationOf(c, route) };
    const found = await db.tenant(name.creatorId, (sql) => claimName(sql, name, asked, clock.wall()));
    if (!('requestId' in found)) return again(c, name, found);
    c.set('firstRequestId', found.requestId);
    return first(c, name, next);
  };

  async function first(c: Context, name: RequestName, next: () => Promise<void>): Promise<undefined> {
    const fingerprint = beginFingerprint(c);
    await next();
    try {
      if (c.res.status >= 400 && !c.get('late')) return void (await db.tenant(name.creatorId, (sql) => giveFree(sql, name, c.res.status)));
      if (!isUpload(c) && !c.req.raw.bodyUsed) await drain(bodyOf(c));
      const kept = {
        fingerprint: fingerprint.digest('base64url'),
        status: c.res.status,
        // What went on after its time is done or is not, and its answer is lost.
        sealed_answer: c.get('late') ? null : await seal.seal(JSON.stringify(await answerOf(c.res)), contextOf(name)),
      };
      await db.tenant(name.creatorId, (sql) => keepAnswer(sql, name, kept));
    } catch (error) {
      // It was done: the caller is told so, and a repetition waits until the claim lapses.
      log.error('idempotency.not_kept', error, { creator_id: name.creatorId, request_id: c.get('requestId') });
    }
  }

  /** What was refused did nothing; what failed may have, and its reply was lost. Either may be asked again under the same key. */
  function giveFree(sql: Sql, name: RequestName, status: number): Promise<void> {
    return status < 500 ? releaseName(sql, name) : lapseName(sql, name, clock.wall());
  }

  async function again(c: Context, name: RequestName, { fingerprint, status, sealed_answer }: EarlierRequest): Promise<Response> {
    if (status === null) {
      throw new AppError('CONFLICT', 'Ask again shortly: the first request with this Idempotency-Key is under way', {
        details: { retry_after_ms: retryAfterMs },
      });
    }
    const asked = beginFingerprint(c);
    if (isUpload(c)) await receiveUpload(c, maxRepeatedBytes, async ({ content, fields }) => drain(content).then(fields));
    else await drain(bodyOf(c));
    if (asked.digest('base64url') !== fingerprint) {
      throw new AppError('CONFLICT', `Choose another Idempotency-Key: ${JSON.stringify(name.key)} was used for another request`);
    }
    const { body, headers } = JSON.parse(await opened(sealed_answer ?? '', contextOf(name))) as Answer;
    for (const [header, value] of headers) c.header(header, value);
    c.header('Idempotency-Replayed', 'true');
    return body === '' ? c.body(null, status as 204) : c.body(body, status as ContentfulStatusCode);
  }

  /** What was lost cannot be opened, nor what was sealed under a master key that has gone since. */
  async function opened(sealed: string, context: string): Promise<string> {
    try {
      return await seal.open(sealed, context);
    } catch (cause) {
      const message = 'Look for what the first request with this Idempotency-Key made: its answer is not kept';
      throw new AppError('CONFLICT', message, { cause });
    }
  }
}

interface Answer {
  body: string;
  headers: [string, string][];
}

/** The pattern of the route as OpenAPI writes it; null when the route takes no keys. */
function routeOf(c: Context): string | null {
  const pattern = matchedRoutes(c).findLast(({ method }) => method === 'POST')?.path;
  const route = pattern?.replaceAll(/:(\w+)/g, '{$1}') ?? '';
  return c.req.method === 'POST' && idempotentRoutes.has(route) ? route : null;
}

function conversationOf(c: Context, route: string): string | null {
  const id = route.includes('/conversations/{id}') ? c.req.param('id') : undefined;
  return id !== undefined && isUuid(id) ? id : null;
}

/** Begins with method, path and query; whoever reads the body adds to it. */
function beginFingerprint(c: Context): Hash {
  const { pathname, search } = new URL(c.req.url);
  const fingerprint = createHash('sha256').update(`${c.req.method} ${pathname}${search}\n`);
  c.set('fingerprint', fingerprint);
  return fingerprint;
}

function contextOf({ creatorId, route, asker, key }: RequestName): string {
  return `idempotency:${JSON.stringify([creatorId, route, asker, key])}`;
}

async function answerOf(response: Response): Promise<Answer> {
  const headers = keptHeaders.flatMap((name): [string, string][] => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return { body: await response.clone().text(), headers };
}

async function drain(content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of content);
}
