/** Making one contact of two: what a person agreed to, earned and was sent counts together from then on. */
import type { Sql } from '../database.ts';
import type { ContactId, CreatorId } from '../ids.ts';

/**
 * Merges a contact into another and removes it. What both have is the other's, but that a taken back consent stays taken back and the
 * higher progress counts; sends count together, so that caps hold across what were two. Their conversations are one contact's now. Nothing
 * happens where they are one already, or where one of them is about to be erased.
 *
 * @param at conversation time
 */
export async function mergeContacts(sql: Sql, creatorId: CreatorId, from: ContactId, into: ContactId, at: Date): Promise<void> {
  if (from === into) return;
  // Conversations before contacts, as turns lock them, so that neither waits for the other in a ring.
  await sql('select from conversations where creator_id = $1 and contact_id in ($2, $3) order by id for update', [creatorId, from, into]);
  const both = await sql('select id from contacts where creator_id = $1 and id in ($2, $3) order by id for update', [
    creatorId,
    from,
    into,
  ]);
  const erased = await sql(`select from erasures where creator_id = $1 and contact_id in ($2, $3) and status = 'queued'`, [
    creatorId,
    from,
    into,
  ]);
  if (both.length < 2 || erased.length > 0) return;
  await sql(
    `update contacts c set version = c.version + 1, updated_at = $4,
       name = case when c.name = '' then o.name else c.name end, zone = coalesce(c.zone, o.zone), language = coalesce(c.language, o.language),
       fields = o.fields || c.fields,
       tags = array(select distinct unnest(o.tags || c.tags) order by 1),
       consent = o.consent || c.consent
         || (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(o.consent) where value = 'false'),
       progress = case when coalesce((o.progress ->> 'points')::numeric, 0) > coalesce((c.progress ->> 'points')::numeric, 0)
                       then o.progress else c.progress end,
       sends = (select coalesce(jsonb_agg(send order by (send ->> 'at')::numeric), '[]') from jsonb_array_elements(o.sends || c.sends) send)
     from contacts o where c.creator_id = $1 and c.id = $3 and o.creator_id = $1 and o.id = $2`,
    [creatorId, from, into, at],
  );
  await sql(
    `insert into awards (creator_id, contact_id, award_id, conversation_id, kind, points, name, created_at, updated_at)
     select creator_id, $3, award_id, conversation_id, kind, points, name, created_at, updated_at from awards where creator_id = $1 and contact_id = $2
     on conflict do nothing`,
    [creatorId, from, into],
  );
  await sql(
    `update broadcast_recipients r set contact_id = $3, updated_at = now() where r.creator_id = $1 and r.contact_id = $2
       and not exists (select from broadcast_recipients o where o.creator_id = $1 and o.broadcast_id = r.broadcast_id and o.contact_id = $3)`,
    [creatorId, from, into],
  );
  for (const table of ['identities', 'consent_records', 'conversations']) {
    // A copy of a conversation in memory knows its contact: the version makes it read again.
    const more = table === 'conversations' ? ', version = version + 1' : '';
    await sql(`update ${table} set contact_id = $3, updated_at = now()${more} where creator_id = $1 and contact_id = $2`, [
      creatorId,
      from,
      into,
    ]);
  }
  await sql('delete from contacts where creator_id = $1 and id = $2', [creatorId, from]);
}
