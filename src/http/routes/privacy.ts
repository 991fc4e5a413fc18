/** /api/v1/auth/privacy: reading and forgetting everything on record, of the workspace or one contact; retention; consent. */
import { type Context, Hono } from 'hono';
import * as v from 'valibot';
import type { Audit } from '../../accounts/audit.ts';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database.ts';
import type { ContactId } from '../../ids.ts';
import { archiveOf, type KeptFiles } from '../../privacy/archive.ts';
import type { Erasing } from '../../privacy/erase.ts';
import { type ConsentRow, listConsent, recordConsent } from '../../store/consent.ts';
import { getContact } from '../../store/contacts.ts';
import type { ErasureRow } from '../../store/erasures.ts';
import { readRetention, saveRetention } from '../../store/retention.ts';
import { conversationsOf, type Subject } from '../../store/tenant-tables.ts';
import { callerOf, type Member } from '../auth.ts';
import type { MemberEnv } from '../env.ts';
import type { CountLimit } from '../limits.ts';
import { describe } from '../openapi.ts';
import { PageQuery, pageOf, pageOfFew } from '../pagination.ts';
import { body, pathId, query } from '../validate.ts';

const tag = 'privacy';

const Time = v.pipe(v.string(), v.isoTimestamp());
const Days = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(3_650));
const FieldName = v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'Expected the name of a field'));
const RetentionBody = v.strictObject({ message_days: v.nullable(Days), field_days: v.pipe(v.record(FieldName, Days), v.maxEntries(200)) });
const ErasureAnswer = v.object({
  erasure: v.object({
    id: v.pipe(v.string(), v.uuid()),
    contact_id: v.nullable(v.string()),
    status: v.picklist(['queued', 'done']),
    created_at: Time,
    updated_at: Time,
  }),
});
const ConsentItem = v.object({ purpose: v.string(), granted: v.nullable(v.boolean()), at: Time, proof: v.record(v.string(), v.string()) });
const NewConsent = v.strictObject({
  purpose: v.pipe(v.string(), v.regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'Expected a purpose such as "messages"')),
  granted: v.boolean(),
  note: v.pipe(v.string(), v.trim(), v.minLength(1, 'Say where and how it was given'), v.maxLength(2_000)),
});

/** What these routes need. */
export interface PrivacyRoutesDeps {
  database: Database;
  erasing: Erasing;
  files: readonly KeptFiles[];
  audit: Audit;
  clock: Clock;
  member: Member;
  count: CountLimit;
}

/** Mounted under /api/v1/auth/privacy. */
export function privacyRoutes({ database, erasing, files, audit, clock, member, count }: PrivacyRoutesDeps): Hono<MemberEnv> {
  const routes = new Hono<MemberEnv>();

  async function archive(c: Context<MemberEnv>, subject: Subject): Promise<Response> {
    const { principal } = c.var;
    await count('export.creator', '', principal.creatorId);
    const event = { action: 'privacy.export', outcome: 'done', subjectId: subject?.contactId ?? principal.creatorId } as const;
    await database.tenant(principal.creatorId, (sql) => audit.within(sql, principal.creatorId, { caller: callerOf(c), principal }, event));
    return c.body(archiveOf(database, principal.creatorId, subject, files), 200, {
      'Content-Type': 'application/zip',
      'Content-Disposition': 'attachment; filename="export.zip"',
    });
  }

  routes.post(
    '/export',
    describe({
      tag,
      summary: 'Everything on record of the workspace, as a zip of JSON files, transcripts and uploads',
      answers: { 200: null },
      forms: { 200: ['application/zip'] },
      errors: ['REAUTH_REQUIRED', 'RATE_LIMITED'],
    }),
    member('privacy.workspace'),
    (c) => archive(c, null),
  );

  routes.post(
    '/erase',
    describe({
      tag,
      summary: 'Forget the workspace',
      description: 'Every sign-in ends at once. What remains are audit rows, which hold ids only.',
      answers: { 202: ErasureAnswer },
      errors: ['REAUTH_REQUIRED'],
    }),
    member('privacy.workspace'),
    async (c) => c.json({ erasure: erasureView(await erasing.askWorkspace(c.var.principal, callerOf(c))) }, 202),
  );

  routes.post(
    '/contacts/:id/export',
    describe({
      tag,
      summary: 'Everything on record of a contact',
      answers: { 200: null },
      forms: { 200: ['application/zip'] },
      errors: ['NOT_FOUND', 'REAUTH_REQUIRED', 'RATE_LIMITED'],
    }),
    member('privacy.contact'),
    async (c) => {
      const contactId = pathId<ContactId>(c);
      await getContact(database, c.var.principal.creatorId, contactId);
      const conversationIds = await database.tenant(c.var.principal.creatorId, (sql) => conversationsOf(sql, contactId));
      return archive(c, { contactId, conversationIds });
    },
  );

  routes.post(
    '/contacts/:id/erase',
    describe({
      tag,
      summary: 'Forget a contact, with conversations, files and everything planned',
      description: 'Asked twice it gives the same job.',
      answers: { 202: ErasureAnswer },
      errors: ['NOT_FOUND', 'REAUTH_REQUIRED'],
    }),
    member('privacy.contact'),
    async (c) => c.json({ erasure: erasureView(await erasing.askContact(c.var.principal, pathId(c), callerOf(c))) }, 202),
  );

  routes.get(
    '/erasures/:id',
    describe({ tag, summary: 'How far an erasure has come', answers: { 200: ErasureAnswer }, errors: ['NOT_FOUND'] }),
    member('privacy.read'),
    async (c) => c.json({ erasure: erasureView(await erasing.get(c.var.principal.creatorId, pathId(c))) }),
  );

  routes.get(
    '/contacts/:id/consent',
    describe({
      tag,
      summary: 'What a contact agreed to and took back, newest first',
      answers: { 200: pageOf(ConsentItem) },
      errors: ['NOT_FOUND'],
    }),
    member('privacy.read'),
    query(PageQuery),
    async (c) => {
      const contactId = pathId<ContactId>(c);
      await getContact(database, c.var.principal.creatorId, contactId);
      const rows = await database.tenant(c.var.principal.creatorId, (sql) => listConsent(sql, contactId));
      return c.json(pageOfFew(rows, c.req.valid('query'), ({ id }) => id, consentView));
    },
  );

  routes.post(
    '/contacts/:id/consent',
    describe({
      tag,
      summary: 'Record what a contact agreed to elsewhere, or took back',
      description:
        'Purpose `messages` is what a template of WhatsApp outside its 24 hours asks for, and what STOP takes back. ' +
        '`note` is the proof: where, when and how it was given.',
      answers: { 204: null },
      errors: ['NOT_FOUND'],
    }),
    member('contacts.write'),
    body(NewConsent, 16 * 1024),
    async (c) => {
      const { creatorId, memberId } = c.var.principal;
      const contactId = pathId<ContactId>(c);
      const { note, ...given } = c.req.valid('json');
      await getContact(database, creatorId, contactId);
      const proof = { how: 'member', member_id: memberId, note } as const;
      await database.tenant(creatorId, (sql) =>
        recordConsent(sql, { creatorId, contactId }, { ...given, proof, at: new Date(clock.now()) }),
      );
      return c.body(null, 204);
    },
  );

  routes.get(
    '/retention',
    describe({ tag, summary: 'How long what is kept', answers: { 200: RetentionBody } }),
    member('privacy.read'),
    async (c) => c.json(await database.tenant(c.var.principal.creatorId, readRetention)),
  );

  routes.put(
    '/retention',
    describe({
      tag,
      summary: 'Choose how long what is kept',
      description:
        'Days after which the text of messages and the named fields of contacts are forgotten, in a daily round. Null keeps messages.',
      answers: { 200: RetentionBody },
    }),
    member('privacy.write'),
    body(RetentionBody, 16 * 1024),
    async (c) => {
      const { creatorId } = c.var.principal;
      const retention = c.req.valid('json');
      await database.tenant(creatorId, (sql) => saveRetention(sql, creatorId, retention));
      return c.json(retention);
    },
  );

  return routes;
}

function consentView({ purpose, granted, proof, created_at }: ConsentRow): v.InferOutput<typeof ConsentItem> {
  return { purpose, granted, at: created_at.toISOString(), proof: { ...proof } };
}

function erasureView({ id, contact_id, status, created_at, updated_at }: ErasureRow): v.InferOutput<typeof ErasureAnswer>['erasure'] {
  return { id, contact_id, status, created_at: created_at.toISOString(), updated_at: updated_at.toISOString() };
}
