/** `Idempotency-Key`: the caller's name for what it asks, so that asking twice does it once. */
import type { Context } from 'hono';
import { AppError } from '../errors.ts';

/** The header's value; undefined when absent. @throws AppError INVALID_INPUT not 1 to 200 visible ASCII characters */
export function idempotencyKey(c: Context): string | undefined {
  const key = c.req.header('Idempotency-Key');
  if (key === undefined || /^[\x21-\x7e]{1,200}$/.test(key)) return key;
  throw new AppError('INVALID_INPUT', 'Send an Idempotency-Key of 1 to 200 visible ASCII characters');
}
