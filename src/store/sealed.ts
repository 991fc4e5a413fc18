/** Everything sealed on record under a creator, for sealing it anew with another master key. */
import type { Sql } from '../database.ts';

/** Tables with the columns that hold sealed texts; the row's id is part of what each was sealed for. */
const sealedColumns = {
  connections: ['sealed_secrets'],
  webhooks: ['sealed_secret', 'sealed_previous_secret'],
  program_secrets: ['sealed_secret'],
} as const;

/** A table with sealed columns. */
export type SealedTable = keyof typeof sealedColumns;

/** Replaces every sealed text of the present creator by what `reseal` makes of it. Gives how many. */
export async function resealRows(sql: Sql, reseal: (table: SealedTable, id: string, sealed: string) => Promise<string>): Promise<number> {
  let count = 0;
  for (const [table, columns] of Object.entries(sealedColumns) as [SealedTable, readonly string[]][]) {
    for (const column of columns) {
      const rows = await sql<{ id: string; sealed: string }>(
        `select id, ${column} as sealed from ${table} where ${column} is not null for update`,
      );
      for (const { id, sealed } of rows) {
        await sql(`update ${table} set ${column} = $2, updated_at = now() where id = $1`, [id, await reseal(table, id, sealed)]);
      }
      count += rows.length;
    }
  }
  return count;
}
