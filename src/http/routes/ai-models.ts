/** The models of a creator over HTTP: which does what, choosing, and fetching further ones. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { Models } from '../../rag/models.ts';
import type { Member } from '../auth.ts';
import type { MemberEnv } from '../env.ts';
import { answerEvents, eventStream } from '../events.ts';
import { describe } from '../openapi.ts';
import { body } from '../validate.ts';

export interface AiModelsDeps {
  models: Models;
  member: Member;
  clock: Clock;
  log: Log;
}

const Name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][\w./-]{0,99}(:[\w.-]{1,60})?$/, 'Expected a name such as "llama3.2:3b"'));
const Choice = v.strictObject({ answers: v.optional(v.nullable(Name)), rerank: v.optional(v.boolean()) });
const Pull = v.strictObject({ model: Name });
const ModelsAnswer = v.object({
  answers: v.object({ model: v.string(), available: v.boolean(), installed: v.nullable(v.boolean()) }),
  embeddings: v.nullable(
    v.object({
      model: v.string(),
      available: v.boolean(),
      status: v.picklist(['current', 'changed']),
      waiting: v.number(),
      changed: v.number(),
    }),
  ),
  rerank: v.boolean(),
  installed: v.array(v.object({ name: v.string(), digest: v.string(), bytes: v.number(), parameters: v.string() })),
  reachable: v.nullable(v.boolean()),
});

/** To be mounted at `/api/v1/ai`. */
export function aiModelsRoutes({ models, member, clock, log }: AiModelsDeps): Hono<MemberEnv> {
  const routes = new Hono<MemberEnv>();
  const tag = 'ai';

  routes.get(
    '/models',
    member('ai.query'),
    describe({ tag, summary: 'See which model does what, and which are installed', answers: { 200: ModelsAnswer } }),
    async (c) => c.json(await models.inUse(c.var.principal.creatorId, c.req.raw.signal)),
  );

  routes.patch(
    '/models',
    member('ai.configure'),
    describe({
      tag,
      summary: "Choose the model that writes answers (null: the installation's), and whether it orders passages first",
      answers: { 200: ModelsAnswer },
      errors: ['CONFLICT', 'UNAVAILABLE'],
    }),
    body(Choice),
    async (c) => {
      const { creatorId } = c.var.principal;
      await models.choose(creatorId, c.req.valid('json'), c.req.raw.signal);
      return c.json(await models.inUse(creatorId, c.req.raw.signal));
    },
  );

  routes.post(
    '/models/reembed',
    member('ai.configure'),
    describe({
      tag,
      summary: 'Embed the documents anew whose vectors are of another make of the model (`embeddings.status` is `changed`)',
      description: 'They are found by their words until then. `embeddings.waiting` counts down.',
      answers: { 202: v.object({ documents: v.number() }) },
      errors: ['CONFLICT', 'UNAVAILABLE'],
    }),
    async (c) => c.json({ documents: await models.reembed(c.var.principal.creatorId, c.req.raw.signal) }, 202),
  );

  routes.post(
    '/models/pull',
    member('ai.configure'),
    describe({
      tag,
      summary: 'Fetch a model, told as server-sent events',
      description: 'Events `progress` ({status, completed, total} in bytes), then `done` or `error`. Only models of a list may be fetched.',
      answers: { 200: null },
      forms: { 200: [eventStream] },
    }),
    body(Pull),
    (c) => {
      const { model } = c.req.valid('json');
      return answerEvents(c, { clock, log }, async (tell, gone) => {
        for await (const progress of models.pull(model, gone)) await tell('progress', progress);
        await tell('done', { model });
      });
    },
  );

  return routes;
}
