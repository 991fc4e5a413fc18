/** How often one caller may do what is costly or guessable. */
import type { MemberPrincipal } from '../context.ts';
import { AppError } from '../errors.ts';
import type { CreatorId } from '../ids.ts';
import type { Cache } from '../shared/cache.ts';

const minute = 60_000;

/** Every limit of the edge: so many within a window that starts with the first. Accounts are slowed, never locked. */
export const limits = {
  'login.address': { most: 10, windowMs: 5 * minute },
  'login.account': { most: 20, windowMs: 15 * minute },
  'register.address': { most: 5, windowMs: 60 * minute },
  'refresh.address': { most: 120, windowMs: minute },
  'password.change': { most: 10, windowMs: 15 * minute },
} as const satisfies Record<string, { most: number; windowMs: number }>;

type Limit = keyof typeof limits;

/**
 * Counts one more. `subject` is what the limit is for: an address, an account, a member.
 *
 * @throws AppError RATE_LIMITED with `details.retry_after_ms`
 */
type CountLimit = (limit: Limit, subject: string, creatorId?: CreatorId) => Promise<void>;

/** Counts in the shared cache, so that all nodes count together. Subjects are hashed: addresses and mails stay out of it. */
function createCountLimit(cache: Cache): CountLimit {
  return async function countLimit(limit, subject, creatorId) {
    const { most, windowMs } = limits[limit];
    const scope = creatorId === undefined ? 'installation' : `creator_${creatorId}`;
    const { sum, resetMs } = await cache.count(`limit:${scope}:${limit}:${await hash(subject)}`, 1, windowMs);
    if (sum > most)
      throw new AppError('RATE_LIMITED', 'Try again later: too many requests of this kind', { details: { retry_after_ms: resetMs } });
  };
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Buffer.from(digest).toString('base64url').slice(0, 22);
}

const day = 24 * 60 * minute;

/** The limits around signing in. Each rejects with RATE_LIMITED. */
export interface SignInLimits {
  beforeRegister(address: string): Promise<void>;
  /** An address that signed in to this account lately is not held back by what others try on it. */
  beforeLogin(address: string, email: string): Promise<void>;
  afterLogin(address: string, email: string): Promise<void>;
  beforeRefresh(address: string): Promise<void>;
  beforePasswordChange(principal: MemberPrincipal): Promise<void>;
}

/** The limits around signing in, counted in the cache. */
export function createSignInLimits(cache: Cache, count: CountLimit = createCountLimit(cache)): SignInLimits {
  const knownKey = async (address: string, email: string) => `known:installation:${await hash(`${address} ${email}`)}`;
  return {
    beforeRegister: (address) => count('register.address', address),
    async beforeLogin(address, email) {
      await count('login.address', address);
      if ((await cache.get(await knownKey(address, email))) === null) await count('login.account', email);
    },
    afterLogin: async (address, email) => cache.set(await knownKey(address, email), '1', 30 * day),
    beforeRefresh: (address) => count('refresh.address', address),
    beforePasswordChange: ({ creatorId, memberId }) => count('password.change', memberId, creatorId),
  };
}
