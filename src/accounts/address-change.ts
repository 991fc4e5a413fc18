/** A member's own mail address, changed once the member has shown to read mail at the new one. */
import type { Caller, MemberPrincipal } from '../context.ts';
import { AppError } from '../errors.ts';
import { changeEmail, findMember, findMemberByEmail } from '../store/members.ts';
import { refusing, sqlState } from '../store/sql-state.ts';
import type { AccountsDeps } from './accounts.ts';
import { makeMailToken, readMailToken, spentText } from './mail-tokens.ts';

export interface AddressChange {
  /**
   * Sends a token to the new address and a notice to the present one. To a known address a notice goes instead, which the caller is not told.
   * Where no mail can be sent the address is changed at once: then the result is true.
   *
   * @throws AppError EMAIL_TAKEN only where no mail can be sent
   */
  ask(principal: MemberPrincipal, email: string, caller: Caller): Promise<boolean>;
  /**
   * Changes the address, and tells the one before. Asks for the password as well: a mail that went to a stranger by a typing error gives
   * the account to nobody.
   *
   * @throws AppError INVALID_INPUT the token is not good, or the address has been taken meanwhile · UNAUTHENTICATED the password is wrong
   */
  confirm(given: { token: string; password: string }, caller: Caller): Promise<void>;
}

/** Changes of addresses over the record and mail. */
export function createAddressChange({ database, passwords, audit, post, clock }: AccountsDeps): AddressChange {
  const done = { action: 'email.change', outcome: 'done' } as const;

  async function changeAtOnce(principal: MemberPrincipal, email: string, caller: Caller): Promise<void> {
    const changed = database.tenant(principal.creatorId, async (sql) => {
      await changeEmail(sql, principal.memberId, email);
      await audit.within(sql, principal.creatorId, { caller, principal }, done);
    });
    await refusing(changed, sqlState.unique, 'EMAIL_TAKEN', 'Choose another mail address: this one has an account');
  }

  return {
    async ask(principal, email, caller) {
      if (post === null) {
        await changeAtOnce(principal, email, caller);
        return true;
      }
      const { creatorId, memberId } = principal;
      const known = await findMemberByEmail(database.routing, email);
      const asked = await database.tenant(creatorId, async (sql) => {
        const member = await findMember(sql, memberId);
        if (member === undefined) throw new AppError('SESSION_ENDED', 'Sign in again: this session has ended');
        const event = { action: 'email.ask', outcome: known === undefined ? 'done' : 'refused' } as const;
        await audit.within(sql, creatorId, { caller, principal }, known === undefined ? event : { ...event, reason: 'known' });
        // Made in either case: what is asked for takes as long.
        return { before: member.email, token: await makeMailToken(sql, { creatorId, id: memberId, email }, 'address', clock) };
      });
      post.mail.send(known === undefined ? post.letters.address(email, asked.token) : post.letters.known(email));
      post.mail.send(post.letters.leaving(asked.before));
      return false;
    },

    async confirm({ token, password }, caller) {
      const good = await readMailToken(database, token, 'address', clock);
      const { creatorId, id, email: before, passwordHash } = good.member;
      if (!(await passwords.verify(password, passwordHash))) {
        await audit.note(creatorId, { caller }, { action: 'email.change', outcome: 'refused', reason: 'password', subjectId: id });
        throw new AppError('UNAUTHENTICATED', 'Check the password');
      }
      const changed = database.tenant(creatorId, async (sql) => {
        await good.use(sql);
        await changeEmail(sql, id, good.email);
        await audit.within(sql, creatorId, { caller }, { ...done, subjectId: id });
      });
      await refusing(changed, sqlState.unique, 'INVALID_INPUT', spentText);
      post?.mail.send(post.letters.left(before));
    },
  };
}
