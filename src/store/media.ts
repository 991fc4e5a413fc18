/** What is on record of files that were sent: never the bytes themselves. */
import type { Sql } from '../database.ts';
import type { ConversationId, CreatorId } from '../ids.ts';
import type { Attachment } from '../message.ts';

const columns = 'id, kind, type, name, bytes, width, height';

type MediumRow = Attachment & { width: number | null; height: number | null };

const attachmentOf = ({ width, height, ...medium }: MediumRow): Attachment => ({
  ...medium,
  ...(width !== null && height !== null && { width, height }),
});

/** A smaller picture beside a picture: a file of its own. */
export interface Preview {
  id: string;
  bytes: number;
}

/** Records a file. `conversationId` null for a file of the creator's own. */
export async function insertMedium(
  sql: Sql,
  creator: CreatorId,
  medium: Attachment & { conversationId: ConversationId | null; preview: Preview | null },
): Promise<void> {
  const { id, conversationId, kind, type, name, bytes, width, height, preview } = medium;
  await sql(
    `insert into media (creator_id, id, conversation_id, kind, type, name, bytes, width, height, preview_id, preview_bytes)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [creator, id, conversationId, kind, type, name, bytes, width ?? null, height ?? null, preview?.id ?? null, preview?.bytes ?? 0],
  );
}

/** Those of the ids that are on record, in no order; only of one conversation where it is given. */
export async function findMedia(
  sql: Sql,
  creator: CreatorId,
  ids: readonly string[],
  conversationId?: ConversationId,
): Promise<Attachment[]> {
  const rows = await sql<MediumRow>(
    `select ${columns} from media where creator_id = $1 and id = any($2::uuid[]) and ($3::uuid is null or conversation_id = $3)`,
    [creator, ids, conversationId ?? null],
  );
  return rows.map(attachmentOf);
}

/** The id of the smaller picture beside this one, or null. */
export async function previewOf(sql: Sql, creator: CreatorId, id: string): Promise<string | null> {
  const [row] = await sql<{ preview: string | null }>('select preview_id as preview from media where creator_id = $1 and id = $2', [
    creator,
    id,
  ]);
  return row?.preview ?? null;
}

/** Bytes stored for the creator, and for one conversation of theirs (0 for null). */
export async function storedBytes(
  sql: Sql,
  creator: CreatorId,
  conversationId: ConversationId | null,
): Promise<{ creator: number; conversation: number }> {
  const [row] = await sql<{ creator: number; conversation: number }>(
    `select coalesce(sum(bytes + preview_bytes), 0)::bigint as creator,
       coalesce(sum(bytes + preview_bytes) filter (where conversation_id = $2), 0)::bigint as conversation
     from media where creator_id = $1`,
    [creator, conversationId],
  );
  return row ?? { creator: 0, conversation: 0 };
}

/** Takes the conversation's files off the record and gives their ids, those of previews among them. */
export async function deleteMedia(sql: Sql, creator: CreatorId, conversationId: ConversationId): Promise<string[]> {
  const rows = await sql<{ id: string; preview: string | null }>(
    'delete from media where creator_id = $1 and conversation_id = $2 returning id, preview_id as preview',
    [creator, conversationId],
  );
  return rows.flatMap(({ id, preview }) => (preview === null ? [id] : [id, preview]));
}
