/** Creators: the tenants themselves. */
import type { Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';

/** Adds a workspace, in its own context. */
export async function insertCreator(sql: Sql, creator: { id: CreatorId; name: string }): Promise<void> {
  await sql('insert into creators (creator_id, name) values ($1, $2)', [creator.id, creator.name]);
}

/** The workspace of the present context, undefined when it is not there. */
export async function findCreator(
  sql: Sql,
  creatorId: CreatorId,
): Promise<{ id: CreatorId; name: string; suspended: boolean } | undefined> {
  const [row] = await sql<{ creator_id: CreatorId; name: string; suspended: boolean }>(
    'select creator_id, name, suspended_at is not null as suspended from creators where creator_id = $1',
    [creatorId],
  );
  return row && { id: row.creator_id, name: row.name, suspended: row.suspended };
}

/** Suspends a workspace or lets it work again. False when there is no such workspace. @param at null lets it work again */
export async function suspendCreator(sql: Sql, creatorId: CreatorId, at: Date | null): Promise<boolean> {
  const rows = await sql('update creators set suspended_at = $2, updated_at = now() where creator_id = $1 returning creator_id', [
    creatorId,
    at,
  ]);
  return rows.length > 0;
}

/** Whether anybody has registered. Only in `Database.owner` of the embedded database, whose owner row level security does not bind. */
export async function hasCreators(sql: Sql): Promise<boolean> {
  return (await sql('select 1 from creators limit 1')).length > 0;
}

/** Every creator of the installation. @param routing `database.routing` */
export async function allCreators(routing: Sql): Promise<CreatorId[]> {
  return (await routing<{ creator_id: CreatorId }>('select creator_id from routing.creators()')).map((row) => row.creator_id);
}
