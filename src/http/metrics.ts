/** Counts and times requests, by route pattern and status, for Prometheus. */
import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { Histogram } from 'prom-client';
import type { Clock } from '../clock.ts';
import type { AppEnv } from './env.ts';

const name = 'companero_http_request_seconds';

/** Measures every request in the process's default registry. Labels are route patterns, never paths: paths hold ids. */
export function countRequests(clock: Clock): MiddlewareHandler<AppEnv> {
  const seconds = requestSeconds();
  return async function countRequest(c, next) {
    const start = clock.wall();
    await next();
    const route = matchedRoutes(c).findLast((match) => match.method !== 'ALL')?.path ?? 'none';
    seconds.observe({ method: c.req.method, route, status: c.res.status }, (clock.wall() - start) / 1000);
  };
}

let histogram: Histogram<'method' | 'route' | 'status'> | undefined;

/** One histogram in the process, however many apps are made. */
function requestSeconds(): Histogram<'method' | 'route' | 'status'> {
  histogram ??= new Histogram({
    name,
    help: 'Time from request to the beginning of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
  });
  return histogram;
}
