/** Accounts: opening a workspace, signing in to it, and a member's own name and password. */
import type { MemberPrincipal } from '../context.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId, Ids, MemberId } from '../ids.ts';
import { findCreator, insertCreator } from '../store/creators.ts';
import { findMember, findMemberByEmail, insertMember, type Member, renameMember, replacePasswordHash } from '../store/members.ts';
import type { Passwords } from './passwords.ts';
import type { Sessions, TokenPair } from './sessions.ts';

/** A member with the workspace it belongs to. */
export interface Account {
  creator: { id: CreatorId; name: string };
  member: Member;
}

/** Mail addresses come in as `EmailAddress` gives them, passwords as the policy let them through. */
export interface Accounts {
  /**
   * Opens a workspace with its owner and signs in.
   *
   * @throws AppError EMAIL_TAKEN
   */
  register(
    given: { email: string; password: string; displayName: string },
    userAgent: string | null,
  ): Promise<Account & { tokens: TokenPair }>;
  /** @throws AppError UNAUTHENTICATED with the same words, after the same time, for an unknown address and a wrong password */
  login(given: { email: string; password: string }, userAgent: string | null): Promise<Account & { tokens: TokenPair }>;
  /** @throws AppError SESSION_ENDED the member is gone */
  get(principal: MemberPrincipal): Promise<Account>;
  /** @throws AppError SESSION_ENDED the member is gone */
  rename(principal: MemberPrincipal, displayName: string): Promise<Account>;
  /**
   * Replaces the password and ends every other sign-in.
   *
   * @throws AppError FORBIDDEN the current password is wrong · CONFLICT it was changed at the same moment
   */
  changePassword(principal: MemberPrincipal, given: { current: string; next: string }): Promise<void>;
}

/** Accounts over the record; hashing and tokens are the parts' own. */
export function createAccounts(deps: { database: Database; passwords: Passwords; sessions: Sessions; ids: Ids }): Accounts {
  const { database, passwords, sessions, ids } = deps;

  async function get({ creatorId, memberId }: { creatorId: CreatorId; memberId: MemberId }): Promise<Account> {
    return database.tenant(creatorId, async (sql) => {
      const [creator, member] = [await findCreator(sql, creatorId), await findMember(sql, memberId)];
      if (creator === undefined || member === undefined) throw new AppError('SESSION_ENDED', 'Sign in again: this session has ended');
      return { creator, member };
    });
  }

  return {
    async register({ email, password, displayName }, userAgent) {
      if ((await findMemberByEmail(database.routing, email)) !== undefined) throw emailTaken();
      const passwordHash = await passwords.hash(password);
      const creator = { id: ids.uuid<CreatorId>(), name: displayName };
      const owner = { creatorId: creator.id, id: ids.uuid<MemberId>(), email, displayName, role: 'owner', passwordHash } as const;
      const opened = await database
        .tenant(creator.id, async (sql) => {
          await insertCreator(sql, creator);
          await insertMember(sql, owner);
          const tokens = await sessions.open(sql, owner, userAgent);
          return { member: await findMember(sql, owner.id), tokens };
        })
        .catch((cause: unknown) => {
          throw isUniqueViolation(cause) ? emailTaken(cause) : cause;
        });
      if (opened.member === undefined) throw new Error('Cannot find the member just added');
      return { creator, member: opened.member, tokens: await opened.tokens() };
    },

    async login({ email, password }, userAgent) {
      const found = await findMemberByEmail(database.routing, email);
      const account = found && (await get(found));
      const fits = await passwords.verify(password, account?.member.passwordHash ?? null);
      if (account === undefined || !fits) throw new AppError('UNAUTHENTICATED', 'Check the mail address and the password');
      const { member } = account;
      const fresh = passwords.outdated(member.passwordHash) ? await passwords.hash(password) : null;
      const tokens = await database.tenant(member.creatorId, async (sql) => {
        if (fresh !== null) await replacePasswordHash(sql, member.id, member.passwordHash, fresh);
        return sessions.open(sql, member, userAgent);
      });
      return { ...account, tokens: await tokens() };
    },

    get,

    async rename(principal, displayName) {
      await database.tenant(principal.creatorId, (sql) => renameMember(sql, principal.memberId, displayName));
      return get(principal);
    },

    async changePassword(principal, { current, next }) {
      const { member } = await get(principal);
      if (!(await passwords.verify(current, member.passwordHash))) throw new AppError('FORBIDDEN', 'Check the current password');
      const hash = await passwords.hash(next);
      const tellNodes = await database.tenant(principal.creatorId, async (sql) => {
        if (!(await replacePasswordHash(sql, member.id, member.passwordHash, hash))) {
          throw new AppError('CONFLICT', 'Cannot change the password: it was changed at the same moment');
        }
        return sessions.endOthers(sql, principal);
      });
      await tellNodes();
    },
  };
}

function emailTaken(cause?: unknown): AppError {
  return new AppError('EMAIL_TAKEN', 'Sign in instead: this mail address has an account', { cause });
}

/** SQLSTATE 23505, which both drivers give as `code`. */
function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}
