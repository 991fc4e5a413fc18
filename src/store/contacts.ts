/** Contacts: the end users of a creator, as members read and edit them. Turns write them through `commit_turns`. */
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { ContactId, CreatorId } from '../ids.ts';
import { decodeCursor, idPlace, type Page, type PageRequest, pageOf } from './cursor.ts';

/** A contact. `version` grows with every change, by a member or a turn. `zone` is IANA, `language` BCP 47, null until known. */
export interface ContactRow {
  id: ContactId;
  version: number;
  name: string;
  zone: string | null;
  language: string | null;
  fields: Readonly<Record<string, unknown>>;
  tags: readonly string[];
  consent: Readonly<Record<string, boolean>>;
  progress: Readonly<Record<string, unknown>>;
  createdAt: Date;
  updatedAt: Date;
}

/** What a member may change: absent parts stay. `fields` are laid over the present ones, null removes one; `tags` replaces all. */
export interface ContactPatch {
  name?: string | undefined;
  zone?: string | null | undefined;
  language?: string | null | undefined;
  fields?: Readonly<Record<string, unknown>> | undefined;
  tags?: readonly string[] | undefined;
}

/** The select list of a ContactRow, of the table `contacts` under the alias `c`. */
export const contactColumns = `c.id, c.version, c.name, c.zone, c.language, c.fields, c.tags, c.consent, c.progress,
  c.created_at as "createdAt", c.updated_at as "updatedAt"`;

function noContact(contactId: string): AppError {
  return new AppError('NOT_FOUND', `No contact "${contactId}" in this workspace`);
}

/** @throws AppError NOT_FOUND */
export async function getContact(db: Database, creatorId: CreatorId, contactId: ContactId): Promise<ContactRow> {
  const [row] = await db.tenant(creatorId, (sql) =>
    sql<ContactRow>(`select ${contactColumns} from contacts c where c.creator_id = $1 and c.id = $2`, [creatorId, contactId]),
  );
  if (row === undefined) throw noContact(contactId);
  return row;
}

/** What a list may be narrowed to. A contact is as active as the latest of their conversations. */
export interface ContactNarrowing {
  tag?: string | undefined;
  /** With a conversation in this program, in this state of one, on this channel: the same conversation where several are given. */
  programId?: string | undefined;
  state?: string | undefined;
  channel?: string | undefined;
  /** ISO 8601; active at that time or later, or not since. */
  activeSince?: string | undefined;
  inactiveSince?: string | undefined;
}

/** The place of a contact in their list. */
export const contactPlace = (row: ContactRow): readonly unknown[] => [row.id];

const conversations = 'from conversations v where v.creator_id = c.creator_id and v.contact_id = c.id';

/** The creator's contacts, newest first. @throws AppError INVALID_INPUT for a foreign cursor */
export async function listContacts(db: Database, creatorId: CreatorId, page: PageRequest & ContactNarrowing): Promise<Page<ContactRow>> {
  const place = decodeCursor(idPlace, page.cursor);
  const rows = await db.tenant(creatorId, (sql) =>
    sql<ContactRow>(
      `select ${contactColumns} from contacts c where c.creator_id = $1 and ($2::uuid is null or c.id < $2)
         and ($4::text is null or $4 = any (c.tags))
         and (($5::uuid is null and $6::text is null and $7::text is null and $8::timestamptz is null) or exists (
           select ${conversations} and ($5::uuid is null or v.program_id = $5) and ($6::text is null or v.state = $6)
             and ($7::text is null or v.channel = $7) and ($8::timestamptz is null or v.updated_at >= $8)))
         and ($9::timestamptz is null or not exists (select ${conversations} and v.updated_at >= $9))
       order by c.id desc limit $3`,
      [
        creatorId,
        place?.[0] ?? null,
        page.limit + 1,
        page.tag ?? null,
        page.programId ?? null,
        page.state ?? null,
        page.channel ?? null,
        page.activeSince ?? null,
        page.inactiveSince ?? null,
      ],
    ),
  );
  return pageOf(rows, page.limit, (row) => row, contactPlace);
}

/** The tags in use, most used first, 1,000 at most. */
export function listTags(db: Database, creatorId: CreatorId): Promise<{ tag: string; contacts: number }[]> {
  return db.tenant(creatorId, (sql) =>
    sql(
      `select t.tag, count(*)::integer as contacts from contacts c cross join lateral unnest(c.tags) as t (tag)
       where c.creator_id = $1 group by t.tag order by 2 desc, 1 limit 1000`,
      [creatorId],
    ),
  );
}

/**
 * Gives a contact a tag, or takes it away; nothing changes where it is so already.
 *
 * @param at milliseconds since 1970
 * @throws AppError NOT_FOUND
 */
export async function setTag(
  db: Database,
  creatorId: CreatorId,
  contactId: ContactId,
  { tag, on }: { tag: string; on: boolean },
  at: number,
): Promise<ContactRow> {
  await db.tenant(creatorId, (sql) =>
    sql(
      `update contacts c set version = c.version + 1, updated_at = $5,
         tags = case when $4 then array_append(c.tags, $3) else array_remove(c.tags, $3) end
       where c.creator_id = $1 and c.id = $2 and ($3 = any (c.tags)) <> $4`,
      [creatorId, contactId, tag, on, new Date(at)],
    ),
  );
  return getContact(db, creatorId, contactId);
}

/** One identity of each of these contacts, the oldest that is of no browser session. */
export function identitiesOf(
  db: Database,
  creatorId: CreatorId,
  contactIds: readonly ContactId[],
): Promise<{ contactId: ContactId; channel: string; externalId: string }[]> {
  return db.tenant(creatorId, (sql) =>
    sql(
      `select distinct on (contact_id) contact_id as "contactId", channel, external_id as "externalId" from identities
       where creator_id = $1 and contact_id = any ($2::uuid[]) and channel <> 'widget' order by contact_id, created_at, channel`,
      [creatorId, contactIds],
    ),
  );
}

/**
 * Changes a contact. Turns that ran on the earlier version meet a conflict and run again.
 *
 * @param at milliseconds since 1970
 * @throws AppError NOT_FOUND
 */
export async function patchContact(
  db: Database,
  creatorId: CreatorId,
  contactId: ContactId,
  patch: ContactPatch,
  at: number,
): Promise<ContactRow> {
  const [row] = await db.tenant(creatorId, (sql) =>
    sql<ContactRow>(
      `update contacts c set version = c.version + 1, updated_at = $3,
         name = coalesce($4, c.name),
         zone = case when $5 then $6 else c.zone end,
         language = case when $7 then $8 else c.language end,
         fields = jsonb_strip_nulls(c.fields || coalesce($9::jsonb, '{}')),
         tags = coalesce($10::text[], c.tags)
       where c.creator_id = $1 and c.id = $2 returning ${contactColumns}`,
      [
        creatorId,
        contactId,
        new Date(at),
        patch.name ?? null,
        patch.zone !== undefined,
        patch.zone ?? null,
        patch.language !== undefined,
        patch.language ?? null,
        patch.fields === undefined ? null : JSON.stringify(patch.fields),
        patch.tags ?? null,
      ],
    ),
  );
  if (row === undefined) throw noContact(contactId);
  return row;
}
