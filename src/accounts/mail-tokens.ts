/** Tokens for mails: made for one purpose, used once, void after minutes. */
import type { Clock } from '../clock.ts';
import type { Database, Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId } from '../ids.ts';
import { findMailToken, insertMailToken, type MailPurpose, useMailToken } from '../store/mail-tokens.ts';
import { findMember, type Member } from '../store/members.ts';
import { newSecret, readSecret } from './secret.ts';

const minute = 60_000;
/** ASVS 6.5.5: what proves a person's address lives ten minutes. An invitation proves nothing yet, so it may wait for a week. */
const lifeMs: Readonly<Record<MailPurpose, number>> = {
  confirm: 10 * minute,
  reset: 10 * minute,
  address: 10 * minute,
  invite: 7 * 24 * 60 * minute,
};

const prefix = 'cm_';

/** Makes a token for a member inside the caller's transaction. */
export async function makeMailToken(
  sql: Sql,
  member: Pick<Member, 'creatorId' | 'id' | 'email'>,
  purpose: MailPurpose,
  clock: Clock,
): Promise<string> {
  const { text, digest } = newSecret(prefix, [member.creatorId]);
  const now = new Date(clock.wall());
  const expiresAt = new Date(now.getTime() + lifeMs[purpose]);
  await insertMailToken(sql, { creatorId: member.creatorId, digest, memberId: member.id, purpose, email: member.email, expiresAt, now });
  return text;
}

/** A token that is good now. */
export interface GoodToken {
  member: Member;
  /** Where the mail went. */
  email: string;
  /** Uses it up inside the transaction of what it allows. @throws AppError INVALID_INPUT somebody else was faster */
  use(sql: Sql): Promise<void>;
}

/**
 * The member a token stands for; it stays good until it is used.
 *
 * @throws AppError INVALID_INPUT with the same words whether it is unknown, used, expired or of a member who is gone
 */
export async function readMailToken(database: Database, text: string, purpose: MailPurpose, clock: Clock): Promise<GoodToken> {
  const read = readSecret(prefix, 1, text);
  const creatorId = read?.uuids[0] as CreatorId | undefined;
  if (read === undefined || creatorId === undefined) throw spent();
  const { found, member } = await database.tenant(creatorId, async (sql) => {
    const row = await findMailToken(sql, read.digest, purpose, new Date(clock.wall()));
    return { found: row, member: row && (await findMember(sql, row.memberId)) };
  });
  if (found === undefined || member === undefined) throw spent();
  return {
    member,
    email: found.email,
    async use(sql) {
      if (!(await useMailToken(sql, read.digest))) throw spent();
    },
  };
}

/** Said of every token that is not good, whatever is wrong with it. */
export const spentText = 'Ask for a new mail: this link has been used or has expired';

function spent(): AppError {
  return new AppError('INVALID_INPUT', spentText);
}
