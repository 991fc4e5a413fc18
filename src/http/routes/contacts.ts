/** /api/v1/creators/contacts: the end users, as members read and edit them. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import { type FindContactsDeps, findContacts, liveDefinitions } from '../../actors/find-contacts.ts';
import type { TellPrograms } from '../../actors/tell-programs.ts';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database.ts';
import { AppError } from '../../errors.ts';
import { type CreatorId, isUuid } from '../../ids.ts';
import { declaredFields, fieldProblem } from '../../programs/field-values.ts';
import { isZone } from '../../programs/schedule.ts';
import type { Json } from '../../programs/scope.ts';
import { type ContactRow, getContact, listTags, patchContact, setTag } from '../../store/contacts.ts';
import type { Member } from '../auth.ts';
import type { AppEnv, MemberEnv } from '../env.ts';
import { describe } from '../openapi.ts';
import { PageQuery, pageAnswer, pageOf, pageOfFew, pageQuery } from '../pagination.ts';
import { body, parse, pathId, query } from '../validate.ts';

const tag = 'contacts';
const maxBytes = 64 * 1024;

const Name = v.pipe(v.string(), v.trim(), v.maxLength(200));
const Zone = v.pipe(v.string(), v.maxLength(64), v.check(isZone, 'Expected a time zone such as "Europe/Lisbon"'));
const Language = v.pipe(v.string(), v.regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/, 'Expected a language such as "pt-PT"'));
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

const Fields = v.pipe(v.record(FieldName, FieldValue), v.maxEntries(200));

const Patch = v.strictObject({
  name: v.optional(Name),
  zone: v.optional(v.nullable(Zone)),
  language: v.optional(v.nullable(Language)),
  fields: v.optional(Fields),
  tags: v.optional(v.pipe(v.array(Tag), v.maxLength(100))),
});

/** What a row of an import says of a contact, before its fields are held against what programs declare. */
export const GivenRow = v.strictObject({
  id: v.optional(v.pipe(v.string(), v.check(isUuid, 'Expected the id of a contact'))),
  channel: v.optional(v.picklist(['import', 'whatsapp', 'telegram', 'webhook']), 'import'),
  external_id: v.optional(v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(256))),
  name: v.optional(Name),
  zone: v.optional(Zone),
  language: v.optional(Language),
  tags: v.optional(v.pipe(v.array(Tag), v.maxLength(100)), []),
  fields: v.optional(Fields, {}),
});

const since = v.optional(v.pipe(v.string(), v.isoTimestamp('Expected a time such as 2026-11-24T09:00:00Z')));
const ListQuery = v.strictObject({
  ...pageQuery,
  filter: v.optional(v.pipe(v.string(), v.maxLength(2_000)), ''),
  tag: v.optional(Tag),
  program_id: v.optional(v.pipe(v.string(), v.check(isUuid, 'Expected a UUID'))),
  state: v.optional(v.pipe(v.string(), v.maxLength(500))),
  channel: v.optional(v.picklist(['widget', 'whatsapp', 'telegram', 'webhook'])),
  active_since: since,
  inactive_since: since,
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

const TagItem = v.object({ tag: v.string(), contacts: v.number() });

/** What these routes need. */
export interface ContactsRoutesDeps {
  database: Database;
  programs: FindContactsDeps['programs'];
  clock: Clock;
  member: Member;
  /** Told of a contact that a member has changed. */
  tell: TellPrograms;
}

/** Mounted under /api/v1/creators/contacts. */
export function contactsRoutes({ database, programs, clock, member, tell }: ContactsRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();

  /** @throws AppError INVALID_FIELD with `details.issues`, as in every refusal of a body */
  async function requireDeclared(creatorId: CreatorId, fields: Readonly<Record<string, Json>> = {}): Promise<void> {
    const given = Object.entries(fields).filter(([, value]) => value !== null);
    if (given.length === 0) return;
    const declared = declaredFields(await liveDefinitions(programs, creatorId));
    const issues = given.flatMap(([name, value]) => {
      const message = fieldProblem(declared, name, value);
      return message === null ? [] : [{ pointer: `/fields/${name}`, message }];
    });
    if (issues[0] !== undefined) throw new AppError('INVALID_FIELD', issues[0].message, { details: { issues: issues.slice(0, 20) } });
  }

  routes.get(
    '/',
    describe({
      tag,
      summary: 'List contacts, newest first',
      description:
        '`filter` is an expression over `contact`, as in programs and broadcasts: `"trial" in contact.tags && contact.points > 50`. With one, a page may ' +
        'hold fewer than `limit`; the list ends where `next_cursor` is null. `program_id`, `state` and `channel` speak of one conversation of theirs; ' +
        '`active_since` and `inactive_since` of the latest.',
      answers: { 200: pageOf(ContactItem) },
    }),
    member('contacts.read'),
    query(ListQuery),
    async (c) => {
      const { program_id, active_since, inactive_since, ...rest } = c.req.valid('query');
      const request = { ...rest, programId: program_id, activeSince: active_since, inactiveSince: inactive_since };
      return c.json(pageAnswer(await findContacts({ db: database, programs, clock }, c.var.principal.creatorId, request), contactItem));
    },
  );

  routes.get(
    '/tags',
    describe({ tag, summary: 'List the tags in use, most used first', answers: { 200: pageOf(TagItem) } }),
    member('contacts.read'),
    query(PageQuery),
    async (c) => {
      const all = await listTags(database, c.var.principal.creatorId);
      return c.json(
        pageOfFew(
          all,
          c.req.valid('query'),
          ({ tag: name }) => name,
          (row) => row,
        ),
      );
    },
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
      description:
        'Fields are laid over the present ones, null removes one; each must be declared by a live program and of its type. Tags replace all.',
      answers: { 200: ContactAnswer },
      errors: ['NOT_FOUND', 'INVALID_FIELD'],
    }),
    member('contacts.write'),
    body(Patch, maxBytes),
    async (c) => {
      const { creatorId } = c.var.principal;
      const { id } = await getContact(database, creatorId, pathId(c));
      await requireDeclared(creatorId, c.req.valid('json').fields);
      const row = await patchContact(database, creatorId, id, c.req.valid('json'), clock.now());
      await tell(creatorId, [row]);
      return c.json({ contact: contactItem(row) });
    },
  );

  const tagging = (on: boolean) => async (c: Context<MemberEnv>) => {
    const given = parse(Tag, c.req.param('tag'));
    return c.json({ contact: contactItem(await setTag(database, c.var.principal.creatorId, pathId(c), { tag: given, on }, clock.now())) });
  };

  routes.put(
    '/:id/tags/:tag',
    describe({ tag, summary: 'Give a contact a tag', answers: { 200: ContactAnswer }, errors: ['NOT_FOUND'] }),
    member('contacts.write'),
    tagging(true),
  );

  routes.delete(
    '/:id/tags/:tag',
    describe({ tag, summary: 'Take a tag from a contact', answers: { 200: ContactAnswer }, errors: ['NOT_FOUND'] }),
    member('contacts.write'),
    tagging(false),
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
