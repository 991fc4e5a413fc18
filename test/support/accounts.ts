/** Accounts over a test database, with hashes that cost next to nothing. */
import { afterAll } from 'vitest';
import type { Post } from '../../src/accounts/accounts.ts';
import { letters } from '../../src/accounts/mail.ts';
import { openAccounts } from '../../src/accounts/open.ts';
import type { Clock } from '../../src/clock.ts';
import type { Caller } from '../../src/context.ts';
import type { Database } from '../../src/database.ts';
import { createOnce } from '../../src/http/idempotency.ts';
import { createCountLimit, createPseudonym, createSignInLimits } from '../../src/http/limits.ts';
import { systemIds } from '../../src/ids.ts';
import type { Log } from '../../src/log.ts';
import { createSeal } from '../../src/seal.ts';
import type { Cache } from '../../src/shared/cache.ts';
import { createMemoryCache, createMemoryFanOut } from '../../src/shared/memory.ts';
import { quietLog } from './quiet-log.ts';

/** A request from nowhere in particular. */
export const someCaller: Caller = { userAgent: null, address: '192.0.2.1', requestId: systemIds.uuid() };

/** Everything under src/accounts, put together as `compose` does it. */
export async function testAccounts(
  database: Database,
  clock: Clock,
  options: { cache?: Cache; mail?: NonNullable<Post>['mail']; log?: Log } = {},
) {
  const ids = systemIds;
  const cache = options.cache ?? createMemoryCache(clock);
  const fanOut = createMemoryFanOut((error) => {
    throw error;
  });
  const seal = await createSeal(new Uint8Array(32).fill(7));
  const post = options.mail === undefined ? null : { mail: options.mail, letters: letters('https://coach.example') };
  const passwords = { settings: { memoryKib: 64, iterations: 1, parallelism: 1 }, threads: 1 };
  const opened = await openAccounts({
    database,
    cache,
    fanOut,
    seal,
    issuer: 'companero',
    post,
    clock,
    ids,
    log: options.log ?? quietLog,
    passwords,
  });
  afterAll(() => opened.passwords.close());
  const nameOf = createPseudonym(new Uint8Array(32));
  const count = createCountLimit(cache, createMemoryCache(clock), nameOf);
  const once = createOnce({ database, seal, clock, log: options.log ?? quietLog });
  return { ...opened, once, ids, clock, cache, fanOut, seal, count, signInLimits: createSignInLimits(cache, count, nameOf) };
}
