/** The installation's key for Web Push: made once, its private half sealed. */
import type { Database } from '../../database.ts';
import type { Seal } from '../../seal.ts';
import { pushKeyOf } from '../../store/push.ts';
import { makePushKey, type PushKey } from './seal.ts';

/** What the private half is sealed for. */
export function pushKeyContext(publicKey: string): string {
  return `push-key:${publicKey}`;
}

/** The key, made where there is none. @throws Error when it was sealed by another master key */
export async function openPushKey(database: Database, seal: Seal): Promise<PushKey> {
  const stored = await pushKeyOf(database, async () => {
    const { publicKey, privateJwk } = await makePushKey();
    return { publicKey, sealedPrivateJwk: await seal.seal(JSON.stringify(privateJwk), pushKeyContext(publicKey)) };
  });
  const privateJwk = JSON.parse(await seal.open(stored.sealedPrivateJwk, pushKeyContext(stored.publicKey)));
  return { publicKey: stored.publicKey, privateJwk };
}
