/** The keys that sign tokens: made at the first start, opened at every other. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import type { Database } from '../database.ts';
import type { Seal } from '../seal.ts';
import {
  activeSigningKeys,
  insertSigningKey,
  type NewSigningKey,
  retireSigningKeys,
  type StoredSigningKey,
} from '../store/signing-keys.ts';
import type { SigningKey } from './tokens.ts';

const algorithm = 'RS256';
/** RSA 3072 gives 128 bits of strength (NIST SP 800-57 part 1, table 2). */
const modulusLength = 3072;

/** A key signs this long after it was made: longer than the published set is cached, so that who verifies knows it in time. */
const publishedMs = 10 * 60_000;
/** A key verifies as long as the longest of the tokens it signed may live: those of the widget. */
const verifiesMs = 91 * 24 * 60 * 60_000;

/**
 * The installation's keys, the signing one first: the newest that has been published for a while, else the oldest.
 *
 * @param now wall time in milliseconds since 1970
 * @throws Error when the stored keys were sealed by another master key
 */
export async function loadSigningKeys(database: Database, seal: Seal, now: number): Promise<readonly [SigningKey, ...SigningKey[]]> {
  const stored = await activeSigningKeys(database, () => makeKey(seal));
  const signing = stored.findLast(({ createdAt }) => createdAt.getTime() <= now - publishedMs) ?? stored[0];
  if (signing === undefined) throw new Error('Cannot sign tokens without a key');
  const others = stored.filter((key) => key !== signing);
  return [await openKey(signing, seal), ...(await Promise.all(others.map((key) => openKey(key, seal))))];
}

/**
 * Adds a key, which signs from the first start of a node ten minutes later on, and retires keys that no living token was signed with.
 *
 * @param now wall time in milliseconds since 1970
 */
export async function rotateSigningKeys(database: Database, seal: Seal, now: number): Promise<{ added: string; retired: string[] }> {
  const key = await makeKey(seal);
  const retired = await database.owner(async (sql) => {
    const gone = await retireSigningKeys(sql, new Date(now - verifiesMs));
    await insertSigningKey(sql, key);
    return gone;
  });
  return { added: key.kid, retired };
}

async function makeKey(seal: Seal): Promise<NewSigningKey> {
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
