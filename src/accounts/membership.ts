/** Who belongs to a workspace: inviting, joining, changing roles and removing. */
import type { Caller, MemberPrincipal, Role } from '../context.ts';
import type { Sql } from '../database.ts';
import { AppError } from '../errors.ts';
import type { MemberId } from '../ids.ts';
import { findCreator } from '../store/creators.ts';
import {
  changeRole,
  deleteMember,
  findMember,
  findMemberByEmail,
  insertMember,
  listMembers,
  lockOwners,
  type Member,
  setPassword,
} from '../store/members.ts';
import { refusing, sqlState } from '../store/sql-state.ts';
import type { AccountsDeps } from './accounts.ts';
import { makeMailToken, readMailToken } from './mail-tokens.ts';

export interface Membership {
  list(principal: MemberPrincipal): Promise<Member[]>;
  /**
   * Adds a member who chooses a password by the token. With a mail server the token goes by mail and is not given here. Invited again under
   * the same id, a member who has not joined yet gets another token: the first was never told.
   *
   * @throws AppError EMAIL_TAKEN the address belongs to a member of this or another workspace
   */
  invite(
    principal: MemberPrincipal,
    given: { id: MemberId; email: string; displayName: string; role: Role },
    caller: Caller,
  ): Promise<{ member: Member; token: string | null }>;
  /** Chooses the password of an invited member. @throws AppError INVALID_INPUT the token is not good, or the password is guessed too easily */
  join(given: { token: string; password: string }, caller: Caller): Promise<void>;
  /** Changes the role, at once on all nodes. @throws AppError NOT_FOUND · CONFLICT it would leave no owner */
  setRole(principal: MemberPrincipal, memberId: MemberId, role: Role, caller: Caller): Promise<Member>;
  /** Removes the member with sign-ins and keys. @throws AppError NOT_FOUND · CONFLICT it would leave no owner */
  remove(principal: MemberPrincipal, memberId: MemberId, caller: Caller): Promise<void>;
}

/** Membership over the record and mail. */
export function createMembership({ database, passwords, sessions, audit, post, clock }: AccountsDeps): Membership {
  /** @throws AppError CONFLICT when the member is the only owner who can sign in */
  async function keepAnOwner(sql: Sql, memberId: MemberId): Promise<void> {
    const owners = await lockOwners(sql);
    if (owners.length === 1 && owners[0] === memberId)
      throw new AppError('CONFLICT', 'Make somebody else owner first: a workspace needs one');
  }

  return {
    list: ({ creatorId }) => database.tenant(creatorId, listMembers),

    async invite(principal, { id, email, displayName, role }, caller) {
      const { creatorId } = principal;
      const invited = { creatorId, id, email, displayName, role, passwordHash: null, verified: false };
      const known = await findMemberByEmail(database.routing, email);
      if (known !== undefined && known.memberId !== id) throw new AppError('EMAIL_TAKEN', takenText);
      const made = database.tenant(creatorId, async (sql) => {
        if (known === undefined) {
          await insertMember(sql, invited);
          const event = { action: 'member.invite', outcome: 'done', subjectId: id, reason: role } as const;
          await audit.within(sql, creatorId, { caller, principal }, event);
        }
        const member = required(await findMember(sql, id));
        if (member.verified) throw new AppError('EMAIL_TAKEN', takenText);
        return {
          member,
          token: await makeMailToken(sql, invited, 'invite', clock),
          workspace: (await findCreator(sql, creatorId))?.name ?? '',
        };
      });
      const { member, token, workspace } = await refusing(made, sqlState.unique, 'EMAIL_TAKEN', takenText);
      if (post === null) return { member, token };
      post.mail.send(post.letters.invite(email, workspace, token));
      return { member, token: null };
    },

    async join({ token, password }, caller) {
      const good = await readMailToken(database, token, 'invite', clock);
      const hash = await passwords.choose(password, [good.member.email, good.member.displayName]);
      await database.tenant(good.member.creatorId, async (sql) => {
        await good.use(sql);
        await setPassword(sql, good.member.id, hash);
        await audit.within(sql, good.member.creatorId, { caller }, { action: 'member.join', outcome: 'done', subjectId: good.member.id });
      });
    },

    async setRole(principal, memberId, role, caller) {
      const { creatorId } = principal;
      const { member, tellNodes } = await database.tenant(creatorId, async (sql) => {
        if (role !== 'owner') await keepAnOwner(sql, memberId);
        if (!(await changeRole(sql, memberId, role))) throw missing();
        await audit.within(
          sql,
          creatorId,
          { caller, principal },
          { action: 'member.role', outcome: 'done', subjectId: memberId, reason: role },
        );
        return { member: required(await findMember(sql, memberId)), tellNodes: await sessions.changed(sql, { creatorId, memberId }) };
      });
      await tellNodes();
      return member;
    },

    async remove(principal, memberId, caller) {
      const { creatorId } = principal;
      const tellNodes = await database.tenant(creatorId, async (sql) => {
        await keepAnOwner(sql, memberId);
        const tell = await sessions.changed(sql, { creatorId, memberId });
        if (!(await deleteMember(sql, memberId))) throw missing();
        await audit.within(sql, creatorId, { caller, principal }, { action: 'member.remove', outcome: 'done', subjectId: memberId });
        return tell;
      });
      await tellNodes();
    },
  };
}

const takenText = 'Invite another address: this one has an account';

function missing(): AppError {
  return new AppError('NOT_FOUND', 'Cannot find what this address names');
}

function required(member: Member | undefined): Member {
  if (member === undefined) throw missing();
  return member;
}
