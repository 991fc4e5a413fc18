/** Many contacts at once, found again by their ids or identities: what an import asks of the record. */
import type { Database, Sql } from '../database.ts';
import type { ContactId, CreatorId } from '../ids.ts';

/** A contact as a table gives it. What is absent stays as it is; fields are laid over the present ones, tags added to them. */
export interface GivenContact {
  /** The contact it means, where it is known by that. */
  id: string | null;
  channel: string;
  /** The contact's name on the channel; null where only the id is given. */
  externalId: string | null;
  name: string | null;
  zone: string | null;
  language: string | null;
  tags: readonly string[];
  fields: Readonly<Record<string, unknown>>;
}

/** The present contact of each, null for those that nobody is yet. */
export async function presentContacts(sql: Sql, creatorId: CreatorId, given: readonly GivenContact[]): Promise<(ContactId | null)[]> {
  const rows = await sql<{ id: ContactId | null }>(
    `select coalesce(c.id, i.contact_id) as id
     from unnest($2::uuid[], $3::text[], $4::text[]) with ordinality as n (id, channel, external_id, place)
       left join contacts c on c.creator_id = $1 and c.id = n.id
       left join identities i on i.creator_id = $1 and i.channel = n.channel and i.external_id = n.external_id
     order by n.place`,
    [creatorId, given.map(({ id }) => id), given.map(({ channel }) => channel), given.map(({ externalId }) => externalId)],
  );
  return rows.map(({ id }) => id);
}

/**
 * Writes contacts in one transaction: present ones are changed where they differ, the others made. Those without an identity are only changed.
 *
 * @param newId gives the id of each contact that is made
 * @param at milliseconds since 1970
 * @returns how many were made, and those who are changed or new, with their versions
 */
export function writeContacts(
  db: Database,
  creatorId: CreatorId,
  given: readonly GivenContact[],
  newId: () => ContactId,
  at: number,
): Promise<{ made: number; changed: { id: ContactId; version: number }[] }> {
  return db.tenant(creatorId, async (sql) => {
    const made = await addIdentities(sql, creatorId, given, await presentContacts(sql, creatorId, given), newId, new Date(at));
    const present = await presentContacts(sql, creatorId, given);
    const rows = given.map(({ name, zone, language, tags, fields }, index) => ({ id: present[index], name, zone, language, tags, fields }));
    const changed = await sql<{ id: ContactId; version: number }>(
      `update contacts c set version = c.version + 1, updated_at = $3, name = n.name, zone = n.zone, language = n.language, tags = n.tags, fields = n.fields
       from (
         select o.id, coalesce(g.name, o.name) as name, coalesce(g.zone, o.zone) as zone, coalesce(g.language, o.language) as language,
           o.fields || g.fields as fields,
           array(select t.tag from unnest(o.tags || array(select jsonb_array_elements_text(g.tags))) with ordinality as t (tag, place)
                 group by t.tag order by min(t.place)) as tags
         from jsonb_to_recordset($2::jsonb) as g (id uuid, name text, zone text, language text, tags jsonb, fields jsonb)
           join contacts o on o.creator_id = $1 and o.id = g.id) n
       where c.creator_id = $1 and c.id = n.id
         and (c.name, c.zone, c.language, c.tags, c.fields) is distinct from (n.name, n.zone, n.language, n.tags, n.fields)
       returning c.id, c.version`,
      [creatorId, JSON.stringify(rows), new Date(at)],
    );
    return { made, changed };
  });
}

/** Makes a contact for each identity that leads to nobody. One that another transaction adds first leads to theirs. */
async function addIdentities(
  sql: Sql,
  creatorId: CreatorId,
  given: readonly GivenContact[],
  present: readonly (ContactId | null)[],
  newId: () => ContactId,
  at: Date,
): Promise<number> {
  const unknown = given.filter(({ externalId }, index) => present[index] === null && externalId !== null);
  if (unknown.length === 0) return 0;
  const ids = unknown.map(newId);
  await sql('insert into contacts (creator_id, id, created_at, updated_at) select $1, n.id, $3, $3 from unnest($2::uuid[]) as n (id)', [
    creatorId,
    ids,
    at,
  ]);
  const added = await sql(
    `insert into identities (creator_id, channel, external_id, contact_id, created_at, updated_at)
     select $1, n.channel, n.external_id, n.id, $5, $5 from unnest($2::text[], $3::text[], $4::uuid[]) as n (channel, external_id, id)
     on conflict do nothing returning 1`,
    [creatorId, unknown.map(({ channel }) => channel), unknown.map(({ externalId }) => externalId), ids, at],
  );
  await sql(
    `delete from contacts c where c.creator_id = $1 and c.id = any ($2::uuid[])
       and not exists (select from identities i where i.creator_id = c.creator_id and i.contact_id = c.id)`,
    [creatorId, ids],
  );
  return added.length;
}
