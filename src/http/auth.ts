/** Who asks: middleware that lets in members who may do what a route does, and contacts with a widget session. */
import type { Context, MiddlewareHandler } from 'hono';
import { type Action, allows } from '../accounts/roles.ts';
import type { Standing } from '../accounts/standing.ts';
import type { Tokens } from '../accounts/tokens.ts';
import { AppError } from '../errors.ts';
import type { MemberEnv, WidgetEnv } from './env.ts';

/** Makes the middleware for a route that does `action`. Sets `c.var.principal`, with the role the record gives now. */
export type Member = (action: Action) => MiddlewareHandler<MemberEnv>;

/**
 * The gate of every route for members. Refuses by default.
 *
 * @throws AppError UNAUTHENTICATED no valid access token · SESSION_ENDED the sign-in has ended · FORBIDDEN the role may not
 */
export function memberGate({ tokens, standing }: { tokens: Tokens; standing: Standing }): Member {
  return (action) =>
    async function requireMember(c, next) {
      const claimed = await tokens.verifyAccess(bearer(c));
      const role = await standing.roleOf(claimed.creatorId, claimed.memberId, claimed.sid);
      if (role === null) throw new AppError('SESSION_ENDED', 'Sign in again: this session has ended');
      if (!allows(role, action)) throw new AppError('FORBIDDEN', `Cannot do ${JSON.stringify(action)} as ${JSON.stringify(role)}`);
      c.set('principal', { ...claimed, role });
      c.header('Cache-Control', 'no-store');
      await next();
    };
}

/** The gate of routes for contacts in the widget. @throws AppError UNAUTHENTICATED no valid widget session token */
export function widgetGate(tokens: Tokens): MiddlewareHandler<WidgetEnv> {
  return async function requireWidgetSession(c, next) {
    c.set('principal', await tokens.verifyWidget(bearer(c)));
    c.header('Cache-Control', 'no-store');
    await next();
  };
}

/** The token of `Authorization: Bearer` (RFC 6750 §2.1). @throws AppError UNAUTHENTICATED there is none */
export function bearer(c: Context): string {
  const match = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(c.req.header('Authorization') ?? '');
  if (match?.[1] === undefined) throw new AppError('UNAUTHENTICATED', 'Send an access token as Authorization: Bearer');
  return match[1];
}
