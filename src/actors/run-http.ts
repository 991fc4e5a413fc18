/** Runs an `http` effect: one call to a service of the creator, guarded and bounded; only a good status counts. */

import type { CreatorId } from '../ids.ts';
import { plain } from '../programs/plain.ts';
import type { Json } from '../programs/scope.ts';
import { NotPublicError, type PublicFetch } from '../public-fetch.ts';
import { readBounded } from '../read-bounded.ts';
import type { HttpParams } from './conversation.ts';
import type { Conclusion, RunEffect } from './effects.ts';
import type { ConversationKey } from './input.ts';

const mostMs = 10_000;
const mostBytes = 256 * 1024;

/** What the runner of `http` needs. */
export interface HttpRunnerDeps {
  fetch: PublicFetch;
  /** The secret of this name, with the one host it may go to; null when there is none. */
  secretOf(creatorId: CreatorId, name: string): Promise<{ host: string; header: string; value: string } | null>;
  /** Where the service may tell the event of this name, in answer to this call. */
  callbackOf(key: ConversationKey, effectId: string, event: string): string;
}

/** The runner of `http`. A repeated try carries the same `Idempotency-Key`. */
export function httpRunner({ fetch: guardedFetch, secretOf, callbackOf }: HttpRunnerDeps): RunEffect {
  return async ({ key, effectId, params }, signal) => {
    const { url, secret, callback, ...request } = params as HttpParams;
    const found = secret === undefined ? null : await secretOf(key.creatorId, secret);
    if (secret !== undefined && found?.host !== new URL(url).hostname) return failed('the secret is not for this address');
    const own = Object.entries(request.headers ?? {}).filter(([name]) => name.toLowerCase() !== found?.header.toLowerCase());
    const headers = {
      ...Object.fromEntries(own),
      ...(callback === undefined ? {} : { 'companero-callback': callbackOf(key, effectId, callback.slice('EVENT.'.length)) }),
      ...(found ? { [found.header]: found.value } : {}),
    };
    const asked = { ...request, headers };
    try {
      const late = AbortSignal.any([signal, AbortSignal.timeout(mostMs)]);
      return await conclude(await guardedFetch(url, { ...requestOf(asked, effectId), signal: late }));
    } catch (error) {
      if (error instanceof NotPublicError) return failed('the address is not public');
      throw error;
    }
  };
}

const failed = (reason: string): Conclusion => ({ outcome: 'failed', result: { reason } });

function requestOf({ method = 'GET', headers = {}, body }: Pick<HttpParams, 'method' | 'headers' | 'body'>, key: string): RequestInit {
  const isText = typeof body === 'string';
  return {
    method,
    headers: {
      ...(body === undefined || isText ? {} : { 'content-type': 'application/json' }),
      ...headers,
      accept: 'application/json',
      'idempotency-key': key,
    },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
  };
}

async function conclude(response: Response): Promise<Conclusion> {
  const said = await readBounded(response, mostBytes);
  if (said === null) return failed('too large');
  if (!response.ok) return failed(`status ${response.status}`);
  return { outcome: 'done', result: { output: { status: response.status, text: said.slice(0, 4_000), data: dataOf(said) } } };
}

/** What an answer says in JSON, bounded as every value of a program is; null where it is none. */
function dataOf(text: string): Json {
  try {
    return plain(JSON.parse(text));
  } catch {
    // Text that is no JSON, or too much of it, is no data.
    return null;
  }
}
