/** One HTTP call to a provider: bounded in time and size, no redirects, and a plain word for what went wrong. */

import { writtenForm } from '../form-body.ts';
import { collectBounded, readBounded } from '../read-bounded.ts';
import type { OutgoingFile } from './channel.ts';

/** What came back. `down`: it was surely not taken. `unknown`: it may have been. `retryAfterMs` is null where the answer named no time. */
export type ProviderAnswer =
  | { got: 'answer'; status: number; body: unknown; retryAfterMs: number | null }
  | { got: 'down' }
  | { got: 'unknown'; reason: string };

/** `fetch`, or what stands for it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How long a provider may take, in milliseconds, and how much it may say, in bytes. */
const mostMs = 10_000;
const mostUploadMs = 60_000;
const mostBytes = 1024 * 1024;
/** A longer pause, in seconds, is a mistake. */
const mostRetryAfter = 86_400;

/** Failures before anything was sent (Node's `error.cause.code`). */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT']);

/**
 * Calls once. The URL may hold a token, so that no failure repeats it.
 *
 * @throws the signal's reason
 */
export async function callProvider(
  fetch: Fetch,
  url: string,
  init: RequestInit,
  signal: AbortSignal,
  withinMs = mostMs,
): Promise<ProviderAnswer> {
  const late = AbortSignal.timeout(withinMs);
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.any([signal, late]) });
    const retryAfter = Number(response.headers.get('Retry-After') ?? Number.NaN);
    const retryAfterMs = retryAfter >= 0 ? Math.min(retryAfter, mostRetryAfter) * 1000 : null;
    return { got: 'answer', status: response.status, body: await readBody(response), retryAfterMs };
  } catch (error) {
    signal.throwIfAborted();
    if (isNeverSent(error)) return { got: 'down' };
    return { got: 'unknown', reason: late.aborted ? 'timeout' : 'connection lost' };
  }
}

/**
 * Fetches a file of `maxBytes` at most; null for anything else. The URL may hold a token.
 *
 * @throws the signal's reason, or a failure of the network
 */
export async function downloadFile(
  fetch: Fetch,
  url: string,
  { headers, maxBytes, signal }: { headers: Readonly<Record<string, string>>; maxBytes: number; signal: AbortSignal },
): Promise<Uint8Array | null> {
  const response = await fetch(url, { headers: { ...headers }, redirect: 'error', signal });
  return response.ok ? collectBounded(response.body, maxBytes) : null;
}

/** A POST of JSON. @throws the signal's reason */
export function postJson(
  fetch: Fetch,
  url: string,
  value: unknown,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ProviderAnswer> {
  return postText(fetch, url, JSON.stringify(value), headers, signal);
}

/** A POST of JSON that is text already, because it was signed. @throws the signal's reason */
export function postText(
  fetch: Fetch,
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ProviderAnswer> {
  return callProvider(fetch, url, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body }, signal);
}

/** A POST of a form with a file in it: it may take longer. @throws the signal's reason */
export async function postForm(
  fetch: Fetch,
  url: string,
  {
    fields,
    file,
  }: { fields: Readonly<Record<string, unknown>>; file: { field: string } & Pick<OutgoingFile, 'name' | 'type' | 'content'> },
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ProviderAnswer> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  form.set(file.field, new Blob([new Uint8Array(file.content)], { type: file.type }), file.name);
  const { body, contentType } = await writtenForm(form);
  return callProvider(fetch, url, { method: 'POST', headers: { ...headers, 'Content-Type': contentType }, body }, signal, mostUploadMs);
}

/** Deno tells a refused connection in words only. */
function isNeverSent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return neverSent.has(code) || (error instanceof Error && /dns error|connection refused/i.test(error.message));
}

/** The body as JSON; null when it is none, or too long to be an answer of a provider. */
async function readBody(response: Response): Promise<unknown> {
  const text = await readBounded(response, mostBytes);
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    // A proxy's page in place of an answer: the status alone counts.
    return null;
  }
}
