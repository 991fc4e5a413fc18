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

/** The creator's contacts, newest first. @throws AppError INVALID_INPUT for a foreign cursor */
export async function listContacts(db: Database, creatorId: CreatorId, page: PageRequest): Promise<Page<ContactRow>> {
  const place = decodeCursor(idPlace, page.cursor);
  const rows = await db.tenant(creatorId, (sql) =>
    sql<ContactRow>(
      `select ${contactColumns} from contacts c where c.creator_id = $1 and ($2::uuid is null or c.id < $2) order by c.id desc limit $3`,
      [creatorId, place?.[0] ?? null, page.limit + 1],
    ),
  );
  return pageOf(
    rows,
    page.limit,
    (row) => row,
    (row) => [row.id],
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
