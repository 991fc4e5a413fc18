/** The whole HTTP edge as a function from Request to Response: what every request passes, then the routes mounted by noun. */
import { Hono } from 'hono';
import type { GetConnInfo } from 'hono/conninfo';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { clientAddress } from './client-address.ts';
import type { AppEnv } from './env.ts';
import { errorHandler, missingRoute } from './errors.ts';
import { countRequests } from './metrics.ts';
import { openApiRoute } from './openapi.ts';
import { securityHeaders } from './security-headers.ts';
import { refuseParameters } from './validate.ts';

/** What the edge itself needs; each group of routes brings its own. */
export interface AppDeps {
  log: Log;
  clock: Clock;
  ids: Ids;
  /** The address of the connection's other end; each runtime has its own way to tell. */
  connInfo: GetConnInfo;
  /** How many proxies in front of us append to X-Forwarded-For truthfully; 0 means that the header is not read. */
  trustedProxyHops: number;
  /** How long a route may take to begin its answer, in milliseconds. Default 30 000. */
  timeLimitMs?: number;
}

/** A group of routes under a path. */
export interface Mount {
  path: string;
  // biome-ignore lint/suspicious/noExplicitAny: a group's environment extends AppEnv in its own way, which Hono's types cannot state
  routes: Hono<any>;
}

/** The app without a port: `app.fetch(request)` answers. Every group of routes is given; nothing else is served. */
export function createApp(deps: AppDeps, mounts: readonly Mount[]): Hono<AppEnv> {
  const { log, clock, ids, connInfo, trustedProxyHops, timeLimitMs = 30_000 } = deps;
  const app = new Hono<AppEnv>();

  app.use(async function identifyRequest(c, next) {
    c.set('requestId', ids.uuid());
    c.set('address', clientAddress(connInfo(c).remote.address, c.req.header('X-Forwarded-For'), trustedProxyHops));
    c.header('X-Request-Id', c.var.requestId);
    await next();
  });
  app.use(securityHeaders());
  app.use(countRequests(clock));
  app.use(async function limitTime(c, next) {
    const late = Promise.withResolvers<never>();
    const cancel = clock.after(timeLimitMs, () => {
      c.set('late', true);
      late.reject(new AppError('UNAVAILABLE', `Cannot answer within ${timeLimitMs} ms`));
    });
    await Promise.race([next(), late.promise]).finally(cancel);
  });

  app.use('/api/v1/*', refuseParameters);

  for (const { path, routes } of mounts) app.route(path, routes);
  openApiRoute(app);

  app.onError(errorHandler(log, clock));
  app.notFound(missingRoute((method, path) => app.router.match(method, path)[0].some(([[, route]]) => route.method !== 'ALL')));
  return app;
}
