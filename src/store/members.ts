/** Members: who signs in to a creator's workspace. */
import type { Role } from '../context.ts';
import type { Sql } from '../database.ts';
import type { CreatorId, MemberId } from '../ids.ts';

/** A member as stored. `passwordHash` is a PHC string, null until an invited member has come. */
export interface Member {
  creatorId: CreatorId;
  id: MemberId;
  email: string;
  displayName: string;
  role: Role;
  passwordHash: string | null;
  /** Whether the member has proved to read mail at this address. */
  verified: boolean;
  createdAt: Date;
}

const columns = 'creator_id, id, email, display_name, role, password_hash, email_verified_at is not null as verified, created_at';

interface Row {
  creator_id: CreatorId;
  id: MemberId;
  email: string;
  display_name: string;
  role: Role;
  password_hash: string | null;
  verified: boolean;
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
  await sql(
    `insert into members (creator_id, id, email, display_name, role, password_hash, email_verified_at)
     values ($1, $2, $3, $4, $5, $6, case when $7 then now() end)`,
    [member.creatorId, member.id, member.email, member.displayName, member.role, member.passwordHash, member.verified],
  );
}

/** A member of the present creator, undefined when there is none. */
export async function findMember(sql: Sql, memberId: MemberId): Promise<Member | undefined> {
  const [row] = await sql<Row>(`select ${columns} from members where id = $1`, [memberId]);
  return row && fromRow(row);
}

/** A member with the workspace it belongs to. */
export interface AccountRow {
  creator: { id: CreatorId; name: string; suspended: boolean };
  member: Member;
}

/** The member with its workspace, undefined when either is not there. */
export async function findAccount(sql: Sql, memberId: MemberId): Promise<AccountRow | undefined> {
  const [row] = await sql<Row & { name: string; suspended: boolean }>(
    `select m.*, c.name, c.suspended_at is not null as suspended from (select ${columns} from members where id = $1) m
     join creators c on c.creator_id = m.creator_id`,
    [memberId],
  );
  return row && { creator: { id: row.creator_id, name: row.name, suspended: row.suspended }, member: fromRow(row) };
}

/** All members of the present creator, oldest first. Workspaces are small: at most 500 are given. */
export async function listMembers(sql: Sql): Promise<Member[]> {
  return (await sql<Row>(`select ${columns} from members order by created_at, id limit 500`)).map(fromRow);
}

/** Locks the owners of the present creator until the transaction ends and gives their ids, so that the last one cannot go twice. */
export async function lockOwners(sql: Sql): Promise<MemberId[]> {
  const rows = await sql<{ id: MemberId }>("select id from members where role = 'owner' and password_hash is not null for update");
  return rows.map((row) => row.id);
}

/** Changes what the member may do. False when there is no such member. */
export async function changeRole(sql: Sql, memberId: MemberId, role: Role): Promise<boolean> {
  return (await sql('update members set role = $2, updated_at = now() where id = $1 returning id', [memberId, role])).length > 0;
}

/** Removes the member with its sign-ins and keys. False when there is no such member. */
export async function deleteMember(sql: Sql, memberId: MemberId): Promise<boolean> {
  return (await sql('delete from members where id = $1 returning id', [memberId])).length > 0;
}

/** Sets a password without asking for the old one: the member proved to read mail at the address. */
export async function setPassword(sql: Sql, memberId: MemberId, passwordHash: string): Promise<void> {
  await sql(
    'update members set password_hash = $2, email_verified_at = coalesce(email_verified_at, now()), updated_at = now() where id = $1',
    [memberId, passwordHash],
  );
}

/** Notes that the member reads mail at its address. */
export async function verifyEmail(sql: Sql, memberId: MemberId): Promise<void> {
  await sql('update members set email_verified_at = now(), updated_at = now() where id = $1', [memberId]);
}

function fromRow(row: Row): Member {
  return {
    creatorId: row.creator_id,
    id: row.id,
    email: row.email,
    displayName: row.display_name,
    role: row.role,
    passwordHash: row.password_hash,
    verified: row.verified,
    createdAt: row.created_at,
  };
}

/** Changes the name shown to others. */
export async function renameMember(sql: Sql, memberId: MemberId, displayName: string): Promise<void> {
  await sql('update members set display_name = $2, updated_at = now() where id = $1', [memberId, displayName]);
}

/** Changes the address to one at which the member has proved to read mail, or that is taken unproved. @throws the driver's error 23505 when it is taken */
export async function changeEmail(sql: Sql, memberId: MemberId, email: string): Promise<void> {
  await sql('update members set email = $2, email_verified_at = now(), updated_at = now() where id = $1', [memberId, email]);
}

/** Replaces the password hash unless it changed since it was read. Gives whether it was replaced. */
export async function replacePasswordHash(sql: Sql, memberId: MemberId, before: string | null, after: string): Promise<boolean> {
  const rows = await sql('update members set password_hash = $3, updated_at = now() where id = $1 and password_hash = $2 returning id', [
    memberId,
    before,
    after,
  ]);
  return rows.length > 0;
}

/** What holds for a sign-in now. */
export interface StandingRow {
  role: Role;
  /** When the password was last proved in it, in milliseconds since 1970. */
  authenticatedAt: number;
}

/** The standing while the sign-in is not over and the creator not suspended, else null. @param now wall time in milliseconds since 1970 */
export async function findStanding(sql: Sql, memberId: MemberId, familyId: string, now: number): Promise<StandingRow | null> {
  const [row] = await sql<{ role: Role; authenticated_at: Date }>(
    `select m.role, f.authenticated_at from members m join refresh_families f on f.creator_id = m.creator_id and f.member_id = m.id
     join creators c on c.creator_id = m.creator_id
     where m.id = $1 and f.id = $2 and f.revoked_at is null and f.expires_at > $3 and f.created_at >= m.sessions_valid_after
       and c.suspended_at is null`,
    [memberId, familyId, new Date(now).toISOString()],
  );
  return row === undefined ? null : { role: row.role, authenticatedAt: row.authenticated_at.getTime() };
}
