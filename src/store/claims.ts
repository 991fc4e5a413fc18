/** Claims on timers, effects and documents that a dead process has left behind. */
import type { Sql } from '../database.ts';

/**
 * Gives every claim back, so that work interrupted by a crash goes on at once and not when its lease has run out. Only where this process is
 * the only one on the record, and before its pumps start; in `Database.owner` of the embedded database, whose owner row level
 * security does not bind. Claims without end belong to conversations that were set aside, and stay.
 */
export async function releaseClaims(sql: Sql): Promise<void> {
  await sql(`update timers set claimed_until = 'epoch' where claimed_until > 'epoch' and claimed_until < 'infinity'`);
  await sql(`update effects set leased_until = 'epoch' where status = 'planned' and leased_until > 'epoch' and leased_until < 'infinity'`);
  await sql(`update documents set leased_until = 'epoch' where status in ('queued', 'processing') and leased_until > 'epoch'`);
}
