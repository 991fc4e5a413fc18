/** API keys of a creator, by their digest. */
import type { Role } from '../context.ts';
import type { Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId, MemberId } from '../ids.ts';

/** A key as listed. */
export interface ApiKeyRow {
  id: string;
  member_id: MemberId;
  name: string;
  scopes: string[];
  expires_at: Date | null;
  last_used_at: Date | null;
  created_at: Date;
}

const columns = 'id, member_id, name, scopes, expires_at, last_used_at, created_at';

/**
 * Adds a key. Asked again under its id it gives the one that is there another digest: the text of the first was never told.
 *
 * @returns whether it is new
 * @throws AppError CONFLICT another key has the id, or it was revoked
 */
export async function insertApiKey(
  sql: Sql,
  key: {
    creatorId: CreatorId;
    id: string;
    memberId: MemberId;
    name: string;
    scopes: readonly string[];
    digest: string;
    expiresAt: Date | null;
  },
): Promise<boolean> {
  // A row that was there has been locked by whoever updates it: only a new one has no xmax.
  const [row] = await sql<{ isNew: boolean }>(
    `insert into api_keys as k (creator_id, id, member_id, name, scopes, digest, expires_at) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (creator_id, id) do update set digest = excluded.digest, expires_at = excluded.expires_at, updated_at = now()
       where k.member_id = excluded.member_id and k.name = excluded.name and k.scopes = excluded.scopes and k.revoked_at is null
     returning xmax = 0 as "isNew"`,
    [key.creatorId, key.id, key.memberId, key.name, key.scopes, key.digest, key.expiresAt],
  );
  if (row === undefined) throw new AppError('CONFLICT', 'Choose another Idempotency-Key: this one was used for another API key');
  return row.isNew;
}

/** The keys of the present creator that were not revoked, newest first, 200 at most. */
export function listApiKeys(sql: Sql): Promise<ApiKeyRow[]> {
  return sql<ApiKeyRow>(`select ${columns} from api_keys where revoked_at is null order by id desc limit 200`);
}

/** Ends a key. False when there is none. */
export async function revokeApiKey(sql: Sql, id: string, now: Date): Promise<boolean> {
  const rows = await sql('update api_keys set revoked_at = $2, updated_at = $2 where id = $1 and revoked_at is null returning id', [
    id,
    now,
  ]);
  return rows.length > 0;
}

/** A key that is good now, with the role its member has now. */
export interface GoodKey {
  memberId: MemberId;
  role: Role;
  scopes: string[];
  digest: string;
}

/** The key while it and its member are there, it has not expired and the creator is not suspended. Notes the use, once a minute. */
export async function findApiKey(sql: Sql, id: string, now: Date): Promise<GoodKey | undefined> {
  const [row] = await sql<{ member_id: MemberId; role: Role; scopes: string[]; digest: string; stale: boolean }>(
    `select k.member_id, m.role, k.scopes, k.digest, coalesce(k.last_used_at < $2::timestamptz - interval '1 minute', true) as stale
     from api_keys k join members m on m.creator_id = k.creator_id and m.id = k.member_id join creators c on c.creator_id = k.creator_id
     where k.id = $1 and k.revoked_at is null and coalesce(k.expires_at > $2, true) and c.suspended_at is null`,
    [id, now],
  );
  if (row?.stale) await sql('update api_keys set last_used_at = $2 where id = $1', [id, now]);
  return row && { memberId: row.member_id, role: row.role, scopes: row.scopes, digest: row.digest };
}
