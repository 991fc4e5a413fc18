/** /api/v1/creators/secrets: what programs send with their calls to services, write-only. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import type { Audit } from '../../accounts/audit.ts';
import type { Database } from '../../database.ts';
import { idSchema } from '../../programs/names.ts';
import type { ProgramSecrets } from '../../secrets/program-secrets.ts';
import { listProgramSecrets, type ProgramSecretRow, removeProgramSecret } from '../../store/program-secrets.ts';
import { callerOf, type Member } from '../auth.ts';
import type { MemberEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { describe } from '../openapi.ts';
import { PageQuery, pageOf, pageOfFew } from '../pagination.ts';
import { body, parse, query } from '../validate.ts';

const tag = 'programs';
const Time = v.pipe(v.string(), v.isoTimestamp());

/** Headers that say how a request is to be read, which are not for secrets. */
const ofTheRequest = /^(?:host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|idempotency-key)$/i;

const NewSecret = v.strictObject({
  /** The secret goes to this host and no other. */
  host: v.pipe(v.string(), v.maxLength(253), v.regex(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/, 'Write a host such as api.example.org')),
  header: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[A-Za-z0-9-]{1,64}$/, 'Write the name of a header'),
      v.check((name) => !ofTheRequest.test(name), 'A secret cannot go in this header'),
    ),
    'Authorization',
  ),
  /** The whole value of the header, such as `Bearer …`. */
  value: v.pipe(v.string(), v.regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?$/, 'Use 1 to 4,096 characters of ASCII')),
});

const SecretView = v.object({ name: v.string(), host: v.string(), header: v.string(), created_at: Time, updated_at: Time });

/** What these routes need. */
export interface ProgramSecretsDeps {
  database: Database;
  programSecrets: ProgramSecrets;
  audit: Audit;
  member: Member;
}

/** Mounted under /api/v1/creators/secrets. */
export function programSecretsRoutes({ database, programSecrets, audit, member }: ProgramSecretsDeps): Hono<MemberEnv> {
  const routes = new Hono<MemberEnv>();

  const note = (c: Context<MemberEnv>, action: 'secret.keep' | 'secret.remove', subjectId: string) =>
    database.tenant(c.var.principal.creatorId, (sql) =>
      audit.within(
        sql,
        c.var.principal.creatorId,
        { caller: callerOf(c), principal: c.var.principal },
        { action, outcome: 'done', subjectId },
      ),
    );

  routes.get(
    '/',
    describe({
      tag,
      summary: 'List the secrets of programs, without what they say',
      answers: { 200: pageOf(SecretView) },
    }),
    member('webhooks.read'),
    query(PageQuery),
    async (c) => {
      const all = await database.tenant(c.var.principal.creatorId, listProgramSecrets);
      return c.json(pageOfFew(all, c.req.valid('query'), ({ name }) => name, secretView));
    },
  );

  routes.put(
    '/:name',
    describe({
      tag,
      summary: 'Keep a secret that programs name in http calls',
      description: 'It is sent to `host` only, as the whole value of `header`, and never given back. The same name replaces it.',
      answers: { 200: SecretView },
    }),
    member('webhooks.write'),
    body(NewSecret, 16 * 1024),
    async (c) => {
      const row = await programSecrets.keep(c.var.principal.creatorId, parse(idSchema, c.req.param('name')), c.req.valid('json'));
      await note(c, 'secret.keep', row.id);
      return c.json(secretView(row));
    },
  );

  routes.delete(
    '/:name',
    describe({ tag, summary: 'Forget a secret', answers: { 204: null }, errors: ['NOT_FOUND'] }),
    member('webhooks.write'),
    async (c) => {
      const id = await database.tenant(c.var.principal.creatorId, (sql) => removeProgramSecret(sql, c.req.param('name')));
      if (id === undefined) throw notFound();
      await note(c, 'secret.remove', id);
      return c.body(null, 204);
    },
  );

  return routes;
}

function secretView({ name, host, header, created_at, updated_at }: ProgramSecretRow): v.InferOutput<typeof SecretView> {
  return { name, host, header, created_at: created_at.toISOString(), updated_at: updated_at.toISOString() };
}
