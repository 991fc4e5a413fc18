/** Secrets that programs send with their calls, sealed. */
import type { Sql } from '../database.ts';
import type { CreatorId } from '../ids.ts';

/** A secret as it is kept: it goes to `host` only, in the header `header`. */
export interface ProgramSecretRow {
  id: string;
  name: string;
  host: string;
  header: string;
  sealed_secret: string;
  created_at: Date;
  updated_at: Date;
}

const columns = 'id, name, host, header, sealed_secret, created_at, updated_at';

/** The secrets of the present creator by name. There are few. */
export function listProgramSecrets(sql: Sql): Promise<ProgramSecretRow[]> {
  return sql<ProgramSecretRow>(`select ${columns} from program_secrets order by name limit 200`);
}

/** The secret of this name; undefined when there is none. */
export async function findProgramSecret(sql: Sql, name: string): Promise<ProgramSecretRow | undefined> {
  const [row] = await sql<ProgramSecretRow>(`select ${columns} from program_secrets where name = $1`, [name]);
  return row;
}

/** Keeps a secret under its name, in place of one that is there; its id stays. */
export async function saveProgramSecret(
  sql: Sql,
  creatorId: CreatorId,
  secret: Pick<ProgramSecretRow, 'id' | 'name' | 'host' | 'header' | 'sealed_secret'>,
): Promise<ProgramSecretRow> {
  const [row] = await sql<ProgramSecretRow>(
    `insert into program_secrets (creator_id, id, name, host, header, sealed_secret) values ($1, $2, $3, $4, $5, $6)
     on conflict (creator_id, id) do update set host = $4, header = $5, sealed_secret = $6, updated_at = now() returning ${columns}`,
    [creatorId, secret.id, secret.name, secret.host, secret.header, secret.sealed_secret],
  );
  return row as ProgramSecretRow;
}

/** Forgets a secret; its id, undefined when there is none. */
export async function removeProgramSecret(sql: Sql, name: string): Promise<string | undefined> {
  const [row] = await sql<{ id: string }>('delete from program_secrets where name = $1 returning id', [name]);
  return row?.id;
}
