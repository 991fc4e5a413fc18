/** Turns every failure into the one error shape, with its status and the headers that go with it. */
import type { Context, ErrorHandler, NotFoundHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import * as v from 'valibot';
import type { Clock } from '../clock.ts';
import { AppError, type ErrorBody, errorBody, errorTable } from '../errors.ts';
import type { Log } from '../log.ts';
import type { AppEnv } from './env.ts';

/** The error body as clients see it, for the OpenAPI document. */
export const ErrorAnswer = v.object({
  error: v.object({
    code: v.picklist(Object.keys(errorTable)),
    message: v.string(),
    details: v.record(v.string(), v.unknown()),
    timestamp: v.pipe(v.string(), v.isoTimestamp()),
    request_id: v.string(),
  }),
});

/** The answer for an id that does not exist or belongs to another creator: word for word the same. */
export function notFound(): AppError {
  return new AppError('NOT_FOUND', 'Cannot find what this address names');
}

/** What the client is told of a failure. The log hears of what is our fault, with its cause; of what there is no room for, in one line. */
export function reportedError(error: unknown, requestId: string, { clock, log }: { clock: Pick<Clock, 'wall'>; log: Log }): ErrorBody {
  const body = errorBody(error, requestId, clock.wall());
  const { status } = errorTable[body.code];
  if (error instanceof AppError && error.code === 'OVERLOADED') {
    const { scope } = error.details;
    log.warn('http.refused', { request_id: requestId, code: error.code, ...(typeof scope === 'string' ? { scope } : {}) });
  } else if (status >= 500)
    log.error('http.failed', error instanceof AppError ? (error.cause ?? error) : error, { request_id: requestId, status });
  return body;
}

/** Answers any failure of a route. What is not an AppError becomes INTERNAL: its text goes to the log only. */
export function errorHandler(log: Log, clock: Clock): ErrorHandler<AppEnv> {
  return function answerError(error, c) {
    const body = reportedError(error instanceof HTTPException ? fromHono(error) : error, c.var.requestId, { clock, log });
    const status = errorTable[body.code].status;
    setErrorHeaders(c, status, body.details);
    return c.json({ error: body }, status as ContentfulStatusCode);
  };
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Answers an unknown path with 404 and a known path asked with a wrong method with 405 and `Allow`. */
export function missingRoute(allows: (method: string, path: string) => boolean): NotFoundHandler<AppEnv> {
  return function answerMissing(c) {
    const allowed = methods.filter((method) => allows(method, c.req.path));
    if (allowed.length === 0) throw notFound();
    c.header('Allow', allowed.join(', '));
    throw new AppError('METHOD_NOT_ALLOWED', `Cannot ${JSON.stringify(c.req.method)} this address`);
  };
}

function setErrorHeaders(c: Context, status: number, details: Readonly<Record<string, unknown>>): void {
  if (status === 401) c.header('WWW-Authenticate', 'Bearer');
  const retryAfterMs = details.retry_after_ms;
  if (typeof retryAfterMs === 'number') c.header('Retry-After', String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
}

/** Hono itself throws only for bodies and headers it cannot read. */
function fromHono(error: HTTPException): AppError {
  if (error.status === 413) return new AppError('TOO_LARGE', 'Cannot read a body this large', { cause: error });
  return new AppError('INVALID_INPUT', 'Cannot read the request', { cause: error });
}
