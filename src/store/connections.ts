/** Connections: a creator's accounts on outside channels, with their secrets sealed. */
import type { Database, Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';

/** A connection as it is kept. */
export interface ConnectionRow {
  id: string;
  channel: 'whatsapp' | 'telegram' | 'webhook';
  /** The provider's own name of the account. */
  account: string;
  name: string;
  settings: Readonly<Record<string, string>>;
  sealedSecrets: string;
  status: 'active' | 'disabled';
  /** Why it is disabled, a coarse word; null while active. */
  reason: string | null;
  /** Nothing is sent before this wall time. */
  parkedUntil: Date;
  createdAt: Date;
  updatedAt: Date;
}

const columns = `n.id, n.channel, n.account, n.name, n.settings, n.sealed_secrets as "sealedSecrets", n.status, n.reason,
  n.parked_until as "parkedUntil", n.created_at as "createdAt", n.updated_at as "updatedAt"`;

/** The creator of a connection; undefined when there is none. */
export async function creatorOfConnection(db: Database, id: string): Promise<CreatorId | undefined> {
  const [row] = await db.routing<{ creator_id: CreatorId }>('select creator_id from routing.connection($1)', [id]);
  return row?.creator_id;
}

/** Every connection of an account, of any creator, oldest first: whose secret signed a request decides between them. */
export async function connectionsOfAccount(
  db: Database,
  channel: string,
  account: string,
): Promise<readonly { creatorId: CreatorId; id: string }[]> {
  const rows = await db.routing<{ creator_id: CreatorId; id: string }>(
    'select creator_id, id from routing.connections_of_account($1, $2)',
    [channel, account],
  );
  return rows.map((row) => ({ creatorId: row.creator_id, id: row.id }));
}

/** The connection of this creator; undefined when there is none. */
export async function findConnection(sql: Sql, creatorId: CreatorId, id: string): Promise<ConnectionRow | undefined> {
  const [row] = await sql<ConnectionRow>(`select ${columns} from connections n where n.creator_id = $1 and n.id = $2`, [creatorId, id]);
  return row;
}

/** The connection of this creator to an account; undefined when there is none. */
export async function findConnectionOfAccount(
  sql: Sql,
  creatorId: CreatorId,
  channel: string,
  account: string,
): Promise<ConnectionRow | undefined> {
  const [row] = await sql<ConnectionRow>(
    `select ${columns} from connections n where n.creator_id = $1 and n.channel = $2 and n.account = $3`,
    [creatorId, channel, account],
  );
  return row;
}

/** All connections of a creator, oldest first. There are few. */
export function listConnections(sql: Sql, creatorId: CreatorId): Promise<ConnectionRow[]> {
  return sql<ConnectionRow>(`select ${columns} from connections n where n.creator_id = $1 order by n.created_at, n.id limit 200`, [
    creatorId,
  ]);
}

/** Adds a connection, or gives one that is there new settings and secrets and makes it active. */
export async function saveConnection(
  sql: Sql,
  creatorId: CreatorId,
  connection: Pick<ConnectionRow, 'id' | 'channel' | 'account' | 'name' | 'settings' | 'sealedSecrets'>,
): Promise<ConnectionRow> {
  const [row] = await sql<ConnectionRow>(
    `insert into connections as n (creator_id, id, channel, account, name, settings, sealed_secrets) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (creator_id, id) do update set name = excluded.name, settings = excluded.settings,
       sealed_secrets = excluded.sealed_secrets, status = 'active', reason = null, parked_until = 'epoch', updated_at = now()
     returning ${columns}`,
    [
      creatorId,
      connection.id,
      connection.channel,
      connection.account,
      connection.name,
      JSON.stringify(connection.settings),
      connection.sealedSecrets,
    ],
  );
  return row as ConnectionRow;
}

/** Forgets a connection with its addresses and deliveries; conversations stay. */
export async function removeConnection(sql: Sql, creatorId: CreatorId, id: string): Promise<void> {
  await sql('delete from connections where creator_id = $1 and id = $2', [creatorId, id]);
}

/** Stops all sending over a connection until it is connected again. */
export async function disableConnection(sql: Sql, creatorId: CreatorId, id: string, reason: string): Promise<void> {
  await sql(`update connections set status = 'disabled', reason = $3, updated_at = now() where creator_id = $1 and id = $2`, [
    creatorId,
    id,
    reason,
  ]);
}

/** Lets nothing be sent over a connection before `until`, wall time in milliseconds since 1970. */
export async function parkConnection(sql: Sql, creatorId: CreatorId, id: string, until: number): Promise<void> {
  await sql(
    'update connections set parked_until = greatest(parked_until, $3::timestamptz), updated_at = now() where creator_id = $1 and id = $2',
    [creatorId, id, new Date(until)],
  );
}
