/** A creator's prompt templates over HTTP: versions, and which is active. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database.ts';
import { AppError } from '../../errors.ts';
import { unknownPlaceholder } from '../../rag/prompts.ts';
import { activatePrompt, addPrompt, listPrompts, type PromptRow } from '../../store/prompts.ts';
import type { Member } from '../auth.ts';
import type { MemberEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { describe } from '../openapi.ts';
import { PageQuery, pageOf, pageOfFew } from '../pagination.ts';
import { body, query } from '../validate.ts';

export interface AiPromptsDeps {
  database: Database;
  member: Member;
  clock: Clock;
}

const Template = v.strictObject({ template: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(2_000)) });
const PromptView = v.object({
  version: v.number(),
  template: v.nullable(v.string()),
  active: v.boolean(),
  created_at: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
});

/** To be mounted at `/api/v1/ai`. */
export function aiPromptsRoutes({ database, member, clock }: AiPromptsDeps): Hono<MemberEnv> {
  const routes = new Hono<MemberEnv>();
  const tag = 'ai';

  routes.get(
    '/prompts',
    member('ai.query'),
    describe({
      tag,
      summary: 'List the versions of the prompt, newest first; 0 is built in',
      answers: { 200: pageOf(PromptView) },
    }),
    query(PageQuery),
    async (c) => {
      const { creatorId } = c.var.principal;
      const rows = await database.tenant(creatorId, (sql) => listPrompts(sql, creatorId));
      const builtIn = { version: 0, template: null, active: !rows.some(({ active }) => active), created_at: null };
      return c.json(
        pageOfFew(
          [...rows.map(promptView), builtIn],
          c.req.valid('query'),
          ({ version }) => String(version),
          (view) => view,
        ),
      );
    },
  );

  routes.post(
    '/prompts',
    member('ai.configure'),
    describe({
      tag,
      summary: 'Add a version of the prompt, not active yet',
      description:
        "Added to the standing rules about passages and citations. `{{persona}}` and `{{language}}` stand for the program's and the contact's.",
      answers: { 201: PromptView },
      errors: ['CONFLICT', 'INVALID_FIELD'],
    }),
    body(Template),
    async (c) => {
      const { creatorId } = c.var.principal;
      const { template } = c.req.valid('json');
      requirePlaceholders(template);
      const row = await database.tenant(creatorId, (sql) => addPrompt(sql, creatorId, template, new Date(clock.wall())));
      if (row === null) throw new AppError('CONFLICT', 'Try again: another version was added at the same moment');
      return c.json(promptView(row), 201);
    },
  );

  routes.post(
    '/prompts/:version/activate',
    member('ai.configure'),
    describe({
      tag,
      summary: 'Answer with this version from now on; an earlier one rolls back, 0 is the built-in one',
      answers: { 204: null },
      errors: ['NOT_FOUND'],
    }),
    async (c) => {
      const { creatorId } = c.var.principal;
      const version = c.req.param('version');
      if (!/^\d{1,6}$/.test(version)) throw notFound();
      const known = await database.tenant(creatorId, (sql) => activatePrompt(sql, creatorId, Number(version), new Date(clock.wall())));
      if (!known) throw notFound();
      return c.body(null, 204);
    },
  );

  return routes;
}

/** @throws AppError INVALID_FIELD something in double braces that nothing stands for */
function requirePlaceholders(template: string): void {
  const unknown = unknownPlaceholder(template);
  if (unknown === undefined) return;
  const message = `Cannot fill in ${JSON.stringify(unknown.slice(0, 100))}: use {{persona}} or {{language}}`;
  throw new AppError('INVALID_FIELD', message, { details: { issues: [{ pointer: '/template', message }] } });
}

function promptView(row: PromptRow) {
  return { ...row, created_at: row.created_at.toISOString() };
}
