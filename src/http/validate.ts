/** Validation at the border: middleware that lets a request through only when its body, query and path are what the route declares. */
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { resolver, uniqueSymbol } from 'hono-openapi';
import * as v from 'valibot';
import { AppError } from '../errors.ts';
import { isUuid } from '../ids.ts';
import { isStorable } from '../storable.ts';
import type { AppEnv } from './env.ts';
import { notFound } from './errors.ts';
import { issueText, type Noun } from './issue-text.ts';
import { defaultBodyBytes, escapePointer, readJson } from './json.ts';

type Schema = v.GenericSchema;

/** What a validated route may ask `c.req.valid(target)` for. */
type Validated<Target extends string, S extends Schema> = {
  in: { [K in Target]: v.InferInput<S> };
  out: { [K in Target]: v.InferOutput<S> };
};

/**
 * Reads a JSON body; the handler gets it from `c.req.valid('json')`. Describes itself to the OpenAPI document.
 *
 * @throws AppError INVALID_INPUT (details.issues: JSON pointers) · TOO_LARGE · UNSUPPORTED_MEDIA
 */
export function body<S extends Schema>(schema: S, maxBytes = defaultBodyBytes): MiddlewareHandler<AppEnv, string, Validated<'json', S>> {
  return described('json', schema, async function readBody(c, next) {
    c.req.addValidatedData('json', parse(schema, await readJson(c, maxBytes)) as object);
    await next();
  });
}

/**
 * Checks the query string; the handler gets it from `c.req.valid('query')`. Unknown and repeated parameters are refused.
 *
 * @throws AppError INVALID_INPUT (details.issues: JSON pointers)
 */
export function query<S extends Schema>(schema: S): MiddlewareHandler<AppEnv, string, Validated<'query', S>> {
  return described('query', schema, async function readQuery(c, next) {
    const given: Record<string, string> = Object.create(null);
    for (const [name, values] of Object.entries(c.req.queries())) {
      if (values.length > 1) throw new AppError('INVALID_INPUT', `Cannot accept the parameter ${JSON.stringify(name)} twice`);
      const value = values[0] ?? '';
      if (!isStorable(name) || !isStorable(value)) throw new AppError('INVALID_INPUT', 'Cannot accept a parameter with NUL');
      given[name] = value;
    }
    c.req.addValidatedData('query', parse(schema, given, 'parameter') as object);
    await next();
  });
}

/** Refuses parameters on routes that declare none. @throws AppError INVALID_INPUT */
export const refuseParameters: MiddlewareHandler<AppEnv> = async (c, next) => {
  const [name] = Object.keys(c.req.query());
  const routes = matchedRoutes(c).filter(({ method }) => method !== 'ALL');
  if (name !== undefined && routes.length > 0 && !routes.some(({ handler }) => declaresQuery(handler))) throw unknownParameter(name);
  await next();
};

function declaresQuery(handler: object): boolean {
  return uniqueSymbol in handler && (handler[uniqueSymbol] as { target?: string }).target === 'query';
}

function unknownParameter(name: string): AppError {
  const message = `Unknown parameter ${JSON.stringify(name.toWellFormed().slice(0, 100))}`;
  return new AppError('INVALID_INPUT', message, { details: { issues: [{ pointer: `/${escapePointer(name.toWellFormed())}`, message }] } });
}

/**
 * A value from outside, as the schema gives it.
 *
 * @throws AppError INVALID_INPUT with `details.issues`: `[{pointer, message}]`, at most 20
 */
export function parse<S extends Schema>(schema: S, value: unknown, noun: Noun = 'key'): v.InferOutput<S> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issues = result.issues.slice(0, 20).map((issue) => ({ pointer: pointerOf(issue), message: issueText(issue, noun) }));
  throw new AppError('INVALID_INPUT', 'Cannot accept the request as it is', { details: { issues } });
}

/** The id in the path. @throws AppError NOT_FOUND when it is no UUID: as for an id that does not exist */
export function pathId<Id extends string>(c: Context, name = 'id'): Id {
  const value = c.req.param(name) ?? '';
  if (!isUuid(value)) throw notFound();
  return value as Id;
}

/** A counted thing in the path, from 1. @throws AppError NOT_FOUND when it is no such number */
export function pathNumber(c: Context, name: string): number {
  const value = c.req.param(name) ?? '';
  if (!/^[1-9]\d{0,8}$/.test(value)) throw notFound();
  return Number(value);
}

function pointerOf(issue: v.BaseIssue<unknown>): string {
  return (issue.path ?? []).map((item) => `/${escapePointer(String(item.key))}`).join('');
}

/** hono-openapi reads the schema of a middleware from this symbol. */
function described<Target extends 'json' | 'query', S extends Schema>(
  target: Target,
  schema: S,
  handler: MiddlewareHandler<AppEnv>,
): MiddlewareHandler<AppEnv, string, Validated<Target, S>> {
  return Object.assign(handler, { [uniqueSymbol]: { target, ...resolver(schema) } }) as MiddlewareHandler<
    AppEnv,
    string,
    Validated<Target, S>
  >;
}
