/** /api/v1/auth: accounts, tokens and sign-ins of members. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import type { Account, Accounts, SignedIn } from '../../accounts/accounts.ts';
import { EmailAddress } from '../../accounts/email.ts';
import { NewPassword, TriedPassword } from '../../accounts/password-policy.ts';
import type { Recovery } from '../../accounts/recovery.ts';
import type { Session, Sessions } from '../../accounts/sessions.ts';
import type { Tokens } from '../../accounts/tokens.ts';
import { AppError } from '../../errors.ts';
import { bearer, callerOf, type Member } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import type { SignInLimits } from '../limits.ts';
import { describe } from '../openapi.ts';
import { PageQuery, pageOf, pageOfFew } from '../pagination.ts';
import { body, pathId, query } from '../validate.ts';

const tag = 'auth';
const maxBytes = 16 * 1024;

const DisplayName = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(100));
const Register = v.strictObject({ email: EmailAddress, password: NewPassword, display_name: DisplayName });
const Login = v.strictObject({ email: EmailAddress, password: TriedPassword });
const Refresh = v.strictObject({ refresh_token: v.pipe(v.string(), v.maxLength(4_096)) });
const Profile = v.strictObject({ display_name: DisplayName });
const MailToken = v.pipe(v.string(), v.maxLength(200));
const Confirm = v.strictObject({ token: MailToken, password: TriedPassword });
const Forgot = v.strictObject({ email: EmailAddress });
const Reset = v.strictObject({ token: MailToken, password: NewPassword });
const Proof = v.strictObject({ password: TriedPassword });
const PasswordChange = v.strictObject({ current_password: TriedPassword, new_password: NewPassword });

const Id = v.pipe(v.string(), v.uuid());
const Time = v.pipe(v.string(), v.isoTimestamp());
const AccountAnswer = v.object({
  creator: v.object({ id: Id, name: v.string() }),
  member: v.object({ id: Id, email: v.string(), display_name: v.string(), role: v.string(), created_at: Time }),
});
const TokenAnswer = v.object({ access_token: v.string(), refresh_token: v.string(), expires_in: v.number() });
const SignInAnswer = v.object({ ...AccountAnswer.entries, ...TokenAnswer.entries });
const ByMail = v.object({ status: v.literal('check_mail') });
const byMail = { status: 'check_mail' } as const;
const SessionAnswer = v.object({
  id: Id,
  current: v.boolean(),
  created_at: Time,
  last_used_at: Time,
  expires_at: Time,
  user_agent: v.nullable(v.string()),
});

/** What these routes need. */
export interface AuthRoutesDeps {
  accounts: Accounts;
  recovery: Recovery;
  sessions: Sessions;
  tokens: Tokens;
  signInLimits: SignInLimits;
  member: Member;
}

/** Mounted under /api/v1/auth. */
export function authRoutes({ accounts, recovery, sessions, tokens, signInLimits, member }: AuthRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  /** Who signs in anew while holding a session lets go of that one. A token that is no longer good is nothing to end. */
  async function endPresented(c: Context<AppEnv>): Promise<void> {
    if (c.req.header('Authorization') === undefined) return;
    try {
      const presented = await tokens.verifyAccess(bearer(c));
      await sessions.end(presented, presented.sid, callerOf(c));
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'UNAUTHENTICATED')) throw error;
    }
  }

  routes.post(
    '/register',
    describe({
      tag,
      summary: 'Open a workspace and sign in',
      description: 'Where mail can be sent the answer is 202, the same for a known and an unknown address, and the rest goes by mail.',
      public: true,
      answers: { 201: SignInAnswer, 202: ByMail },
      errors: ['EMAIL_TAKEN', 'RATE_LIMITED', 'OVERLOADED'],
    }),
    body(Register, maxBytes),
    async (c) => {
      const { email, password, display_name: displayName } = c.req.valid('json');
      await signInLimits.beforeRegister(c.var.address);
      const account = await accounts.register({ email, password, displayName }, callerOf(c));
      return account === null ? noStore(c).json(byMail, 202) : signedIn(c, account, 201);
    },
  );

  routes.post(
    '/confirm',
    describe({
      tag,
      summary: 'Confirm my mail address with the token of the mail and the password, and sign in',
      public: true,
      answers: { 200: SignInAnswer },
      errors: ['UNAUTHENTICATED', 'RATE_LIMITED', 'OVERLOADED'],
    }),
    body(Confirm, maxBytes),
    async (c) => {
      await signInLimits.beforeToken(c.var.address);
      return signedIn(c, await accounts.confirm(c.req.valid('json'), callerOf(c)), 200);
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
      const account = await accounts.login(given, callerOf(c));
      await signInLimits.afterLogin(c.var.address, given.email);
      await endPresented(c);
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
      return noStore(c).json(await sessions.refresh(c.req.valid('json').refresh_token, callerOf(c)));
    },
  );

  routes.post('/logout', describe({ tag, summary: 'End this session', answers: { 204: null } }), member('account.write'), async (c) => {
    await sessions.end(c.var.principal, c.var.principal.sid, callerOf(c));
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
      await signInLimits.beforePassword(c.var.principal);
      await accounts.changePassword(c.var.principal, { current, next }, callerOf(c));
      return c.body(null, 204);
    },
  );

  routes.post(
    '/password/forgot',
    describe({
      tag,
      summary: 'Ask for a mail to choose a new password',
      description: 'The answer is the same for a known and an unknown address.',
      public: true,
      answers: { 202: ByMail },
      errors: ['RATE_LIMITED'],
    }),
    body(Forgot, maxBytes),
    async (c) => {
      const { email } = c.req.valid('json');
      await signInLimits.beforeForgot(c.var.address, email);
      await recovery.forgot(email, callerOf(c));
      return noStore(c).json(byMail, 202);
    },
  );

  routes.post(
    '/password/reset',
    describe({
      tag,
      summary: 'Choose a new password with the token of the mail; ends all my sessions',
      public: true,
      answers: { 204: null },
      errors: ['RATE_LIMITED', 'OVERLOADED'],
    }),
    body(Reset, maxBytes),
    async (c) => {
      await signInLimits.beforeToken(c.var.address);
      await recovery.reset(c.req.valid('json'), callerOf(c));
      return c.body(null, 204);
    },
  );

  routes.post(
    '/reauthenticate',
    describe({
      tag,
      summary: 'Prove my password again, for what needs a proof of the last ten minutes',
      answers: { 204: null },
      errors: ['RATE_LIMITED', 'OVERLOADED'],
    }),
    member('account.write'),
    body(Proof, maxBytes),
    async (c) => {
      await signInLimits.beforePassword(c.var.principal);
      await accounts.reauthenticate(c.var.principal, c.req.valid('json').password, callerOf(c));
      return c.body(null, 204);
    },
  );

  routes.get(
    '/sessions',
    describe({ tag, summary: 'Where I am signed in', answers: { 200: pageOf(SessionAnswer) } }),
    member('account.read'),
    query(PageQuery),
    async (c) => {
      const { creatorId, memberId, sid } = c.var.principal;
      const all = await sessions.list(creatorId, memberId);
      return c.json(
        pageOfFew(
          all,
          c.req.valid('query'),
          ({ id }) => id,
          (session) => sessionAnswer(session, sid),
        ),
      );
    },
  );

  routes.delete(
    '/sessions/:id',
    describe({ tag, summary: 'End one of my sessions', answers: { 204: null }, errors: ['NOT_FOUND'] }),
    member('account.write'),
    async (c) => {
      if (!(await sessions.end(c.var.principal, pathId(c), callerOf(c)))) throw notFound();
      return c.body(null, 204);
    },
  );

  return routes;
}

function signedIn(c: Context<AppEnv>, account: SignedIn, status: 200 | 201) {
  return noStore(c).json({ ...accountAnswer(account), ...account.tokens }, status);
}

function noStore<C extends Context<AppEnv>>(c: C): C {
  c.header('Cache-Control', 'no-store');
  return c;
}

function accountAnswer({ creator, member }: Account): v.InferOutput<typeof AccountAnswer> {
  const { id, email, displayName, role, createdAt } = member;
  return {
    creator: { id: creator.id, name: creator.name },
    member: { id, email, display_name: displayName, role, created_at: createdAt.toISOString() },
  };
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
