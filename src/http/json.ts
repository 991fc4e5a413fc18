/** Reads JSON that strangers send: capped while it streams, strict UTF-8, bounded depth, and nothing the database or JavaScript would trip over. */
import type { Hash } from 'node:crypto';
import type { Context } from 'hono';
import { AppError } from '../errors.ts';
import { isStorable } from '../storable.ts';

/** The cap of a JSON body where a route names no other, in bytes. */
export const defaultBodyBytes = 1024 * 1024;
const maxDepth = 64;
/** Keys that reach a prototype when a value is merged or assigned carelessly. */
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);

/** The body as it arrives. What is read goes into the request's fingerprint, where somebody asks for one. */
export async function* bodyOf(c: Context): AsyncGenerator<Uint8Array> {
  const fingerprint: Hash | undefined = c.get('fingerprint');
  for await (const chunk of c.req.raw.body ?? []) {
    fingerprint?.update(chunk);
    yield chunk;
  }
}

/**
 * The whole body, read at most one chunk past the cap: a lying Content-Length does not help. The only way to read a body whole.
 *
 * @throws AppError TOO_LARGE more than `maxBytes` bytes
 */
export async function readBytes(c: Context, maxBytes: number): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(pieces(c, maxBytes)));
}

async function* pieces(c: Context, maxBytes: number): AsyncGenerator<Uint8Array> {
  const declared = Number(c.req.header('Content-Length') ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  let size = 0;
  for await (const chunk of bodyOf(c)) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

/**
 * The body as text while it arrives, without a byte order mark.
 *
 * @throws AppError TOO_LARGE more than `maxBytes` bytes · UNSUPPORTED_MEDIA compressed · INVALID_INPUT not UTF-8
 */
export async function* readText(c: Context, maxBytes: number): AsyncGenerator<string> {
  if (c.req.header('Content-Encoding') !== undefined) throw new AppError('UNSUPPORTED_MEDIA', 'Send the body uncompressed');
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (bytes?: Uint8Array) => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch (cause) {
      throw new AppError('INVALID_INPUT', 'Cannot read the body as UTF-8', { cause });
    }
  };
  for await (const piece of pieces(c, maxBytes)) yield decode(piece);
  yield decode();
}

/**
 * The JSON value of the body.
 *
 * @throws AppError UNSUPPORTED_MEDIA not application/json, or compressed · TOO_LARGE · INVALID_INPUT not JSON we accept
 */
export async function readJson(c: Context, maxBytes = defaultBodyBytes): Promise<unknown> {
  const type = (c.req.header('Content-Type') ?? '').toLowerCase();
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/.test(type)) {
    throw new AppError('UNSUPPORTED_MEDIA', 'Send the body as application/json');
  }
  if (c.req.header('Content-Encoding') !== undefined) throw new AppError('UNSUPPORTED_MEDIA', 'Send the body uncompressed');
  return parseJson(await readBytes(c, maxBytes));
}

/**
 * Parses bytes from outside.
 *
 * @throws AppError INVALID_INPUT malformed, invalid UTF-8, deeper than 64, repeated or forbidden keys, NUL, lone surrogates, numbers beyond double
 */
function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('INVALID_INPUT', 'Cannot parse the body as JSON', { cause });
  }
  const shape = measure(text);
  if (shape.depth > maxDepth) throw new AppError('INVALID_INPUT', `Cannot accept JSON nested deeper than ${maxDepth}`);
  if (countMembers(value, '') !== shape.members) throw new AppError('INVALID_INPUT', 'Cannot accept an object that repeats a key');
  return value;
}

/** Depth and number of `key:` pairs of valid JSON text, without recursion. */
function measure(text: string): { depth: number; members: number } {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}:]/g)) {
    if (token === '{' || token === '[') deepest = Math.max(deepest, ++depth);
    else if (token === '}' || token === ']') depth--;
    else if (token === ':') members++;
  }
  return { depth: deepest, members };
}

/** Counts own keys, refusing on the way what must not pass. Fewer than `measure` found means that a key came twice. */
function countMembers(value: unknown, pointer: string): number {
  if (typeof value === 'string') return checkText(value, pointer);
  if (typeof value === 'number' && !Number.isFinite(value)) throw refused(pointer, 'Cannot hold a number this large');
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  for (const [key, child] of Object.entries(value)) {
    const at = `${pointer}/${escapePointer(key)}`;
    if (!Array.isArray(value)) {
      if (forbiddenKeys.has(key)) throw refused(at, `Cannot accept the key ${JSON.stringify(key)}`);
      members += 1 + checkText(key, at);
    }
    members += countMembers(child, at);
  }
  return members;
}

function checkText(text: string, pointer: string): 0 {
  if (!isStorable(text)) throw refused(pointer, 'Cannot accept text with NUL or a lone surrogate');
  return 0;
}

/** One segment of a JSON pointer (RFC 6901 §3). */
export function escapePointer(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}

function refused(pointer: string, message: string): AppError {
  return new AppError('INVALID_INPUT', message, { details: { issues: [{ pointer: pointer.toWellFormed(), message }] } });
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('TOO_LARGE', `Cannot read a body larger than ${maxBytes} bytes`, { details: { max_bytes: maxBytes } });
}
