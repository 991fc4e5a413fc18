/** Erasures on record: asked for once, claimed until done. */
import type { Sql } from '../database.ts';
import type { ContactId, CreatorId, DocumentId } from '../ids.ts';

/** An erasure. Without a contact it means the whole workspace. */
export interface ErasureRow {
  id: string;
  contact_id: ContactId | null;
  status: 'queued' | 'done';
  /** When the first round had forgotten everything; the second ends it. */
  forgotten_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

const columns = 'id, contact_id, status, forgotten_at, created_at, updated_at';

/** Asks for an erasure. Asked again it gives the one that is there, done or not. */
export async function askErasure(sql: Sql, creatorId: CreatorId, id: string, contactId: ContactId | null): Promise<ErasureRow> {
  const find = () =>
    sql<ErasureRow>(`select ${columns} from erasures where contact_id is not distinct from $1::uuid order by created_at desc limit 1`, [
      contactId,
    ]);
  const [present] = await find();
  if (present !== undefined) return present;
  await sql(
    `insert into erasures (creator_id, id, contact_id) values ($1, $2, $3)
     on conflict (creator_id, coalesce(contact_id, creator_id)) where status = 'queued' do nothing`,
    [creatorId, id, contactId],
  );
  const [made] = await find();
  if (made === undefined) throw new Error('Cannot find the erasure just asked for');
  return made;
}

/** The erasure of the present creator, undefined when there is none. */
export async function findErasure(sql: Sql, id: string): Promise<ErasureRow | undefined> {
  const [row] = await sql<ErasureRow>(`select ${columns} from erasures where id = $1`, [id]);
  return row;
}

/** The erasure of a contact, asked for before; undefined when there is none. */
export async function findErasureOf(sql: Sql, contactId: ContactId): Promise<ErasureRow | undefined> {
  const [row] = await sql<ErasureRow>(`select ${columns} from erasures where contact_id = $1 order by created_at desc limit 1`, [
    contactId,
  ]);
  return row;
}

/** Claims erasures for `holdMs`, of all creators. @param routing `database.routing` */
export function claimErasures(routing: Sql, now: number, holdMs: number, most: number): Promise<{ creator_id: CreatorId; id: string }[]> {
  return routing('select creator_id, id from routing.claim_erasures($1, make_interval(secs => $2), $3)', [
    new Date(now),
    holdMs / 1000,
    most,
  ]);
}

/** Notes that everything was forgotten once, and has the erasure claimed again from `again` on. */
export async function settleErasure(sql: Sql, id: string, now: Date, again: Date): Promise<void> {
  await sql('update erasures set forgotten_at = $2, leased_until = $3, updated_at = $2 where id = $1', [id, now, again]);
}

/** Notes that nothing is left. */
export async function endErasure(sql: Sql, id: string, now: Date): Promise<void> {
  await sql("update erasures set status = 'done', updated_at = $2 where id = $1", [id, now]);
}

/** The documents of the present creator, whose files and vectors are kept elsewhere. */
export async function documentIds(sql: Sql): Promise<DocumentId[]> {
  return (await sql<{ id: DocumentId }>('select id from documents order by id')).map((row) => row.id);
}
