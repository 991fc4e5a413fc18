/** Members: who signs in to a creator's workspace. */
import type { Role } from '../context.ts';
import type { Sql } from '../database.ts';
import type { CreatorId, MemberId } from '../ids.ts';

/** A member as stored. `passwordHash` is a PHC string. */
export interface Member {
  creatorId: CreatorId;
  id: MemberId;
  email: string;
  displayName: string;
  role: Role;
  passwordHash: string;
  createdAt: Date;
}

interface Row {
  creator_id: CreatorId;
  id: MemberId;
  email: string;
  display_name: string;
  role: Role;
  password_hash: string;
  created_at: Date;
}

/** Where sign-in by this address leads, before any context is known. @param routing `database.routing` */
export async function findMemberByEmail(routing: Sql, email: string): Promise<{ creatorId: CreatorId; memberId: MemberId } | undefined> {
  const [row] = await routing<{ creator_id: CreatorId; member_id: MemberId }>(
    'select creator_id, member_id from routing.member_by_email($1)',
    [email],
  );
  return row && { creatorId: row.creator_id, memberId: row.member_id };
}

/** @throws the driver's error 23505 when the address is taken */
export async function insertMember(sql: Sql, member: Omit<Member, 'createdAt'>): Promise<void> {
  await sql('insert into members (creator_id, id, email, display_name, role, password_hash) values ($1, $2, $3, $4, $5, $6)', [
    member.creatorId,
    member.id,
    member.email,
    member.displayName,
    member.role,
    member.passwordHash,
  ]);
}

/** A member of the present creator, undefined when there is none. */
export async function findMember(sql: Sql, memberId: MemberId): Promise<Member | undefined> {
  const [row] = await sql<Row>('select creator_id, id, email, display_name, role, password_hash, created_at from members where id = $1', [
    memberId,
  ]);
  return (
    row && {
      creatorId: row.creator_id,
      id: row.id,
      email: row.email,
      displayName: row.display_name,
      role: row.role,
      passwordHash: row.password_hash,
      createdAt: row.created_at,
    }
  );
}

/** Changes the name shown to others. */
export async function renameMember(sql: Sql, memberId: MemberId, displayName: string): Promise<void> {
  await sql('update members set display_name = $2, updated_at = now() where id = $1', [memberId, displayName]);
}

/** Replaces the password hash unless it changed since it was read. Gives whether it was replaced. */
export async function replacePasswordHash(sql: Sql, memberId: MemberId, before: string, after: string): Promise<boolean> {
  const rows = await sql('update members set password_hash = $3, updated_at = now() where id = $1 and password_hash = $2 returning id', [
    memberId,
    before,
    after,
  ]);
  return rows.length > 0;
}

/** The member's role while the sign-in stands, else null. @param now wall time in milliseconds since 1970 */
export async function findStanding(sql: Sql, memberId: MemberId, familyId: string, now: number): Promise<Role | null> {
  const [row] = await sql<{ role: Role }>(
    `select m.role from members m join refresh_families f on f.creator_id = m.creator_id and f.member_id = m.id
     where m.id = $1 and f.id = $2 and f.revoked_at is null and f.expires_at > $3 and f.created_at >= m.sessions_valid_after`,
    [memberId, familyId, new Date(now).toISOString()],
  );
  return row?.role ?? null;
}
