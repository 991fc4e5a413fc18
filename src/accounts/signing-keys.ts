/** The keys that sign tokens: made at the first start, opened at every other. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import type { Database } from '../database.ts';
import type { Seal } from '../seal.ts';
import { activeSigningKeys, type StoredSigningKey } from '../store/signing-keys.ts';
import type { SigningKey } from './tokens.ts';

const algorithm = 'RS256';
/** RSA 3072 gives 128 bits of strength (NIST SP 800-57 part 1, table 2). */
const modulusLength = 3072;

/**
 * The installation's keys, the signing one first.
 *
 * @throws Error when the stored keys were sealed by another master key
 */
export async function loadSigningKeys(database: Database, seal: Seal): Promise<readonly [SigningKey, ...SigningKey[]]> {
  const stored = await activeSigningKeys(database, () => makeKey(seal));
  const [first, ...others] = await Promise.all(stored.map((key) => openKey(key, seal)));
  if (first === undefined) throw new Error('Cannot sign tokens without a key');
  return [first, ...others];
}

async function makeKey(seal: Seal): Promise<StoredSigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { modulusLength, extractable: true });
  const publicJwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const sealedPrivateJwk = await seal.seal(JSON.stringify(await exportJWK(privateKey)), `signing-key:${kid}`);
  return { kid, algorithm, publicJwk: { ...publicJwk, kid, alg: algorithm, use: 'sig' }, sealedPrivateJwk };
}

async function openKey(stored: StoredSigningKey, seal: Seal): Promise<SigningKey> {
  const privateJwk = JSON.parse(await seal.open(stored.sealedPrivateJwk, `signing-key:${stored.kid}`)) as JWK;
  const [privateKey, publicKey] = await Promise.all([
    importJWK(privateJwk, stored.algorithm),
    importJWK(stored.publicJwk, stored.algorithm),
  ]);
  if (privateKey instanceof Uint8Array || publicKey instanceof Uint8Array) throw new TypeError('Cannot sign tokens with a symmetric key');
  return { kid: stored.kid, privateKey, publicKey, publicJwk: stored.publicJwk };
}
