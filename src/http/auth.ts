/** Who asks: middleware that lets in members who may do what a route does, contacts with a widget session, and operators. */
import type { Context, MiddlewareHandler } from 'hono';
import { type ApiKeys, looksLikeApiKey } from '../accounts/api-keys.ts';
import type { Audit } from '../accounts/audit.ts';
import type { Operators } from '../accounts/operators.ts';
import { type Action, allows, needsRecentProof } from '../accounts/roles.ts';
import type { Standing } from '../accounts/standing.ts';
import type { Tokens } from '../accounts/tokens.ts';
import type { Clock } from '../clock.ts';
import type { Caller, MemberPrincipal } from '../context.ts';
import { AppError } from '../errors.ts';
import type { AppEnv, MemberEnv, OperatorEnv, WidgetEnv } from './env.ts';
import type { Once } from './idempotency.ts';
import type { CountLimit } from './limits.ts';

/** Makes the middleware for a route that does `action`. Sets `c.var.principal`, with the role the record gives now. */
export type Member = (action: Action) => MiddlewareHandler<MemberEnv>;

/** What the gate of members asks. */
export interface MemberGateDeps {
  tokens: Tokens;
  standing: Standing;
  keys: ApiKeys;
  audit: Audit;
  count: CountLimit;
  clock: Clock;
  once: Once;
}

/** How long a proof of the password counts for acts that need a recent one. */
const recentMs = 10 * 60_000;

/** Who a bearer token stands for, and what stands against an act of theirs; null for nothing. */
interface Asker {
  principal: MemberPrincipal;
  objection(action: Action): 'role' | 'scope' | 'stale' | null;
}

/**
 * The gate of every route for members. Refuses by default; each refusal of a known member leaves a row in the audit. Who may pass and has
 * asked the same before, by its Idempotency-Key, gets the first answer.
 *
 * @throws AppError UNAUTHENTICATED no valid access token or key · SESSION_ENDED the sign-in has ended · FORBIDDEN the role or the scopes may
 * not · REAUTH_REQUIRED the password was proved too long ago · RATE_LIMITED
 */
export function memberGate(deps: MemberGateDeps): Member {
  const { audit, count, once } = deps;
  return (action) => {
    async function requireMember(c: Parameters<MiddlewareHandler<MemberEnv>>[0], next: () => Promise<void>): Promise<Response | undefined> {
      const token = bearer(c);
      const { principal, objection } = looksLikeApiKey(token) ? await keyOf(deps, token) : await sessionOf(deps, token);
      await Promise.all([count('api.session', principal.sid, principal.creatorId), count('api.creator', '', principal.creatorId)]);
      const reason = objection(action);
      if (reason !== null) {
        const event = { action: 'access', outcome: 'refused', reason: `${action} ${reason}` } as const;
        await audit.note(principal.creatorId, { caller: callerOf(c), principal }, event);
        throw refusal(reason, action, principal);
      }
      c.set('principal', principal);
      c.header('Cache-Control', 'no-store');
      return once(c, { creatorId: principal.creatorId, id: principal.memberId }, next);
    }
    // In the open, so that the table of roles can be held against every route.
    return Object.assign(requireMember, { action });
  };
}

async function sessionOf({ tokens, standing, clock }: MemberGateDeps, token: string): Promise<Asker> {
  const claimed = await tokens.verifyAccess(token);
  const now = await standing.of(claimed.creatorId, claimed.memberId, claimed.sid);
  if (now === null) throw new AppError('SESSION_ENDED', 'Sign in again: this session has ended');
  return {
    principal: { ...claimed, role: now.role },
    objection(action) {
      if (!allows(now.role, action)) return 'role';
      return needsRecentProof(action) && clock.wall() - now.authenticatedAt > recentMs ? 'stale' : null;
    },
  };
}

async function keyOf({ keys }: MemberGateDeps, token: string): Promise<Asker> {
  const { principal, scopes } = await keys.verify(token);
  return {
    principal,
    objection(action) {
      if (!scopes.includes(action) || needsRecentProof(action)) return 'scope';
      return allows(principal.role, action) ? null : 'role';
    },
  };
}

function refusal(reason: 'role' | 'scope' | 'stale', action: Action, { role }: MemberPrincipal): AppError {
  if (reason === 'stale') return new AppError('REAUTH_REQUIRED', 'Prove the password again, then repeat this');
  if (reason === 'scope') return new AppError('FORBIDDEN', `Cannot do ${JSON.stringify(action)} with this key`);
  return new AppError('FORBIDDEN', `Cannot do ${JSON.stringify(action)} as ${JSON.stringify(role)}`);
}

/** The gate of routes for contacts in the widget. @throws AppError UNAUTHENTICATED no valid widget session token */
export function widgetGate(tokens: Tokens): MiddlewareHandler<WidgetEnv> {
  return async function requireWidgetSession(c, next) {
    c.set('principal', await tokens.verifyWidget(bearer(c)));
    c.header('Cache-Control', 'no-store');
    await next();
  };
}

/** The gate of routes for operators. Sets `c.var.operatorId`. @throws AppError UNAUTHENTICATED · RATE_LIMITED by address */
export function operatorGate(operators: Operators, count: CountLimit): MiddlewareHandler<OperatorEnv> {
  return async function requireOperator(c, next) {
    await count('operator.address', c.var.address);
    c.set('operatorId', await operators.verify(bearer(c, 'the key of an operator')));
    c.header('Cache-Control', 'no-store');
    await next();
  };
}

/** The token of `Authorization: Bearer` (RFC 6750 §2.1). @throws AppError UNAUTHENTICATED there is none, with the words for what it should be */
export function bearer(c: Context, wanted = 'an access token'): string {
  const match = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(c.req.header('Authorization') ?? '');
  if (match?.[1] === undefined) throw new AppError('UNAUTHENTICATED', `Send ${wanted} as Authorization: Bearer`);
  return match[1];
}

/** From where the request came. A header may hold anything, so only printable ASCII of the user agent is kept. */
export function callerOf(c: { req: { header(name: string): string | undefined }; var: AppEnv['Variables'] }): Caller {
  const agent = (c.req.header('User-Agent') ?? '').replace(/[^\x20-\x7e]/g, '').slice(0, 200);
  return { userAgent: agent || null, address: c.var.address, requestId: c.var.requestId };
}
