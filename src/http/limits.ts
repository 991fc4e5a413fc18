/** How often one caller may do what is costly or guessable. */
import { createHmac } from 'node:crypto';
import type { MemberPrincipal } from '../context.ts';
import { AppError } from '../errors.ts';
import type { CreatorId } from '../ids.ts';
import type { Cache } from '../shared/cache.ts';

const minute = 60_000;

/** Every limit of the API: so many within a window that starts with the first. Accounts are slowed, never locked. */
export const limits = {
  'login.address': { most: 10, windowMs: 5 * minute },
  'login.account': { most: 20, windowMs: 15 * minute },
  'register.address': { most: 5, windowMs: 60 * minute },
  'refresh.address': { most: 120, windowMs: minute },
  'forgot.address': { most: 5, windowMs: 15 * minute },
  'forgot.account': { most: 3, windowMs: 15 * minute },
  'token.address': { most: 10, windowMs: 15 * minute },
  'password.change': { most: 10, windowMs: 15 * minute },
  'email.member': { most: 5, windowMs: 60 * minute },
  'invite.creator': { most: 30, windowMs: 60 * minute },
  'export.creator': { most: 10, windowMs: 60 * minute },
  'analytics.creator': { most: 120, windowMs: minute },
  'import.creator': { most: 30, windowMs: 60 * minute },
  'operator.address': { most: 60, windowMs: minute },
  'api.session': { most: 1_200, windowMs: minute },
  'api.creator': { most: 6_000, windowMs: minute },
  'widget.begin': { most: 60, windowMs: 10 * minute },
  'widget.resume': { most: 60, windowMs: minute },
  'live.ticket': { most: 30, windowMs: minute },
  'widget.ticket': { most: 30, windowMs: minute },
  'widget.link': { most: 20, windowMs: 10 * minute },
  'widget.push': { most: 30, windowMs: minute },
  'widget.upload': { most: 40, windowMs: 10 * minute },
} as const satisfies Record<string, { most: number; windowMs: number }>;

/** The name of a limit, as in the table. */
export type Limit = keyof typeof limits;

/**
 * Counts one more. `subject` is what the limit is for: an address, an account, a session.
 *
 * @throws AppError RATE_LIMITED with `details.retry_after_ms`
 */
export type CountLimit = (limit: Limit, subject: string, creatorId?: CreatorId) => Promise<void>;

/**
 * Counts in the shared cache, so that all nodes count together; while that is down in this process alone, so that it never means
 * "allow".
 *
 * @param local a cache of this process
 * @param nameOf gives subjects their names in the cache, from which nobody tells an address or a mail
 */
export function createCountLimit(cache: Cache, local: Cache, nameOf: Pseudonym): CountLimit {
  return async function countLimit(limit, subject, creatorId) {
    const { most, windowMs } = limits[limit];
    const scope = creatorId === undefined ? 'installation' : `creator_${creatorId}`;
    const key = `limit:${scope}:${limit}:${nameOf(subject)}`;
    const { sum, resetMs } = await cache.count(key, 1, windowMs).catch(() => local.count(key, 1, windowMs));
    if (sum > most)
      throw new AppError('RATE_LIMITED', 'Try again later: too many requests of this kind', { details: { retry_after_ms: resetMs } });
  };
}

/** A name for a text that only who has the key can make. */
export type Pseudonym = (text: string) => string;

/** Pseudonyms under a key. A plain digest would not do: all addresses of IPv4 are tried in a minute. @param key 32 secret bytes for this purpose only, the same on every node */
export function createPseudonym(key: Uint8Array): Pseudonym {
  return (text) => createHmac('sha256', key).update(text).digest('base64url').slice(0, 22);
}

const day = 24 * 60 * minute;

/** The limits around signing in. Each rejects with RATE_LIMITED. */
export interface SignInLimits {
  beforeRegister(address: string): Promise<void>;
  /** An address that signed in to this account lately is not held back by what others try on it. */
  beforeLogin(address: string, email: string): Promise<void>;
  afterLogin(address: string, email: string): Promise<void>;
  beforeRefresh(address: string): Promise<void>;
  beforeForgot(address: string, email: string): Promise<void>;
  /** Before a token from a mail is tried. */
  beforeToken(address: string): Promise<void>;
  /** Before a member proves or changes the password. */
  beforePassword(principal: MemberPrincipal): Promise<void>;
  /** Before mail goes to an address that a member named. */
  beforeEmail(principal: MemberPrincipal): Promise<void>;
  beforeInvite(principal: MemberPrincipal): Promise<void>;
}

/** The limits around signing in, counted by `count`; which addresses signed in lately is remembered in the cache. */
export function createSignInLimits(cache: Cache, count: CountLimit, nameOf: Pseudonym): SignInLimits {
  const knownKey = (address: string, email: string) => `known:installation:${nameOf(`${address} ${email}`)}`;
  return {
    beforeRegister: (address) => count('register.address', address),
    async beforeLogin(address, email) {
      await count('login.address', address);
      // While the cache is down nobody is known: everybody is slowed alike.
      const known = await cache.get(knownKey(address, email)).catch(() => null);
      if (known === null) await count('login.account', email);
    },
    afterLogin: async (address, email) =>
      cache.set(knownKey(address, email), '1', 30 * day).catch(() => {
        // only convenience is lost
      }),
    beforeRefresh: (address) => count('refresh.address', address),
    async beforeForgot(address, email) {
      await count('forgot.address', address);
      await count('forgot.account', email);
    },
    beforeToken: (address) => count('token.address', address),
    beforePassword: ({ creatorId, memberId }) => count('password.change', memberId, creatorId),
    beforeEmail: ({ creatorId, memberId }) => count('email.member', memberId, creatorId),
    beforeInvite: ({ creatorId }) => count('invite.creator', creatorId, creatorId),
  };
}
