/** What a person agreed to and took back, in order. Rows are written by the database when `contacts.consent` changes. */
import type { Sql } from '../database.ts';

/** One change. `granted` is null where the answer was removed. */
export interface ConsentRow {
  purpose: string;
  granted: boolean | null;
  created_at: Date;
}

/** The changes of a contact, newest first, 500 at most. */
export function listConsent(sql: Sql, contactId: string): Promise<ConsentRow[]> {
  return sql('select purpose, granted, created_at from consent_records where contact_id = $1 order by created_at desc, id desc limit 500', [
    contactId,
  ]);
}
