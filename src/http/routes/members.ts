/** /api/v1/auth: who belongs to a workspace, its API keys and its audit. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { ApiKeys } from '../../accounts/api-keys.ts';
import { EmailAddress } from '../../accounts/email.ts';
import type { Membership } from '../../accounts/membership.ts';
import { NewPassword } from '../../accounts/password-policy.ts';
import { type Action, keyActions } from '../../accounts/roles.ts';
import type { Database } from '../../database.ts';
import type { MemberId } from '../../ids.ts';
import type { ApiKeyRow } from '../../store/api-keys.ts';
import { type AuditRow, listAudit } from '../../store/audit.ts';
import type { Member as StoredMember } from '../../store/members.ts';
import { callerOf, type Member } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { askedId } from '../idempotency.ts';
import type { SignInLimits } from '../limits.ts';
import { describe } from '../openapi.ts';
import { PageQuery, pageOf, pageOfFew, pageQuery } from '../pagination.ts';
import { body, parse, pathId, query } from '../validate.ts';

const tag = 'auth';
const maxBytes = 16 * 1024;

const Id = v.pipe(v.string(), v.uuid());
const Time = v.pipe(v.string(), v.isoTimestamp());
const RoleName = v.picklist(['owner', 'editor', 'agent', 'viewer']);
const Name = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(100));

const Invitation = v.strictObject({ email: EmailAddress, display_name: Name, role: RoleName });
const Join = v.strictObject({ token: v.pipe(v.string(), v.maxLength(200)), password: NewPassword });
const RoleChange = v.strictObject({ role: RoleName });
const NewKey = v.strictObject({
  name: Name,
  scopes: v.pipe(v.array(v.picklist(keyActions)), v.minLength(1), v.maxLength(keyActions.length)),
  expires_in_days: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(3_650))), null),
});
const AuditQuery = v.strictObject({
  ...pageQuery,
  action: v.optional(v.pipe(v.string(), v.regex(/^[a-z.]{1,64}$/, 'Expected the name of an action such as "session.login"'))),
  actor_id: v.optional(Id),
});
const AuditCursor = v.pipe(
  v.string(),
  v.regex(/^[1-9]\d{0,14}$/, 'Start the list again: the cursor is not one of this list'),
  v.transform(Number),
);

const MemberView = v.object({
  id: Id,
  email: v.string(),
  display_name: v.string(),
  role: RoleName,
  status: v.picklist(['active', 'invited']),
  created_at: Time,
});
const MemberAnswer = v.object({ member: MemberView });
const InvitationAnswer = v.object({ member: MemberView, invitation_token: v.nullable(v.string()) });
const KeyView = v.object({
  id: Id,
  member_id: Id,
  name: v.string(),
  scopes: v.array(v.string()),
  expires_at: v.nullable(Time),
  last_used_at: v.nullable(Time),
  created_at: Time,
});
const AuditView = v.object({
  seq: v.number(),
  action: v.string(),
  outcome: v.picklist(['done', 'refused']),
  actor: v.object({ kind: v.string(), id: v.nullable(Id) }),
  subject_id: v.nullable(Id),
  reason: v.nullable(v.string()),
  address: v.nullable(v.string()),
  request_id: v.nullable(v.string()),
  hash: v.string(),
  at: Time,
});

/** What these routes need. */
export interface MembersRoutesDeps {
  membership: Membership;
  keys: ApiKeys;
  database: Database;
  signInLimits: SignInLimits;
  member: Member;
}

/** Mounted under /api/v1/auth. */
export function membersRoutes(deps: MembersRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.route('/members', memberRoutes(deps));
  routes.route('/api-keys', keyRoutes(deps));
  routes.route('/audit', auditRoutes(deps));
  return routes;
}

function memberRoutes({ membership, signInLimits, member }: MembersRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  routes.get(
    '/',
    describe({ tag, summary: 'Who belongs to the workspace', answers: { 200: pageOf(MemberView) } }),
    member('members.read'),
    query(PageQuery),
    async (c) => c.json(pageOfFew(await membership.list(c.var.principal), c.req.valid('query'), ({ id }) => id, memberView)),
  );

  routes.post(
    '/',
    describe({
      tag,
      summary: 'Invite a member',
      description: 'With mail the token goes to the address; without it is given here, once, to be handed over.',
      answers: { 201: InvitationAnswer },
      errors: ['EMAIL_TAKEN', 'REAUTH_REQUIRED', 'RATE_LIMITED'],
    }),
    member('members.write'),
    body(Invitation, maxBytes),
    async (c) => {
      const { email, display_name: displayName, role } = c.req.valid('json');
      await signInLimits.beforeInvite(c.var.principal);
      const invited = await membership.invite(c.var.principal, { id: askedId(c) as MemberId, email, displayName, role }, callerOf(c));
      return c.json({ member: memberView(invited.member), invitation_token: invited.token }, 201);
    },
  );

  routes.post(
    '/join',
    describe({
      tag,
      summary: 'Join a workspace with the token of an invitation and a password of my own',
      public: true,
      answers: { 204: null },
      errors: ['RATE_LIMITED', 'OVERLOADED'],
    }),
    body(Join, maxBytes),
    async (c) => {
      await signInLimits.beforeToken(c.var.address);
      await membership.join(c.req.valid('json'), callerOf(c));
      return c.body(null, 204);
    },
  );

  routes.patch(
    '/:id',
    describe({
      tag,
      summary: 'Change what a member may do; holds at once',
      answers: { 200: MemberAnswer },
      errors: ['NOT_FOUND', 'CONFLICT', 'REAUTH_REQUIRED'],
    }),
    member('members.write'),
    body(RoleChange, maxBytes),
    async (c) =>
      c.json({ member: memberView(await membership.setRole(c.var.principal, pathId(c), c.req.valid('json').role, callerOf(c))) }),
  );

  routes.delete(
    '/:id',
    describe({ tag, summary: 'Remove a member', answers: { 204: null }, errors: ['NOT_FOUND', 'CONFLICT', 'REAUTH_REQUIRED'] }),
    member('members.write'),
    async (c) => {
      await membership.remove(c.var.principal, pathId(c), callerOf(c));
      return c.body(null, 204);
    },
  );

  return routes;
}

function keyRoutes({ keys, member }: MembersRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  routes.get(
    '/',
    describe({ tag, summary: 'List API keys', answers: { 200: pageOf(KeyView) } }),
    member('keys.read'),
    query(PageQuery),
    async (c) => c.json(pageOfFew(await keys.list(c.var.principal), c.req.valid('query'), ({ id }) => id, keyView)),
  );

  routes.post(
    '/',
    describe({
      tag,
      summary: 'Make an API key',
      description: 'The key is shown this once. It does what its scopes name and its maker may do.',
      answers: { 201: v.object({ id: Id, api_key: v.string() }) },
      errors: ['REAUTH_REQUIRED'],
    }),
    member('keys.write'),
    body(NewKey, maxBytes),
    async (c) => {
      const { name, scopes, expires_in_days: days } = c.req.valid('json');
      const made = await keys.make(c.var.principal, { id: askedId(c), name, scopes: scopes as Action[], days }, callerOf(c));
      return c.json({ id: made.id, api_key: made.text }, 201);
    },
  );

  routes.delete(
    '/:id',
    describe({ tag, summary: 'End an API key', answers: { 204: null }, errors: ['NOT_FOUND', 'REAUTH_REQUIRED'] }),
    member('keys.write'),
    async (c) => {
      if (!(await keys.revoke(c.var.principal, pathId(c), callerOf(c)))) throw notFound();
      return c.body(null, 204);
    },
  );

  return routes;
}

function auditRoutes({ database, member }: MembersRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get(
    '/',
    describe({ tag, summary: 'What was done in the workspace and what was refused, newest first', answers: { 200: pageOf(AuditView) } }),
    member('audit.read'),
    query(AuditQuery),
    async (c) => {
      const { limit, cursor, action, actor_id: actorId } = c.req.valid('query');
      const before = cursor === undefined ? null : parse(AuditCursor, cursor);
      const filter = { before, action: action ?? null, actorId: actorId ?? null, most: limit + 1 };
      const rows = await database.tenant(c.var.principal.creatorId, (sql) => listAudit(sql, filter));
      const items = rows.slice(0, limit);
      const more = rows.length > limit ? String(items.at(-1)?.seq) : null;
      return c.json({ items: items.map(auditView), next_cursor: more });
    },
  );
  return routes;
}

function memberView(member: StoredMember): v.InferOutput<typeof MemberView> {
  return {
    id: member.id,
    email: member.email,
    display_name: member.displayName,
    role: member.role,
    status: member.passwordHash === null ? 'invited' : 'active',
    created_at: member.createdAt.toISOString(),
  };
}

function keyView({ expires_at, last_used_at, created_at, ...key }: ApiKeyRow): v.InferOutput<typeof KeyView> {
  return {
    ...key,
    expires_at: expires_at?.toISOString() ?? null,
    last_used_at: last_used_at?.toISOString() ?? null,
    created_at: created_at.toISOString(),
  };
}

function auditView({ actor_kind, actor_id, created_at, ...row }: AuditRow): v.InferOutput<typeof AuditView> {
  return { ...row, actor: { kind: actor_kind, id: actor_id }, at: created_at.toISOString() };
}
