/** A creator's documents over HTTP: upload, list, read, change, delete, read again, and progress as it happens. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Clock } from '../../clock.ts';
import type { DocumentId } from '../../ids.ts';
import type { Log } from '../../log.ts';
import type { FetchPage } from '../../rag/fetch-page.ts';
import { type Library, maxTitleChars } from '../../rag/library.ts';
import type { ChunkRow, DocumentRow } from '../../store/documents.ts';
import type { Member } from '../auth.ts';
import type { MemberEnv } from '../env.ts';
import { answerEvents, eventStream, type TellEvent } from '../events.ts';
import { receiveUpload } from '../multipart.ts';
import { describe } from '../openapi.ts';
import { body, parse, pathId, query } from '../validate.ts';

export interface DocumentsDeps {
  documents: Library;
  fetchPage: FetchPage;
  member: Member;
  clock: Clock;
  log: Log;
}

const Title = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(maxTitleChars));
const Collection = v.pipe(v.string(), v.regex(/^[\p{L}\p{N}][\p{L}\p{N} _-]{0,63}$/u, 'Expected a name such as "nutrition"'));
const Tags = v.pipe(v.array(v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64))), v.maxLength(32));

const UploadFields = v.strictObject({ title: v.optional(Title), collection: v.optional(Collection) });
const DocumentChange = v.strictObject({ title: v.optional(Title), collection: v.optional(Collection), tags: v.optional(Tags) });
const Limit = v.optional(
  v.pipe(v.string(), v.regex(/^[1-9]\d{0,2}$/, 'Expected 1 to 200'), v.transform(Number), v.maxValue(200, 'Expected 1 to 200')),
  '50',
);
const DocumentPage = v.strictObject({
  limit: Limit,
  cursor: v.optional(v.pipe(v.string(), v.uuid('Expected a cursor this list has given'))),
});
const ChunkPage = v.strictObject({
  limit: Limit,
  cursor: v.optional(v.pipe(v.string(), v.regex(/^\d{1,7}$/, 'Expected a cursor this list has given'))),
});

const Address = v.strictObject({
  url: v.pipe(v.string(), v.maxLength(2_000), v.url('Expected an address such as "https://example.org/page"')),
  title: v.optional(Title),
  collection: v.optional(Collection),
});
const DocumentView = v.object({
  id: v.pipe(v.string(), v.uuid()),
  title: v.string(),
  collection: v.string(),
  tags: v.array(v.string()),
  kind: v.picklist(['text', 'markdown', 'pdf', 'docx', 'html']),
  source: v.nullable(v.string()),
  bytes: v.number(),
  hash: v.string(),
  status: v.picklist(['queued', 'processing', 'ready', 'failed']),
  progress: v.number(),
  reason: v.nullable(v.object({ code: v.string(), message: v.string() })),
  language: v.nullable(v.string()),
  flags: v.array(v.string()),
  embedded_by: v.nullable(v.string()),
  chunks: v.number(),
  created_at: v.pipe(v.string(), v.isoTimestamp()),
  updated_at: v.pipe(v.string(), v.isoTimestamp()),
});
const ChunkView = v.object({
  index: v.number(),
  text: v.string(),
  start: v.number(),
  end: v.number(),
  page: v.nullable(v.number()),
  heading: v.string(),
  tokens: v.number(),
});
const DocumentAnswer = v.object({ document: DocumentView });
const listOf = (view: v.GenericSchema) => v.object({ items: v.array(view), next_cursor: v.nullable(v.string()) });

const pollMs = 500;
/** A stream of progress ends here; the client asks again. */
const maxEventsMs = 10 * 60_000;

/** To be mounted at `/api/v1/creators/documents`. */
export function documentsRoutes({ documents, fetchPage, member, clock, log }: DocumentsDeps): Hono<MemberEnv> {
  const routes = new Hono<MemberEnv>();
  const tag = 'documents';

  routes.post(
    '/',
    member('documents.write'),
    describe({
      tag,
      summary: 'Upload a document as multipart/form-data: file, title?, collection?',
      description: `TXT, Markdown, HTML, PDF or DOCX, at most ${documents.maxBytes} bytes. The same content again gives the document that is there.`,
      answers: { 200: DocumentAnswer, 202: DocumentAnswer },
      errors: ['TOO_LARGE', 'UNSUPPORTED_MEDIA', 'INVALID_DOCUMENT'],
    }),
    async (c) => {
      const { creatorId } = c.var.principal;
      const { document, existing } = await receiveUpload(c, documents.maxBytes, ({ name, content, fields }) =>
        documents.add(creatorId, { name, content, late: async () => parse(UploadFields, await fields()) }),
      );
      return c.json({ document: documentView(document) }, existing && document.status === 'ready' ? 200 : 202);
    },
  );

  routes.post(
    '/from-url',
    member('documents.write'),
    describe({
      tag,
      summary: 'Add the page or file at a public https address, as it is now',
      answers: { 200: DocumentAnswer, 202: DocumentAnswer },
      errors: ['TOO_LARGE', 'UNSUPPORTED_MEDIA', 'INVALID_DOCUMENT'],
    }),
    body(Address),
    async (c) => {
      const { url, title, collection } = c.req.valid('json');
      const { name, bytes, address } = await fetchPage(url, c.req.raw.signal);
      const { document, existing } = await documents.add(c.var.principal.creatorId, {
        name,
        content: [bytes],
        title,
        collection,
        source: address,
      });
      return c.json({ document: documentView(document) }, existing && document.status === 'ready' ? 200 : 202);
    },
  );

  routes.get(
    '/',
    member('documents.read'),
    describe({ tag, summary: 'List documents, newest first', answers: { 200: listOf(DocumentView) } }),
    query(DocumentPage),
    async (c) => {
      const { limit, cursor } = c.req.valid('query');
      const rows = await documents.list(c.var.principal.creatorId, (cursor ?? null) as DocumentId | null, limit + 1);
      return c.json(page(rows, limit, documentView, (row) => row.id));
    },
  );

  routes.get(
    '/:id',
    member('documents.read'),
    describe({ tag, summary: 'Read a document', answers: { 200: DocumentAnswer }, errors: ['NOT_FOUND'] }),
    async (c) => c.json({ document: documentView(await documents.get(c.var.principal.creatorId, pathId(c))) }),
  );

  routes.get(
    '/:id/chunks',
    member('documents.read'),
    describe({
      tag,
      summary: 'List the chunks of a document in reading order',
      answers: { 200: listOf(ChunkView) },
      errors: ['NOT_FOUND'],
    }),
    query(ChunkPage),
    async (c) => {
      const { limit, cursor } = c.req.valid('query');
      const rows = await documents.chunks(c.var.principal.creatorId, pathId(c), Number(cursor ?? -1), limit + 1);
      return c.json(page(rows, limit, chunkView, (row) => String(row.position)));
    },
  );

  routes.patch(
    '/:id',
    member('documents.write'),
    describe({ tag, summary: 'Change title, collection or tags', answers: { 200: DocumentAnswer }, errors: ['NOT_FOUND'] }),
    body(DocumentChange),
    async (c) => {
      const patch = c.req.valid('json') as Parameters<Library['update']>[2];
      return c.json({ document: documentView(await documents.update(c.var.principal.creatorId, pathId(c), patch)) });
    },
  );

  routes.delete(
    '/:id',
    member('documents.write'),
    describe({ tag, summary: 'Delete a document with all that was made of it', answers: { 204: null }, errors: ['NOT_FOUND'] }),
    async (c) => {
      await documents.remove(c.var.principal.creatorId, pathId(c));
      return c.body(null, 204);
    },
  );

  routes.post(
    '/:id/reindex',
    member('documents.write'),
    describe({ tag, summary: 'Read the file again', answers: { 202: DocumentAnswer }, errors: ['NOT_FOUND'] }),
    async (c) => c.json({ document: documentView(await documents.reindex(c.var.principal.creatorId, pathId(c))) }, 202),
  );

  routes.get(
    '/:id/events',
    member('documents.read'),
    describe({
      tag,
      summary: 'Follow the progress of a document as server-sent events',
      description: 'Events `progress` (the document) until it is `ready` or `failed`, or `error` when it is deleted meanwhile.',
      answers: { 200: null },
      forms: { 200: [eventStream] },
      errors: ['NOT_FOUND'],
    }),
    async (c) => {
      const { creatorId } = c.var.principal;
      const id = pathId<DocumentId>(c);
      const first = await documents.get(creatorId, id);
      return answerEvents(c, { clock, log }, (tell, gone) => tellProgress(tell, gone, first, () => documents.get(creatorId, id)));
    },
  );

  async function tellProgress(tell: TellEvent, gone: AbortSignal, first: DocumentRow, look: () => Promise<DocumentRow>): Promise<void> {
    const end = clock.wall() + maxEventsMs;
    let last = '';
    for (let document = first; !gone.aborted && clock.wall() < end; document = await look()) {
      const view = documentView(document);
      const now = JSON.stringify(view);
      if (now !== last) await tell('progress', view);
      last = now;
      if (document.status === 'ready' || document.status === 'failed') return;
      await new Promise<void>((resolve) => clock.after(pollMs, resolve));
    }
  }

  return routes;
}

/** One row more than asked for says that there is a next page. */
function page<Row, View>(rows: readonly Row[], limit: number, view: (row: Row) => View, cursor: (row: Row) => string) {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items: items.map(view), next_cursor: rows.length > limit && last !== undefined ? cursor(last) : null };
}

function documentView({ file: _, live: __, ...row }: DocumentRow) {
  return { ...row, created_at: row.created_at.toISOString(), updated_at: row.updated_at.toISOString() };
}

function chunkView({ position, start_at, end_at, ...row }: ChunkRow) {
  return { index: position, start: start_at, end: end_at, ...row };
}
