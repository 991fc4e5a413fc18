/** Operators of the installation, by the digest of their key. Only `Database.owner` reads them. */
import type { Sql } from '../database.ts';

/** Adds an operator. */
export async function insertOperator(sql: Sql, operator: { id: string; name: string; digest: string }): Promise<void> {
  await sql('insert into operators (id, name, digest) values ($1, $2, $3)', [operator.id, operator.name, operator.digest]);
}

/** The digest of an operator's key, undefined when there is none. */
export async function findOperator(sql: Sql, id: string): Promise<string | undefined> {
  const [row] = await sql<{ digest: string }>('select digest from operators where id = $1', [id]);
  return row?.digest;
}

/** Removes an operator. False when there was none. */
export async function deleteOperator(sql: Sql, id: string): Promise<boolean> {
  return (await sql('delete from operators where id = $1 returning id', [id])).length > 0;
}
