/** Tokens sent by mail, by their digest: used once, for one purpose. */
import type { Sql } from '../database.ts';
import type { CreatorId, MemberId } from '../ids.ts';

/** What a token in a mail is for: to confirm the address, to choose a new password, to join a workspace, to change to the address. */
export type MailPurpose = 'confirm' | 'reset' | 'invite' | 'address';

/** Keeps a token. Earlier ones stay good: who asks in another's name must not void what that person has just received. */
export async function insertMailToken(
  sql: Sql,
  token: { creatorId: CreatorId; digest: string; memberId: MemberId; purpose: MailPurpose; email: string; expiresAt: Date; now: Date },
): Promise<void> {
  await sql('delete from mail_tokens where member_id = $1 and expires_at <= $2', [token.memberId, token.now]);
  await sql('insert into mail_tokens (creator_id, digest, member_id, purpose, email, expires_at) values ($1, $2, $3, $4, $5, $6)', [
    token.creatorId,
    token.digest,
    token.memberId,
    token.purpose,
    token.email,
    token.expiresAt,
  ]);
}

/** The member a token stands for and the address it was sent to, while it has not expired and that is the member's, or is to become it. */
export async function findMailToken(
  sql: Sql,
  digest: string,
  purpose: MailPurpose,
  now: Date,
): Promise<{ memberId: MemberId; email: string } | undefined> {
  const [row] = await sql<{ memberId: MemberId; email: string }>(
    `select t.member_id as "memberId", t.email from mail_tokens t join members m on m.creator_id = t.creator_id and m.id = t.member_id
     where t.digest = $1 and t.purpose = $2 and t.expires_at > $3 and (m.email = t.email or t.purpose = 'address')`,
    [digest, purpose, now],
  );
  return row;
}

/** Uses a token up, and with it every other of the member for the same purpose: of many that try at the same moment one gets true. */
export async function useMailToken(sql: Sql, digest: string): Promise<boolean> {
  const [used] = await sql<{ member_id: MemberId; purpose: MailPurpose }>(
    'delete from mail_tokens where digest = $1 returning member_id, purpose',
    [digest],
  );
  if (used === undefined) return false;
  await sql('delete from mail_tokens where member_id = $1 and purpose = $2', [used.member_id, used.purpose]);
  return true;
}
