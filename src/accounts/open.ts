/** Everything about accounts, put together from a database, a master key and, where there is one, a mail server. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Seal } from '../seal.ts';
import type { Cache } from '../shared/cache.ts';
import type { FanOut } from '../shared/fan-out.ts';
import { createAccounts, type Post } from './accounts.ts';
import { createAddressChange } from './address-change.ts';
import { createApiKeys } from './api-keys.ts';
import { createAudit } from './audit.ts';
import { createMembership } from './membership.ts';
import { createOperators } from './operators.ts';
import { createPasswords, type PasswordSettings } from './passwords.ts';
import { createRecovery } from './recovery.ts';
import { createSessions } from './sessions.ts';
import { loadSigningKeys } from './signing-keys.ts';
import { createStanding } from './standing.ts';
import { createTokens } from './tokens.ts';

/** What accounts need from outside. */
export interface OpenAccountsDeps {
  database: Database;
  cache: Cache;
  fanOut: FanOut;
  seal: Seal;
  /** The `iss` claim of tokens. */
  issuer: string;
  post: Post;
  clock: Clock;
  ids: Ids;
  log: Log;
  /** Smaller ones are for tests. */
  passwords?: { settings: PasswordSettings; threads: number };
}

/** Opens accounts over a migrated database; makes the first signing key where there is none. */
export async function openAccounts(deps: OpenAccountsDeps) {
  const { database, seal, issuer, clock, ids } = deps;
  const keyring = await loadSigningKeys(database, seal, clock.wall());
  const tokens = createTokens({ keys: keyring, issuer, clock, ids });
  const standing = createStanding(deps);
  const audit = createAudit(deps);
  const sessions = createSessions({ ...deps, tokens, standing, audit });
  const passwords = createPasswords(deps.passwords);
  const parts = { ...deps, passwords, sessions, audit };
  return {
    ...{ keyring, tokens, standing, audit, sessions, passwords },
    accounts: createAccounts(parts),
    addressChange: createAddressChange(parts),
    recovery: createRecovery(parts),
    membership: createMembership(parts),
    keys: createApiKeys({ database, audit, clock }),
    operators: createOperators({ database, standing, audit, clock }),
  };
}
