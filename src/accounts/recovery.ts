/** A forgotten password: a mail with a token, and the new password it allows. */
import type { Caller } from '../context.ts';
import { findMember, findMemberByEmail, setPassword } from '../store/members.ts';
import type { AccountsDeps } from './accounts.ts';
import { installationId } from './audit.ts';
import { makeMailToken, readMailToken } from './mail-tokens.ts';

export interface Recovery {
  /** Sends a mail to a known address; tells the caller nothing. Without a mail server nothing is sent. */
  forgot(email: string, caller: Caller): Promise<void>;
  /**
   * Sets the password and ends every sign-in. Does not sign in.
   *
   * @throws AppError INVALID_INPUT the token is unknown, used, expired, or the account is gone: the same words for each; or the password is
   * guessed too easily, and the token stays good
   */
  reset(given: { token: string; password: string }, caller: Caller): Promise<void>;
}

/** Recovery over the record and mail. */
export function createRecovery({ database, passwords, sessions, audit, post, clock }: AccountsDeps): Recovery {
  return {
    async forgot(email, caller) {
      const found = await findMemberByEmail(database.routing, email);
      const token =
        found &&
        (await database.tenant(found.creatorId, async (sql) => {
          const member = await findMember(sql, found.memberId);
          await audit.within(sql, found.creatorId, { caller }, { action: 'password.forgot', outcome: 'done', subjectId: found.memberId });
          return member && post && makeMailToken(sql, member, 'reset', clock);
        }));
      if (found === undefined)
        await audit.note(installationId, { caller }, { action: 'password.forgot', outcome: 'refused', reason: 'unknown' });
      if (token && post) post.mail.send(post.letters.reset(email, token));
    },

    async reset({ token, password }, caller) {
      const good = await readMailToken(database, token, 'reset', clock).catch(async (error: unknown) => {
        await audit.note(installationId, { caller }, { action: 'password.reset', outcome: 'refused', reason: 'token' });
        throw error;
      });
      const { creatorId, id: memberId, email, displayName } = good.member;
      const hash = await passwords.choose(password, [email, displayName]);
      const tellNodes = await database.tenant(creatorId, async (sql) => {
        await good.use(sql);
        await setPassword(sql, memberId, hash);
        await audit.within(sql, creatorId, { caller }, { action: 'password.reset', outcome: 'done', subjectId: memberId });
        return sessions.endAll(sql, { creatorId, memberId }, null);
      });
      await tellNodes();
      post?.mail.send(post.letters.changed(email));
    },
  };
}
