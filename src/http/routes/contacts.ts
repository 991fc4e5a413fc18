/** /api/v1/creators/contacts: the end users, as members read and edit them. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database.ts';
import type { CreatorId } from '../../ids.ts';
import { isZone } from '../../programs/schedule.ts';
import { type ContactRow, getContact, listContacts, patchContact } from '../../store/contacts.ts';
import type { Member } from '../auth.ts';
import type { AppEnv } from '../env.ts';
import { describe } from '../openapi.ts';
import { pageAnswer, pageOf, pageQuery } from '../pagination.ts';
import { body, pathId, query } from '../validate.ts';

const tag = 'contacts';
const maxBytes = 64 * 1024;

const FieldValue = v.nullable(
  v.union([
    v.pipe(v.string(), v.maxLength(4_000)),
    v.number(),
    v.boolean(),
    v.pipe(v.array(v.pipe(v.string(), v.maxLength(4_000))), v.maxLength(100)),
  ]),
);
const FieldName = v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'Expected the name of a field'));
const Tag = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(100));

const Patch = v.strictObject({
  name: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(200))),
  zone: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(64), v.check(isZone, 'Expected a time zone such as "Europe/Lisbon"')))),
  language: v.optional(
    v.nullable(v.pipe(v.string(), v.regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/, 'Expected a language such as "pt-PT"'))),
  ),
  fields: v.optional(v.pipe(v.record(FieldName, FieldValue), v.maxEntries(200))),
  tags: v.optional(v.pipe(v.array(Tag), v.maxLength(100))),
});

const Time = v.pipe(v.string(), v.isoTimestamp());

/** A contact as clients see it. */
export const ContactItem = v.object({
  id: v.pipe(v.string(), v.uuid()),
  name: v.string(),
  zone: v.nullable(v.string()),
  language: v.nullable(v.string()),
  fields: v.record(v.string(), v.unknown()),
  tags: v.array(v.string()),
  consent: v.record(v.string(), v.boolean()),
  progress: v.record(v.string(), v.unknown()),
  created_at: Time,
  updated_at: Time,
});
const ContactAnswer = v.object({ contact: ContactItem });

/** Mounted under /api/v1/creators/contacts. */
export function contactsRoutes(deps: {
  database: Database;
  clock: Clock;
  member: Member;
  /** Told of a contact whose zone, language or fields a member has changed. */
  onChanged?(creatorId: CreatorId, contact: ContactRow): Promise<void>;
}): Hono<AppEnv> {
  const { database, clock, member, onChanged } = deps;
  const routes = new Hono<AppEnv>();

  routes.get(
    '/',
    describe({ tag, summary: 'List contacts, newest first', answers: { 200: pageOf(ContactItem) } }),
    member('contacts.read'),
    query(v.strictObject(pageQuery)),
    async (c) => c.json(pageAnswer(await listContacts(database, c.var.principal.creatorId, c.req.valid('query')), contactItem)),
  );

  routes.get(
    '/:id',
    describe({ tag, summary: 'Read a contact', answers: { 200: ContactAnswer }, errors: ['NOT_FOUND'] }),
    member('contacts.read'),
    async (c) => c.json({ contact: contactItem(await getContact(database, c.var.principal.creatorId, pathId(c))) }),
  );

  routes.patch(
    '/:id',
    describe({
      tag,
      summary: 'Change a contact',
      description: 'Fields are laid over the present ones, null removes one; tags replace all.',
      answers: { 200: ContactAnswer },
      errors: ['NOT_FOUND'],
    }),
    member('contacts.write'),
    body(Patch, maxBytes),
    async (c) => {
      const { creatorId } = c.var.principal;
      const row = await patchContact(database, creatorId, pathId(c), c.req.valid('json'), clock.now());
      await onChanged?.(creatorId, row);
      return c.json({ contact: contactItem(row) });
    },
  );

  return routes;
}

/** A stored contact as clients see it. */
export function contactItem(row: ContactRow): v.InferOutput<typeof ContactItem> {
  return {
    id: row.id,
    name: row.name,
    zone: row.zone,
    language: row.language,
    fields: { ...row.fields },
    tags: [...row.tags],
    consent: { ...row.consent },
    progress: { ...row.progress },
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}
