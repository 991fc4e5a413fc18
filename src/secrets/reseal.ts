/** Sealing everything anew after the master key has changed. */
import { sealContext } from '../channels/accounts.ts';
import { pushKeyContext } from '../channels/push/key.ts';
import type { Database } from '../database.ts';
import type { CreatorId } from '../ids.ts';
import type { Seal } from '../seal.ts';
import { allCreators } from '../store/creators.ts';
import { resealPushKeys } from '../store/push.ts';
import { resealRows, type SealedTable } from '../store/sealed.ts';
import { resealSigningKeys } from '../store/signing-keys.ts';
import { programSecretContext } from './program-secrets.ts';

/** What the sealed texts of a table were sealed for. */
const contexts: Readonly<Record<SealedTable, (creatorId: CreatorId, id: string) => string>> = {
  connections: sealContext,
  webhooks: (_creatorId, id) => `webhook:${id}`,
  program_secrets: (_creatorId, id) => programSecretContext(id),
};

/**
 * Opens each secret with whichever key sealed it and seals it with the present one; after that the earlier key is not needed. May be
 * repeated, and may run while the server does.
 *
 * @returns how many were sealed anew
 * @throws Error a secret was sealed by a key that is not here; what came before it stays sealed anew
 */
export async function resealAll(database: Database, seal: Seal): Promise<number> {
  const anew = async (sealed: string, context: string) => seal.seal(await seal.open(sealed, context), context);
  let count = await database.owner((sql) => resealSigningKeys(sql, (sealed, kid) => anew(sealed, `signing-key:${kid}`)));
  count += await database.owner((sql) => resealPushKeys(sql, (sealed, publicKey) => anew(sealed, pushKeyContext(publicKey))));
  for (const creatorId of await allCreators(database.routing)) {
    count += await database.tenant(creatorId, (sql) =>
      resealRows(sql, (table, id, sealed) => anew(sealed, contexts[table](creatorId, id))),
    );
  }
  return count;
}
