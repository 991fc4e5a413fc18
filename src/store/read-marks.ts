/** How far the contact of a conversation has read. */
import type { Sql } from '../database.ts';
import type { ConversationId, CreatorId } from '../ids.ts';

/**
 * Moves the mark forward to `seq`, to the last message at most; it never goes back.
 *
 * @param at milliseconds since 1970
 * @returns the new mark, or null where it stands that far already or there is no such conversation
 */
export async function moveReadMark(
  sql: Sql,
  key: { creatorId: CreatorId; conversationId: ConversationId },
  seq: number,
  at: number,
): Promise<number | null> {
  const [row] = await sql<{ seq: number }>(
    `insert into read_marks (creator_id, conversation_id, seq, created_at, updated_at)
     select c.creator_id, c.id, least(c.seq, $3::bigint), $4, $4 from conversations c where c.creator_id = $1 and c.id = $2
     on conflict (creator_id, conversation_id) do update set seq = excluded.seq, updated_at = excluded.updated_at
       where read_marks.seq < excluded.seq returning seq`,
    [key.creatorId, key.conversationId, seq, new Date(at)],
  );
  return row?.seq ?? null;
}
