/** What a person agreed to and took back, in order, each with its proof. Rows are written by the database when `contacts.consent` changes. */
import type { Sql } from '../database.ts';
import type { ContactId, CreatorId } from '../ids.ts';

/**
 * What shows that a person agreed or took it back: the words of a conversation (`asked` in the name of `business`, and `answered`), or what
 * a member says of it. Empty for what was recorded before proofs were.
 */
export type ConsentProof =
  | { how: 'conversation'; conversation_id: string; channel: string; business: string; asked?: string; answered?: string }
  | { how: 'member'; member_id: string; note: string }
  | Readonly<Record<string, never>>;

/** One change. `granted` is null where the answer was removed. */
export interface ConsentRow {
  id: string;
  purpose: string;
  granted: boolean | null;
  proof: ConsentProof;
  created_at: Date;
}

/** The changes of a contact, newest first, 500 at most. */
export function listConsent(sql: Sql, contactId: string): Promise<ConsentRow[]> {
  return sql(
    'select id, purpose, granted, proof, created_at from consent_records where contact_id = $1 order by created_at desc, id desc limit 500',
    [contactId],
  );
}

/** Records what a contact has agreed to or taken back elsewhere, such as on paper. @param at conversation time */
export async function recordConsent(
  sql: Sql,
  { creatorId, contactId }: { creatorId: CreatorId; contactId: ContactId },
  { purpose, granted, proof, at }: { purpose: string; granted: boolean; proof: ConsentProof; at: Date },
): Promise<void> {
  await sql(
    `update contacts set consent = consent || jsonb_build_object($3::text, $4::boolean), version = version + 1, updated_at = $5
     where creator_id = $1 and id = $2`,
    [creatorId, contactId, purpose, granted, at],
  );
  const proved = await sql(
    'update consent_records set proof = $5 where creator_id = $1 and contact_id = $2 and purpose = $3 and created_at = $4 returning 1',
    [creatorId, contactId, purpose, at, JSON.stringify(proof)],
  );
  // What was agreed before is agreed once more, with another proof.
  if (proved.length > 0) return;
  await sql(
    `insert into consent_records (creator_id, contact_id, purpose, granted, proof, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $6)`,
    [creatorId, contactId, purpose, granted, JSON.stringify(proof), at],
  );
}
