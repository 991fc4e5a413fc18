/** Accounts over a test database, with hashes that cost next to nothing. */
import { afterAll } from 'vitest';
import { createAccounts } from '../../src/accounts/accounts.ts';
import { createPasswords } from '../../src/accounts/passwords.ts';
import { createSessions } from '../../src/accounts/sessions.ts';
import { loadSigningKeys } from '../../src/accounts/signing-keys.ts';
import { createStanding } from '../../src/accounts/standing.ts';
import { createTokens } from '../../src/accounts/tokens.ts';
import type { Clock } from '../../src/clock.ts';
import type { Database } from '../../src/database.ts';
import { systemIds } from '../../src/ids.ts';
import { createSeal } from '../../src/seal.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { quietLog } from './quiet-log.ts';

/** Everything under src/accounts, put together as `compose` does it. */
export async function testAccounts(database: Database, clock: Clock) {
  const ids = systemIds;
  const cache = createMemoryCache(clock);
  const seal = await createSeal(new Uint8Array(32).fill(7));
  const keys = await loadSigningKeys(database, seal);
  const tokens = createTokens({ keys, issuer: 'companero', clock, ids });
  const standing = createStanding({ database, cache, clock });
  const passwords = createPasswords({ settings: { memoryKib: 64, iterations: 1, parallelism: 1 }, threads: 1 });
  afterAll(() => passwords.close());
  const sessions = createSessions({ database, tokens, standing, seal, clock, ids, log: quietLog });
  const accounts = createAccounts({ database, passwords, sessions, ids });
  return { ids, cache, seal, keys, tokens, standing, passwords, sessions, accounts };
}
