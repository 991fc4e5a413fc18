/** What is on record of files that were sent: never the bytes themselves. */
import type { Sql } from '../database.ts';
import type { ConversationId, CreatorId } from '../ids.ts';
import type { Attachment } from '../message.ts';

const columns = 'id, kind, type, name, bytes';

/** Records a file. `conversationId` null for a file of the creator's own. */
export async function insertMedium(
  sql: Sql,
  creator: CreatorId,
  medium: Attachment & { conversationId: ConversationId | null },
): Promise<void> {
  const { id, conversationId, kind, type, name, bytes } = medium;
  await sql('insert into media (creator_id, id, conversation_id, kind, type, name, bytes) values ($1, $2, $3, $4, $5, $6, $7)', [
    creator,
    id,
    conversationId,
    kind,
    type,
    name,
    bytes,
  ]);
}

/** Those of the ids that are on record, in no order; only of one conversation where it is given. */
export function findMedia(sql: Sql, creator: CreatorId, ids: readonly string[], conversationId?: ConversationId): Promise<Attachment[]> {
  return sql<Attachment>(
    `select ${columns} from media where creator_id = $1 and id = any($2::uuid[]) and ($3::uuid is null or conversation_id = $3)`,
    [creator, ids, conversationId ?? null],
  );
}

/** Bytes stored for the creator, and for one conversation of theirs (0 for null). */
export async function storedBytes(
  sql: Sql,
  creator: CreatorId,
  conversationId: ConversationId | null,
): Promise<{ creator: number; conversation: number }> {
  const [row] = await sql<{ creator: number; conversation: number }>(
    `select coalesce(sum(bytes), 0)::bigint as creator, coalesce(sum(bytes) filter (where conversation_id = $2), 0)::bigint as conversation
     from media where creator_id = $1`,
    [creator, conversationId],
  );
  return row ?? { creator: 0, conversation: 0 };
}

/** Takes the conversation's files off the record and gives their ids. */
export async function deleteMedia(sql: Sql, creator: CreatorId, conversationId: ConversationId): Promise<string[]> {
  const rows = await sql<{ id: string }>('delete from media where creator_id = $1 and conversation_id = $2 returning id', [
    creator,
    conversationId,
  ]);
  return rows.map(({ id }) => id);
}
