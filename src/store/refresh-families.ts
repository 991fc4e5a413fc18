/** Refresh families: one sign-in on one device, whose tokens rotate. */
import type { Sql } from '../database.ts';
import type { CreatorId, MemberId } from '../ids.ts';

/** A family as the rotation rule sees it; instants in milliseconds since 1970. */
export interface RefreshFamily {
  id: string;
  memberId: MemberId;
  generation: number;
  rotatedAt: number;
  lastUsedAt: number;
  expiresAt: number;
  createdAt: number;
  /** Ended by hand, by reuse, or because the member ended all sessions. */
  ended: boolean;
  userAgent: string | null;
}

interface Row {
  id: string;
  member_id: MemberId;
  generation: number;
  rotated_at: Date;
  last_used_at: Date;
  expires_at: Date;
  created_at: Date;
  ended: boolean;
  user_agent: string | null;
}

const columns = `f.id, f.member_id, f.generation, f.rotated_at, f.last_used_at, f.expires_at, f.created_at, f.user_agent,
  (f.revoked_at is not null or f.created_at < m.sessions_valid_after) as ended
  from refresh_families f join members m on m.creator_id = f.creator_id and m.id = f.member_id`;

/** The creator a family belongs to, before any context is known. @param routing `database.routing` */
export async function findFamilyCreator(routing: Sql, familyId: string): Promise<CreatorId | undefined> {
  const [row] = await routing<{ creator_id: CreatorId }>('select creator_id from routing.family($1)', [familyId]);
  return row?.creator_id;
}

/** A new family at generation 0. Instants in milliseconds since 1970. */
export async function insertFamily(
  sql: Sql,
  family: { creatorId: CreatorId; id: string; memberId: MemberId; now: number; expiresAt: number; userAgent: string | null },
): Promise<void> {
  await sql(
    `insert into refresh_families (creator_id, id, member_id, rotated_at, last_used_at, authenticated_at, created_at, updated_at, expires_at, user_agent)
     values ($1, $2, $3, $4, $4, $4, $4, $4, $5, $6)`,
    [family.creatorId, family.id, family.memberId, iso(family.now), iso(family.expiresAt), family.userAgent],
  );
}

/** The family, locked until the transaction ends, so that two refreshes see each other. */
export async function lockFamily(sql: Sql, familyId: string): Promise<RefreshFamily | undefined> {
  const [row] = await sql<Row>(`select ${columns} where f.id = $1 for update of f`, [familyId]);
  return row && fromRow(row);
}

/** Moves a family to its next generation. */
export async function rotateFamily(sql: Sql, familyId: string, generation: number, now: number): Promise<void> {
  await sql('update refresh_families set generation = $2, rotated_at = $3, last_used_at = $3, updated_at = $3 where id = $1', [
    familyId,
    generation,
    iso(now),
  ]);
}

/** Ends a family of a member. Gives whether it was there and not ended yet. */
export async function revokeFamily(sql: Sql, familyId: string, now: number, memberId: MemberId): Promise<boolean> {
  const rows = await sql(
    `update refresh_families set revoked_at = $2, updated_at = $2
     where id = $1 and member_id = $3 and revoked_at is null returning id`,
    [familyId, iso(now), memberId],
  );
  return rows.length > 0;
}

/** Ends every family of a member, but the one to keep. Gives the ids of those ended. */
export async function revokeOtherFamilies(sql: Sql, memberId: MemberId, keep: string | null, now: number): Promise<string[]> {
  const rows = await sql<{ id: string }>(
    `update refresh_families set revoked_at = $3, updated_at = $3
     where member_id = $1 and id is distinct from $2::uuid and revoked_at is null returning id`,
    [memberId, keep, iso(now)],
  );
  return rows.map((row) => row.id);
}

/** Ends every family of the present creator. Gives the ids of those ended. */
export async function revokeAllFamilies(sql: Sql, now: number): Promise<string[]> {
  const rows = await sql<{ id: string }>(
    'update refresh_families set revoked_at = $1, updated_at = $1 where revoked_at is null returning id',
    [iso(now)],
  );
  return rows.map((row) => row.id);
}

/** The families of a member that were not ended by hand. */
export async function familyIds(sql: Sql, memberId: MemberId): Promise<string[]> {
  const rows = await sql<{ id: string }>('select id from refresh_families where member_id = $1 and revoked_at is null', [memberId]);
  return rows.map((row) => row.id);
}

/** Notes that the password was proved in this sign-in just now. */
export async function touchAuthentication(sql: Sql, familyId: string, now: number): Promise<void> {
  await sql('update refresh_families set authenticated_at = $2, updated_at = $2 where id = $1', [familyId, iso(now)]);
}

/** The member's families that can still be refreshed, newest first. @param idleSince families unused since then are over */
export async function listFamilies(sql: Sql, memberId: MemberId, now: number, idleSince: number): Promise<RefreshFamily[]> {
  const rows = await sql<Row>(
    `select ${columns} where f.member_id = $1 and f.revoked_at is null and f.created_at >= m.sessions_valid_after
       and f.expires_at > $2 and f.last_used_at > $3 order by f.created_at desc, f.id desc limit 200`,
    [memberId, iso(now), iso(idleSince)],
  );
  return rows.map(fromRow);
}

function fromRow(row: Row): RefreshFamily {
  return {
    id: row.id,
    memberId: row.member_id,
    generation: row.generation,
    rotatedAt: row.rotated_at.getTime(),
    lastUsedAt: row.last_used_at.getTime(),
    expiresAt: row.expires_at.getTime(),
    createdAt: row.created_at.getTime(),
    ended: row.ended,
    userAgent: row.user_agent,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
