/** Media over HTTP: the file behind a signed link, and a link for members. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import { AppError } from '../../errors.ts';
import { type ConversationId, type CreatorId, isUuid } from '../../ids.ts';
import type { MediaLinks } from '../../media/links.ts';
import { type Media, mediaLimits } from '../../media/media.ts';
import type { Member } from '../auth.ts';
import type { AppEnv, MemberEnv } from '../env.ts';
import { notFound } from '../errors.ts';
import { readUpload } from '../multipart.ts';
import { describe } from '../openapi.ts';
import { parse, pathId, query } from '../validate.ts';

/** A file as clients see it: `url` is a path on this server that works for an hour. */
export const MediumAnswer = v.object({
  id: v.pipe(v.string(), v.uuid()),
  kind: v.picklist(['image', 'audio', 'video', 'file']),
  type: v.string(),
  name: v.string(),
  bytes: v.number(),
  /** Of a picture, in pixels. */
  width: v.optional(v.number()),
  height: v.optional(v.number()),
  url: v.string(),
});

/** What the routes need. */
export interface MediaDeps {
  media: Media;
  links: MediaLinks;
  member: Member;
}

const GivenTo = v.strictObject({ conversation_id: v.pipe(v.string(), v.check(isUuid, 'Expected a UUID')) });
const Signed = v.strictObject({
  expires: v.pipe(v.string(), v.maxLength(12)),
  signature: v.pipe(v.string(), v.maxLength(64)),
  /** The small WebP beside a picture; the file itself where there is none. */
  size: v.optional(v.literal('preview')),
});

const previewMedium = { kind: 'image', type: 'image/webp', name: 'preview.webp' };

/** `GET /media/{creator_id}/{id}` for whoever has a link, and for members `POST /creators/media`, `GET /creators/media/{id}`; to be mounted at `/api/v1`. */
export function mediaRoutes({ media, links, member }: MediaDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  routes.get(
    '/media/:creator_id/:id',
    describe({
      tag: 'channels',
      summary: 'Fetch a file by its signed link',
      description: 'One byte range may be asked for. Files that are no image, audio or video come as a download.',
      public: true,
      answers: { 200: null, 206: null },
      forms: { 200: ['*/*'], 206: ['*/*'] },
      errors: ['FORBIDDEN', 'NOT_FOUND'],
    }),
    query(Signed),
    async (c) => {
      const creatorId = pathId<CreatorId>(c, 'creator_id');
      const id = pathId(c);
      const { expires, signature, size } = c.req.valid('query');
      if (!links.holds(creatorId, id, expires, signature))
        throw new AppError('FORBIDDEN', 'Ask for a new link: this one is not valid any more');
      const preview = size === undefined ? null : await media.preview(creatorId, id);
      const found = preview === null ? await media.read(creatorId, id) : { medium: previewMedium, bytes: preview };
      if (found === null) throw notFound();
      const { kind, type, name } = found.medium;
      c.header('Content-Type', type === 'text/plain' ? 'text/plain; charset=utf-8' : type);
      c.header('Content-Disposition', `${kind === 'file' ? 'attachment' : 'inline'}; filename*=UTF-8''${encodeURIComponent(name)}`);
      c.header('Cache-Control', 'private, max-age=3600, immutable');
      // Host pages of any origin show it; what it holds runs nowhere.
      c.header('Cross-Origin-Resource-Policy', 'cross-origin');
      c.header('Content-Security-Policy', "default-src 'none'; media-src 'self'; sandbox");
      return sendBytes(c, new Uint8Array(found.bytes));
    },
  );

  const members = new Hono<MemberEnv>();
  members.post(
    '/',
    member('conversations.act'),
    describe({
      tag: 'creators',
      summary: 'Give a file to a conversation, to be sent with a message',
      description: `Multipart: the file as part \`file\`, at most ${mediaLimits.file} bytes, and \`conversation_id\`.`,
      answers: { 201: MediumAnswer },
      errors: ['NOT_FOUND', 'TOO_LARGE', 'UNSUPPORTED_MEDIA'],
    }),
    async (c) => {
      const { creatorId } = c.var.principal;
      const { file, fields } = await readUpload(c, mediaLimits.file);
      const { conversation_id: conversationId } = parse(GivenTo, fields);
      const medium = await media.keep(creatorId, { conversationId: conversationId as ConversationId, ...file });
      return c.json({ ...medium, url: links.path(creatorId, medium.id) }, 201);
    },
  );
  members.get(
    '/:id',
    member('conversations.read'),
    describe({ tag: 'creators', summary: 'Get a file with a link to it', answers: { 200: MediumAnswer }, errors: ['NOT_FOUND'] }),
    async (c) => {
      const { creatorId } = c.var.principal;
      const found = await media.read(creatorId, pathId(c));
      if (found === null) throw notFound();
      return c.json({ ...found.medium, url: links.path(creatorId, found.medium.id) });
    },
  );
  routes.route('/creators/media', members);
  return routes;
}

/** The bytes, or the one range of them that is asked for (RFC 9110 §14): Safari plays nothing without. */
function sendBytes(c: Context, bytes: Uint8Array<ArrayBuffer>): Response {
  c.header('Accept-Ranges', 'bytes');
  const match = /^bytes=(\d{1,12})-(\d{0,12})$/.exec(c.req.header('Range') ?? '');
  const from = Number(match?.[1]);
  if (match === null || from >= bytes.byteLength) return c.body(bytes, 200);
  const to = Math.min(match[2] === '' ? Number.POSITIVE_INFINITY : Number(match[2]), bytes.byteLength - 1);
  if (to < from) return c.body(bytes, 200);
  c.header('Content-Range', `bytes ${from}-${to}/${bytes.byteLength}`);
  return c.body(bytes.subarray(from, to + 1), 206);
}
