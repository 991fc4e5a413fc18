/** Signing keys of the installation: the public half in the open, the private half sealed. */
import type { JWK } from 'jose';
import type { Database, Sql } from '../database.ts';

/** A key as stored. */
export interface StoredSigningKey {
  kid: string;
  algorithm: string;
  publicJwk: JWK;
  /** The private JWK as JSON, sealed for the context `signing-key:<kid>`. */
  sealedPrivateJwk: string;
  createdAt: Date;
}

/** A key to be stored. */
export type NewSigningKey = Omit<StoredSigningKey, 'createdAt'>;

interface Row {
  kid: string;
  algorithm: string;
  public_jwk: JWK;
  sealed_private_jwk: string;
  created_at: Date;
}

/** The active keys, oldest first; when there is none, `make` gives the first. Nodes that start together agree on it. */
export function activeSigningKeys(database: Database, make: () => Promise<NewSigningKey>): Promise<StoredSigningKey[]> {
  return database.owner(async (sql) => {
    await sql("select pg_advisory_xact_lock(hashtext('signing_keys'))");
    const keys = await readActive(sql);
    if (keys.length > 0) return keys;
    await insertSigningKey(sql, await make());
    return readActive(sql);
  });
}

/** Adds a key, published from the next start of each node on. */
export async function insertSigningKey(sql: Sql, key: NewSigningKey): Promise<void> {
  await sql('insert into signing_keys (kid, algorithm, public_jwk, sealed_private_jwk) values ($1, $2, $3, $4)', [
    key.kid,
    key.algorithm,
    JSON.stringify(key.publicJwk),
    key.sealedPrivateJwk,
  ]);
}

/** Takes keys out of use whose successor was made before `until`: they have not signed since. Gives their ids. */
export async function retireSigningKeys(sql: Sql, until: Date): Promise<string[]> {
  const rows = await sql<{ kid: string }>(
    `update signing_keys k set active = false, updated_at = now() where k.active and exists (
       select from signing_keys n where n.active and n.created_at > k.created_at and n.created_at < $1) returning k.kid`,
    [until],
  );
  return rows.map((row) => row.kid);
}

/** Replaces the sealed private half of every key by what `reseal` makes of it. */
export async function resealSigningKeys(sql: Sql, reseal: (sealed: string, kid: string) => Promise<string>): Promise<number> {
  const rows = await sql<{ kid: string; sealed: string }>('select kid, sealed_private_jwk as sealed from signing_keys for update');
  for (const { kid, sealed } of rows) {
    await sql('update signing_keys set sealed_private_jwk = $2, updated_at = now() where kid = $1', [kid, await reseal(sealed, kid)]);
  }
  return rows.length;
}

async function readActive(sql: Sql): Promise<StoredSigningKey[]> {
  const rows = await sql<Row>(
    'select kid, algorithm, public_jwk, sealed_private_jwk, created_at from signing_keys where active order by created_at, kid',
  );
  return rows.map((row) => ({
    kid: row.kid,
    algorithm: row.algorithm,
    publicJwk: row.public_jwk,
    sealedPrivateJwk: row.sealed_private_jwk,
    createdAt: row.created_at,
  }));
}
