/** The OpenAPI 3.1 document, made from the schemas the routes validate with. */
import { toJsonSchema } from '@valibot/to-json-schema';
import type { Hono, MiddlewareHandler } from 'hono';
import { describeRoute, generateSpecs, resolver } from 'hono-openapi';
import type { GenericSchema } from 'valibot';
import { type ErrorCode, errorTable } from '../errors.ts';
import type { AppEnv } from './env.ts';
import { ErrorAnswer } from './errors.ts';
import { idempotentRoutes } from './idempotent-routes.ts';

/** What a route says about itself. */
export interface Operation {
  tag: string;
  /** One line, imperative. */
  summary: string;
  description?: string;
  /** Whether anybody may call it. Without, the caller needs a Bearer token. */
  public?: true;
  /** Status → schema of the JSON answer, or null for an answer without a body. */
  answers: Readonly<Record<number, GenericSchema | null>>;
  /** Status → media types in which the answer comes instead, some of them only when asked for. */
  forms?: Readonly<Record<number, readonly string[]>>;
  /** Headers that must be sent, with what they say. */
  headers?: Readonly<Record<string, string>>;
  /** Error codes beyond those every route may give. */
  errors?: readonly ErrorCode[];
}

const everyRoute: readonly ErrorCode[] = ['INVALID_INPUT', 'INTERNAL', 'UNAVAILABLE'];
/** What may be said against any JSON body. */
const everyBody: readonly ErrorCode[] = ['TOO_LARGE', 'UNSUPPORTED_MEDIA'];

/** Describes a route to the OpenAPI document. Bodies and queries describe themselves. */
export function describe(operation: Operation): MiddlewareHandler {
  const protectedErrors: readonly ErrorCode[] = operation.public ? [] : ['UNAUTHENTICATED', 'FORBIDDEN', 'RATE_LIMITED'];
  return describeRoute({
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    security: operation.public ? [] : [{ bearer: [] }],
    ...(operation.headers === undefined ? {} : { parameters: headersOf(operation.headers) }),
    responses: { ...answersOf(operation), ...errorsOf([...everyRoute, ...protectedErrors, ...(operation.errors ?? [])]) },
  });
}

const errorSchema: object = toJsonSchema(ErrorAnswer, { typeMode: 'output' });

/** Serves the document of the app at /openapi.json. Must come after all routes. */
export function openApiRoute(app: Hono<AppEnv>): void {
  let made: Promise<object> | undefined;
  app.get('/openapi.json', async (c) => {
    made ??= generateSpecs(app, { documentation, excludeStaticFile: false, defaultValidationErrorResponse: false }).then(completed);
    return c.json(await made);
  });
}

const documentation = {
  openapi: '3.1.0',
  info: {
    title: 'Compañero',
    version: '1',
    description: 'Conversations for proactive coaching: programs, contacts, documents, channels.',
  },
  servers: [{ url: '/' }],
  components: {
    schemas: { Error: errorSchema },
    securitySchemes: { bearer: { type: 'http' as const, scheme: 'bearer', bearerFormat: 'JWT' } },
  },
};

const idempotencyHeader = {
  in: 'header',
  name: 'Idempotency-Key',
  description:
    'A name of your own for this request. The same request under the same name is done once: within a day it gets the first answer again, ' +
    'with `Idempotency-Replayed: true`. Another request under that name answers 409.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
};

type Document = Awaited<ReturnType<typeof generateSpecs>>;
/** What is read and added to here of an operation of the document. */
interface Described {
  parameters?: readonly object[];
  requestBody?: object;
  responses?: object;
}

/** Adds what follows from the list of idempotent routes, and from taking a body. */
function completed(document: Document): object {
  const paths = Object.entries(document.paths).map(([path, item]) => {
    const operations = Object.entries(item as Record<string, Described>).map(([method, operation]) => [
      method,
      withBodyErrors(method === 'post' && idempotentRoutes.has(path) ? withKey(operation) : operation),
    ]);
    return [path, Object.fromEntries(operations)];
  });
  return { ...document, paths: Object.fromEntries(paths) };
}

function withKey(operation: Described): Described {
  const { parameters = [], responses } = operation;
  return { ...operation, parameters: [...parameters, idempotencyHeader], responses: { ...errorsOf(['CONFLICT']), ...responses } };
}

function withBodyErrors(operation: Described): Described {
  return operation.requestBody === undefined ? operation : { ...operation, responses: { ...errorsOf(everyBody), ...operation.responses } };
}

function headersOf(headers: Readonly<Record<string, string>>) {
  return Object.entries(headers).map(([name, description]) => ({
    in: 'header' as const,
    name,
    description,
    required: true,
    schema: { type: 'string' as const },
  }));
}

function answersOf({ answers, forms = {} }: Operation) {
  return Object.fromEntries(
    Object.entries(answers).map(([status, schema]) => {
      const content = {
        ...(schema === null ? {} : { 'application/json': { schema: resolver(schema) } }),
        ...Object.fromEntries((forms[Number(status)] ?? []).map((type) => [type, { schema: { type: 'string' as const } }])),
      };
      return [status, { description: 'Done', ...(Object.keys(content).length === 0 ? {} : { content }) }];
    }),
  );
}

function errorsOf(codes: readonly ErrorCode[]) {
  const byStatus = Map.groupBy(codes, (code) => errorTable[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      { description: [...new Set(group)].join(', '), content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
    ]),
  );
}
