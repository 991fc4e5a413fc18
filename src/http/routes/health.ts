/** Whether the server is alive, ready and how it does: for load balancers, orchestrators and Prometheus. */
import { Hono } from 'hono';
import { register } from 'prom-client';
import * as v from 'valibot';
import type { AppEnv } from '../env.ts';
import { describe } from '../openapi.ts';

const tag = 'health';
const Alive = v.object({ status: v.literal('ok') });
const PartStatus = v.picklist(['ok', 'down']);
const Ready = v.object({ status: PartStatus, parts: v.record(v.string(), PartStatus) });

/** A part of the server and how to ask whether it works: resolves when it does. `needed` ones make the server not ready. */
export interface Part {
  needed: boolean;
  check(): Promise<unknown>;
}

/** What each part of the API depends on, by the names of `parts`. */
export interface HealthRoutesDeps {
  parts: Readonly<Record<string, Part>>;
  groups: Readonly<Record<'auth' | 'creators' | 'ai' | 'channels', readonly string[]>>;
  /** A part that takes longer counts as down, in milliseconds. Default 2 000. */
  partTimeoutMs?: number;
}

/** Mounted at the root. */
export function healthRoutes({ parts, groups, partTimeoutMs = 2_000 }: HealthRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  async function ready(names: readonly string[]) {
    const checked = await Promise.all(names.map(async (name) => [name, await statusOf(parts[name], partTimeoutMs)] as const));
    const down = checked.some(([name, status]) => status === 'down' && parts[name]?.needed !== false);
    return {
      answer: { status: down ? 'down' : 'ok', parts: Object.fromEntries(checked) } as v.InferOutput<typeof Ready>,
      code: down ? 503 : 200,
    } as const;
  }

  routes.get('/health', describe({ tag, summary: 'Whether the process is alive', public: true, answers: { 200: Alive } }), (c) =>
    c.json({ status: 'ok' as const }),
  );

  routes.get(
    '/ready',
    describe({ tag, summary: 'Whether every needed part works', public: true, answers: { 200: Ready, 503: Ready } }),
    async (c) => {
      const { answer, code } = await ready(Object.keys(parts));
      return c.json(answer, code);
    },
  );

  for (const [group, names] of Object.entries(groups)) {
    routes.get(
      `/api/v1/${group}/health`,
      describe({ tag, summary: `Whether the parts behind ${group} work`, public: true, answers: { 200: Ready, 503: Ready } }),
      async (c) => {
        const { answer, code } = await ready(names);
        return c.json(answer, code);
      },
    );
  }

  routes.get(
    '/metrics',
    describe({
      tag,
      summary: 'Measurements for Prometheus, as text',
      public: true,
      answers: { 200: null },
      forms: { 200: ['text/plain'] },
    }),
    async (c) => {
      c.header('Content-Type', register.contentType);
      return c.body(await register.metrics());
    },
  );

  return routes;
}

async function statusOf(part: Part | undefined, timeoutMs: number): Promise<'ok' | 'down'> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('late')), timeoutMs);
  try {
    await Promise.race([part?.check(), late.promise]);
    return 'ok';
  } catch {
    // The answer says which part is down; why is in that part's own log lines.
    return 'down';
  } finally {
    clearTimeout(timer);
  }
}
