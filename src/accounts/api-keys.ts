/** API keys: for programs of a creator's own. A key does what its scopes name and its maker may do, and is asked from the record each time. */
import type { Clock } from '../clock.ts';
import type { Caller, MemberPrincipal } from '../context.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId } from '../ids.ts';
import { type ApiKeyRow, findApiKey, insertApiKey, listApiKeys, revokeApiKey } from '../store/api-keys.ts';
import type { Audit } from './audit.ts';
import type { Action } from './roles.ts';
import { newSecret, readSecret, sameDigest } from './secret.ts';

const prefix = 'ck_';

export interface ApiKeys {
  list(principal: MemberPrincipal): Promise<ApiKeyRow[]>;
  /**
   * Makes a key. Its text is given this once: only a digest is kept. Made again under its id it has another text: the first was never told.
   *
   * @param given.days until it ends; null for never
   * @throws AppError CONFLICT another key has the id
   */
  make(
    principal: MemberPrincipal,
    given: { id: string; name: string; scopes: readonly Action[]; days: number | null },
    caller: Caller,
  ): Promise<{ id: string; text: string }>;
  /** Ends a key at once. Gives whether there was one. */
  revoke(principal: MemberPrincipal, id: string, caller: Caller): Promise<boolean>;
  /** Whom a key stands for and what it may do. @throws AppError UNAUTHENTICATED for anything but a key that is good now */
  verify(text: string): Promise<{ principal: MemberPrincipal; scopes: readonly string[] }>;
}

/** Whether a bearer token is meant as an API key. */
export function looksLikeApiKey(token: string): boolean {
  return token.startsWith(prefix);
}

/** API keys over the record. */
export function createApiKeys({ database, audit, clock }: { database: Database; audit: Audit; clock: Clock }): ApiKeys {
  return {
    list: ({ creatorId }) => database.tenant(creatorId, listApiKeys),

    async make(principal, { id, name, scopes, days }, caller) {
      const { creatorId, memberId } = principal;
      const { text, digest } = newSecret(prefix, [creatorId, id]);
      const expiresAt = days === null ? null : new Date(clock.wall() + days * 24 * 60 * 60_000);
      await database.tenant(creatorId, async (sql) => {
        const isNew = await insertApiKey(sql, { creatorId, id, memberId, name, scopes, digest, expiresAt });
        if (isNew) await audit.within(sql, creatorId, { caller, principal }, { action: 'key.make', outcome: 'done', subjectId: id });
      });
      return { id, text };
    },

    revoke: (principal, id, caller) =>
      database.tenant(principal.creatorId, async (sql) => {
        const ended = await revokeApiKey(sql, id, new Date(clock.wall()));
        if (ended)
          await audit.within(sql, principal.creatorId, { caller, principal }, { action: 'key.revoke', outcome: 'done', subjectId: id });
        return ended;
      }),

    async verify(text) {
      const read = readSecret(prefix, 2, text);
      const [creatorId, id] = (read?.uuids ?? []) as [CreatorId, string] | [];
      if (read === undefined || creatorId === undefined || id === undefined) throw unknown();
      const key = await database.tenant(creatorId, (sql) => findApiKey(sql, id, new Date(clock.wall())));
      if (key === undefined || !sameDigest(key.digest, read.digest)) throw unknown();
      return { principal: { kind: 'member', creatorId, memberId: key.memberId, sid: id, role: key.role, keyId: id }, scopes: key.scopes };
    },
  };
}

function unknown(): AppError {
  return new AppError('UNAUTHENTICATED', 'Send a key that is good: this one is unknown, revoked or has expired');
}
