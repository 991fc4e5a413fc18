/** Accounts: opening a workspace, signing in to it, and a member's own name and password. */
import type { Clock } from '../clock.ts';
import type { Caller, MemberPrincipal } from '../context.ts';
import type { Database, Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId, Ids, MemberId } from '../ids.ts';
import { insertCreator } from '../store/creators.ts';
import {
  type AccountRow,
  findAccount,
  findMemberByEmail,
  insertMember,
  type Member,
  renameMember,
  replacePasswordHash,
  verifyEmail,
} from '../store/members.ts';
import { hasSqlState, sqlState } from '../store/sql-state.ts';
import { type Audit, installationId } from './audit.ts';
import type { letters, Mail } from './mail.ts';
import { makeMailToken, readMailToken } from './mail-tokens.ts';
import type { Passwords } from './passwords.ts';
import type { Sessions, TokenPair } from './sessions.ts';

/** A member with the workspace it belongs to. */
export type Account = AccountRow;

/** An account with the tokens of a new sign-in. */
export type SignedIn = Account & { tokens: TokenPair };

/** Where mail leaves, and what it says; null without a mail server. */
export type Post = { mail: Mail; letters: ReturnType<typeof letters> } | null;

/** Mail addresses come in as `EmailAddress` gives them, passwords as the policy let them through. */
export interface Accounts {
  /**
   * Opens a workspace with its owner. Signs in at once where no mail can be sent; else answers null whether the address is known
   * or not, and the rest goes by mail.
   *
   * @throws AppError INVALID_INPUT the password is guessed too easily · EMAIL_TAKEN only where no mail can be sent
   */
  register(given: { email: string; password: string; displayName: string }, caller: Caller): Promise<SignedIn | null>;
  /**
   * Proves that the owner reads mail at the address, and knows the password it was registered with: nobody confirms for another.
   *
   * @throws AppError INVALID_INPUT the token is not good · UNAUTHENTICATED the password is not the one registered
   */
  confirm(given: { token: string; password: string }, caller: Caller): Promise<SignedIn>;
  /**
   * @throws AppError UNAUTHENTICATED with the same words, after the same time, for an unknown address, one not confirmed yet and a wrong
   * password · FORBIDDEN the workspace is suspended
   */
  login(given: { email: string; password: string }, caller: Caller): Promise<SignedIn>;
  /** @throws AppError SESSION_ENDED the member is gone */
  get(principal: { creatorId: CreatorId; memberId: MemberId }): Promise<Account>;
  /** @throws AppError SESSION_ENDED the member is gone */
  rename(principal: MemberPrincipal, displayName: string): Promise<Account>;
  /**
   * Replaces the password and ends every other sign-in.
   *
   * @throws AppError FORBIDDEN the current password is wrong · INVALID_INPUT the next is guessed too easily · CONFLICT it was changed at the
   * same moment
   */
  changePassword(principal: MemberPrincipal, given: { current: string; next: string }, caller: Caller): Promise<void>;
  /** Proves the password again, for acts that need a recent proof. @throws AppError FORBIDDEN it is wrong */
  reauthenticate(principal: MemberPrincipal, password: string, caller: Caller): Promise<void>;
}

/** What accounts are made of. */
export interface AccountsDeps {
  database: Database;
  passwords: Passwords;
  sessions: Sessions;
  audit: Audit;
  post: Post;
  clock: Clock;
  ids: Ids;
}

/** Accounts over the record; hashing and tokens are the parts' own. */
export function createAccounts(deps: AccountsDeps): Accounts {
  const { database, passwords, sessions, audit, post, clock, ids } = deps;

  async function get({ creatorId, memberId }: { creatorId: CreatorId; memberId: MemberId }): Promise<Account> {
    const account = await database.tenant(creatorId, (sql) => findAccount(sql, memberId));
    if (account === undefined) throw new AppError('SESSION_ENDED', 'Sign in again: this session has ended');
    return account;
  }

  /** Adds workspace and owner, or false when the address was taken meanwhile. */
  async function open(owner: Omit<Member, 'createdAt'>, andThen: (sql: Sql) => Promise<void>, caller: Caller): Promise<boolean> {
    try {
      await database.tenant(owner.creatorId, async (sql) => {
        await insertCreator(sql, { id: owner.creatorId, name: owner.displayName });
        await insertMember(sql, owner);
        await audit.within(sql, owner.creatorId, { caller }, { action: 'account.register', outcome: 'done', subjectId: owner.id });
        await andThen(sql);
      });
      return true;
    } catch (cause) {
      if (hasSqlState(cause, sqlState.unique)) return false;
      throw cause;
    }
  }

  /** Opens a sign-in of an account whose password has just been proved. */
  async function signIn(account: Account, caller: Caller, before: (sql: Sql) => Promise<unknown>): Promise<SignedIn> {
    const { member, creator } = account;
    if (creator.suspended) {
      await refuse(member.creatorId, caller, 'session.login', 'suspended', member.id);
      throw new AppError('FORBIDDEN', 'Ask the operator: this workspace is suspended');
    }
    const tokens = await database.tenant(member.creatorId, async (sql) => {
      await before(sql);
      await audit.within(sql, member.creatorId, { caller }, { action: 'session.login', outcome: 'done', subjectId: member.id });
      return sessions.open(sql, member, caller.userAgent);
    });
    return { ...account, tokens: await tokens() };
  }

  const refuse = (creatorId: CreatorId, caller: Caller, action: string, reason: string, subjectId?: string) =>
    audit.note(creatorId, { caller }, { action, outcome: 'refused', reason, ...(subjectId !== undefined && { subjectId }) });

  /** Why somebody is not signed in: told to the audit, not to the client. */
  async function notSignedIn(account: Account | undefined, fits: boolean, caller: Caller): Promise<AppError> {
    const reason = account === undefined ? 'unknown' : fits ? 'unconfirmed' : 'password';
    await refuse(account?.creator.id ?? installationId, caller, 'session.login', reason, account?.member.id);
    return new AppError('UNAUTHENTICATED', 'Check the mail address and the password');
  }

  async function prove(principal: MemberPrincipal, password: string, action: string, caller: Caller): Promise<Member> {
    const { member } = await get(principal);
    if (await passwords.verify(password, member.passwordHash)) return member;
    await audit.note(principal.creatorId, { caller, principal }, { action, outcome: 'refused', reason: 'password' });
    throw new AppError('FORBIDDEN', 'Check the current password');
  }

  return {
    get,

    async register({ email, password, displayName }, caller) {
      // Hashed first, known address or not, so that the time tells nothing.
      const passwordHash = await passwords.choose(password, [email, displayName]);
      const creatorId = ids.uuid<CreatorId>();
      const owner = {
        creatorId,
        id: ids.uuid<MemberId>(),
        email,
        displayName,
        role: 'owner',
        passwordHash,
        verified: post === null,
      } as const;
      let token = '';
      const free =
        (await findMemberByEmail(database.routing, email)) === undefined &&
        (await open(
          owner,
          async (sql) => {
            if (post !== null) token = await makeMailToken(sql, owner, 'confirm', clock);
          },
          caller,
        ));
      if (!free) await refuse(installationId, caller, 'account.register', 'known');
      if (post !== null) {
        post.mail.send(free ? post.letters.confirm(email, token) : post.letters.known(email));
        return null;
      }
      if (!free) throw new AppError('EMAIL_TAKEN', 'Sign in instead: this mail address has an account');
      return signIn(await get({ creatorId, memberId: owner.id }), caller, async () => undefined);
    },

    async confirm({ token, password }, caller) {
      const good = await readMailToken(database, token, 'confirm', clock);
      if (!(await passwords.verify(password, good.member.passwordHash))) {
        await refuse(good.member.creatorId, caller, 'account.confirm', 'password', good.member.id);
        throw new AppError('UNAUTHENTICATED', 'Check the password');
      }
      return signIn(await get({ ...good.member, memberId: good.member.id }), caller, async (sql) => {
        await good.use(sql);
        await verifyEmail(sql, good.member.id);
      });
    },

    async login({ email, password }, caller) {
      const found = await findMemberByEmail(database.routing, email);
      const account = found && (await get(found));
      const fits = await passwords.verify(password, account?.member.passwordHash ?? null);
      if (account === undefined || !fits || !account.member.verified) throw await notSignedIn(account, fits, caller);
      const { id, passwordHash } = account.member;
      const fresh = passwordHash !== null && passwords.outdated(passwordHash) ? await passwords.hash(password) : null;
      return signIn(account, caller, async (sql) => fresh !== null && replacePasswordHash(sql, id, passwordHash, fresh));
    },

    async rename(principal, displayName) {
      await database.tenant(principal.creatorId, (sql) => renameMember(sql, principal.memberId, displayName));
      return get(principal);
    },

    async changePassword(principal, { current, next }, caller) {
      const member = await prove(principal, current, 'password.change', caller);
      const hash = await passwords.choose(next, [member.email, member.displayName]);
      const tellNodes = await database.tenant(principal.creatorId, async (sql) => {
        if (!(await replacePasswordHash(sql, member.id, member.passwordHash, hash))) {
          throw new AppError('CONFLICT', 'Cannot change the password: it was changed at the same moment');
        }
        await audit.within(sql, principal.creatorId, { caller, principal }, { action: 'password.change', outcome: 'done' });
        return sessions.endAll(sql, principal, principal.sid);
      });
      await tellNodes();
      post?.mail.send(post.letters.changed(member.email));
    },

    async reauthenticate(principal, password, caller) {
      await prove(principal, password, 'session.prove', caller);
      const tellNodes = await database.tenant(principal.creatorId, async (sql) => {
        await audit.within(sql, principal.creatorId, { caller, principal }, { action: 'session.prove', outcome: 'done' });
        return sessions.proved(sql, principal);
      });
      await tellNodes();
    },
  };
}
