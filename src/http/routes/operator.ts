/** /api/v1/operator: what the operator of the installation may do to workspaces, by a key made on its machine. */
import { Hono, type MiddlewareHandler } from 'hono';
import * as v from 'valibot';
import type { Operators } from '../../accounts/operators.ts';
import { callerOf } from '../auth.ts';
import type { OperatorEnv } from '../env.ts';
import { describe } from '../openapi.ts';
import { body, pathId } from '../validate.ts';

const Suspension = v.strictObject({ suspended: v.boolean() });

/** Mounted under /api/v1/operator. */
export function operatorRoutes({
  operators,
  operator,
}: {
  operators: Operators;
  operator: MiddlewareHandler<OperatorEnv>;
}): Hono<OperatorEnv> {
  const routes = new Hono<OperatorEnv>();
  routes.put(
    '/creators/:id/suspension',
    describe({
      tag: 'operator',
      summary: 'Suspend a workspace, or let it work again',
      description: 'Ends its sign-ins and sockets at once; its timers, effects and deliveries wait. Needs the key of an operator.',
      answers: { 204: null },
      errors: ['NOT_FOUND', 'RATE_LIMITED'],
    }),
    operator,
    body(Suspension, 1024),
    async (c) => {
      await operators.suspend(c.var.operatorId, pathId(c), c.req.valid('json').suspended, callerOf(c));
      return c.body(null, 204);
    },
  );
  return routes;
}
