/** /api/v1/auth: accounts, tokens and sign-ins of members. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import type { Account, Accounts } from '../../accounts/accounts.ts';
import { EmailAddress } from '../../accounts/email.ts';
import { NewPassword, TriedPassword } from '../../accounts/password-policy.ts';
import type { Session, Sessions, TokenPair } from '../../accounts/sessions.ts';
import type { Member } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import type { SignInLimits } from '../limits.ts';
import { describe } from '../openapi.ts';
import { body, pathId } from '../validate.ts';

const tag = 'auth';
const maxBytes = 16 * 1024;

const DisplayName = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(100));
const Register = v.strictObject({ email: EmailAddress, password: NewPassword, display_name: DisplayName });
const Login = v.strictObject({ email: EmailAddress, password: TriedPassword });
const Refresh = v.strictObject({ refresh_token: v.pipe(v.string(), v.maxLength(4_096)) });
const Profile = v.strictObject({ display_name: DisplayName });
const PasswordChange = v.strictObject({ current_password: TriedPassword, new_password: NewPassword });

const Id = v.pipe(v.string(), v.uuid());
const Time = v.pipe(v.string(), v.isoTimestamp());
const AccountAnswer = v.object({
  creator: v.object({ id: Id, name: v.string() }),
  member: v.object({ id: Id, email: v.string(), display_name: v.string(), role: v.string(), created_at: Time }),
});
const TokenAnswer = v.object({ access_token: v.string(), refresh_token: v.string(), expires_in: v.number() });
const SignInAnswer = v.object({ ...AccountAnswer.entries, ...TokenAnswer.entries });
const SessionAnswer = v.object({
  id: Id,
  current: v.boolean(),
  created_at: Time,
  last_used_at: Time,
  expires_at: Time,
  user_agent: v.nullable(v.string()),
});
const SessionsAnswer = v.object({ items: v.array(SessionAnswer) });

/** What these routes need. */
export interface AuthRoutesDeps {
  accounts: Accounts;
  sessions: Sessions;
  signInLimits: SignInLimits;
  member: Member;
}

/** Mounted under /api/v1/auth. */
export function authRoutes({ accounts, sessions, signInLimits, member }: AuthRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  routes.post(
    '/register',
    describe({
      tag,
      summary: 'Open a workspace and sign in',
      public: true,
      answers: { 201: SignInAnswer },
      errors: ['EMAIL_TAKEN', 'RATE_LIMITED', 'OVERLOADED'],
    }),
    body(Register, maxBytes),
    async (c) => {
      const { email, password, display_name: displayName } = c.req.valid('json');
      await signInLimits.beforeRegister(c.var.address);
      return signedIn(c, await accounts.register({ email, password, displayName }, userAgent(c)), 201);
    },
  );

  routes.post(
    '/login',
    describe({
      tag,
      summary: 'Sign in',
      public: true,
      answers: { 200: SignInAnswer },
      errors: ['UNAUTHENTICATED', 'RATE_LIMITED', 'OVERLOADED'],
    }),
    body(Login, maxBytes),
    async (c) => {
      const given = c.req.valid('json');
      await signInLimits.beforeLogin(c.var.address, given.email);
      const account = await accounts.login(given, userAgent(c));
      await signInLimits.afterLogin(c.var.address, given.email);
      return signedIn(c, account, 200);
    },
  );

  routes.post(
    '/refresh',
    describe({
      tag,
      summary: 'Exchange a refresh token for the next pair',
      public: true,
      answers: { 200: TokenAnswer },
      errors: ['SESSION_ENDED', 'RATE_LIMITED'],
    }),
    body(Refresh, maxBytes),
    async (c) => {
      await signInLimits.beforeRefresh(c.var.address);
      return noStore(c).json(await sessions.refresh(c.req.valid('json').refresh_token));
    },
  );

  routes.post('/logout', describe({ tag, summary: 'End this session', answers: { 204: null } }), member('account.write'), async (c) => {
    const { creatorId, memberId, sid } = c.var.principal;
    await sessions.end(creatorId, memberId, sid);
    return c.body(null, 204);
  });

  routes.get('/me', describe({ tag, summary: 'Who I am', answers: { 200: AccountAnswer } }), member('account.read'), async (c) =>
    c.json(accountAnswer(await accounts.get(c.var.principal))),
  );

  routes.patch(
    '/me',
    describe({ tag, summary: 'Change my name', answers: { 200: AccountAnswer } }),
    member('account.write'),
    body(Profile, maxBytes),
    async (c) => c.json(accountAnswer(await accounts.rename(c.var.principal, c.req.valid('json').display_name))),
  );

  routes.post(
    '/password/change',
    describe({
      tag,
      summary: 'Change my password and end my other sessions',
      answers: { 204: null },
      errors: ['CONFLICT', 'RATE_LIMITED', 'OVERLOADED'],
    }),
    member('account.write'),
    body(PasswordChange, maxBytes),
    async (c) => {
      const { current_password: current, new_password: next } = c.req.valid('json');
      await signInLimits.beforePasswordChange(c.var.principal);
      await accounts.changePassword(c.var.principal, { current, next });
      return c.body(null, 204);
    },
  );

  routes.get(
    '/sessions',
    describe({ tag, summary: 'Where I am signed in', answers: { 200: SessionsAnswer } }),
    member('account.read'),
    async (c) => {
      const { creatorId, memberId, sid } = c.var.principal;
      const items = await sessions.list(creatorId, memberId);
      return c.json({ items: items.map((session) => sessionAnswer(session, sid)) });
    },
  );

  routes.delete(
    '/sessions/:id',
    describe({ tag, summary: 'End one of my sessions', answers: { 204: null }, errors: ['NOT_FOUND'] }),
    member('account.write'),
    async (c) => {
      const { creatorId, memberId } = c.var.principal;
      if (!(await sessions.end(creatorId, memberId, pathId(c)))) throw notFound();
      return c.body(null, 204);
    },
  );

  return routes;
}

function signedIn(c: Context<AppEnv>, account: Account & { tokens: TokenPair }, status: 200 | 201) {
  return noStore(c).json({ ...accountAnswer(account), ...account.tokens }, status);
}

function noStore<C extends Context<AppEnv>>(c: C): C {
  c.header('Cache-Control', 'no-store');
  return c;
}

function accountAnswer({ creator, member }: Account): v.InferOutput<typeof AccountAnswer> {
  const { id, email, displayName, role, createdAt } = member;
  return { creator, member: { id, email, display_name: displayName, role, created_at: createdAt.toISOString() } };
}

function sessionAnswer(session: Session, currentId: string): v.InferOutput<typeof SessionAnswer> {
  const time = (ms: number) => new Date(ms).toISOString();
  return {
    id: session.id,
    current: session.id === currentId,
    created_at: time(session.createdAt),
    last_used_at: time(session.lastUsedAt),
    expires_at: time(session.expiresAt),
    user_agent: session.userAgent,
  };
}

/** Shown in the list of sessions; a header may hold anything, so only printable ASCII is kept. */
function userAgent(c: Context): string | null {
  return (
    c.req
      .header('User-Agent')
      ?.replace(/[^\x20-\x7e]/g, '')
      .slice(0, 200) || null
  );
}
