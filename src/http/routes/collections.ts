/** A creator's collections of documents over HTTP: what they hold and how they are cut. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Library } from '../../rag/library.ts';
import type { Member } from '../auth.ts';
import type { MemberEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { describe } from '../openapi.ts';
import { PageQuery, pageOf, pageOfFew } from '../pagination.ts';
import { body, query } from '../validate.ts';

export interface CollectionsDeps {
  documents: Pick<Library, 'collections' | 'configure'>;
  member: Member;
}

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N} _-]{0,63}$/u;
const Sizes = v.pipe(
  v.strictObject({
    chunk_tokens: v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(2_000)),
    chunk_overlap: v.pipe(v.number(), v.integer(), v.minValue(0)),
  }),
  v.check(({ chunk_tokens, chunk_overlap }) => chunk_overlap * 2 <= chunk_tokens, 'Expected an overlap of at most half a chunk'),
);
const CollectionView = v.object({
  name: v.string(),
  chunk_tokens: v.nullable(v.number()),
  chunk_overlap: v.nullable(v.number()),
  documents: v.number(),
});

/** To be mounted at `/api/v1/creators/collections`. */
export function collectionsRoutes({ documents, member }: CollectionsDeps): Hono<MemberEnv> {
  const routes = new Hono<MemberEnv>();
  const tag = 'documents';

  routes.get(
    '/',
    member('documents.read'),
    describe({
      tag,
      summary: 'List collections with how their documents are cut',
      answers: { 200: pageOf(CollectionView) },
    }),
    query(PageQuery),
    async (c) => {
      const all = await documents.collections(c.var.principal.creatorId);
      return c.json(
        pageOfFew(
          all,
          c.req.valid('query'),
          ({ name }) => name,
          (row) => row,
        ),
      );
    },
  );

  routes.put(
    '/:name',
    member('documents.write'),
    describe({
      tag,
      summary: 'Set how the documents of a collection are cut, and have them read again',
      answers: { 202: v.object({ documents: v.number() }) },
      errors: ['NOT_FOUND'],
    }),
    body(Sizes),
    async (c) => {
      const { chunk_tokens: tokens, chunk_overlap: overlap } = c.req.valid('json');
      return c.json(
        { documents: await documents.configure(c.var.principal.creatorId, nameIn(c.req.param('name')), { tokens, overlap }) },
        202,
      );
    },
  );

  routes.delete(
    '/:name',
    member('documents.write'),
    describe({
      tag,
      summary: 'Cut the documents of a collection as all others again',
      answers: { 202: v.object({ documents: v.number() }) },
      errors: ['NOT_FOUND'],
    }),
    async (c) => c.json({ documents: await documents.configure(c.var.principal.creatorId, nameIn(c.req.param('name')), null) }, 202),
  );

  return routes;
}

function nameIn(name: string): string {
  if (!namePattern.test(name)) throw notFound();
  return name;
}
