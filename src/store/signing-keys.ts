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
}

interface Row {
  kid: string;
  algorithm: string;
  public_jwk: JWK;
  sealed_private_jwk: string;
}

/** The active keys, oldest first; when there is none, `make` gives the first. Nodes that start together agree on it. */
export function activeSigningKeys(database: Database, make: () => Promise<StoredSigningKey>): Promise<StoredSigningKey[]> {
  return database.owner(async (sql) => {
    await sql("select pg_advisory_xact_lock(hashtext('signing_keys'))");
    const keys = await readActive(sql);
    if (keys.length > 0) return keys;
    const first = await make();
    await sql('insert into signing_keys (kid, algorithm, public_jwk, sealed_private_jwk) values ($1, $2, $3, $4)', [
      first.kid,
      first.algorithm,
      JSON.stringify(first.publicJwk),
      first.sealedPrivateJwk,
    ]);
    return [first];
  });
}

async function readActive(sql: Sql): Promise<StoredSigningKey[]> {
  const rows = await sql<Row>(
    'select kid, algorithm, public_jwk, sealed_private_jwk from signing_keys where active order by created_at, kid',
  );
  return rows.map((row) => ({
    kid: row.kid,
    algorithm: row.algorithm,
    publicJwk: row.public_jwk,
    sealedPrivateJwk: row.sealed_private_jwk,
  }));
}
