/** The words of voice notes, kept with the messages they were spoken in: they go when the message goes. */
import type { Database } from '../database.ts';
import type { ConversationId, CreatorId } from '../ids.ts';

interface Key {
  creatorId: CreatorId;
  conversationId: ConversationId;
}

/** The words of a message as they stand, empty while there are none; null where it is not there any more. */
export async function wordsOf(db: Database, key: Key, seq: number): Promise<string | null> {
  const [row] = await db.tenant(key.creatorId, (sql) =>
    sql<{ text: string }>(
      `select coalesce(body ->> 'text', '') as text from messages where creator_id = $1 and conversation_id = $2 and seq = $3`,
      [key.creatorId, key.conversationId, seq],
    ),
  );
  return row?.text ?? null;
}

/**
 * Keeps what was said in a message that has no words yet, marked as transcribed, and plans to tell the webhooks that hear of it: they were
 * told of the message before, without words. False where there is no such message any more.
 */
export async function keepTranscript(db: Database, { creatorId, conversationId }: Key, seq: number, words: string): Promise<boolean> {
  const rows = await db.tenant(creatorId, (sql) =>
    sql(
      `with kept as (update messages set body = body || jsonb_build_object('text', $4::text, 'transcribed', true), updated_at = now()
         where creator_id = $1 and conversation_id = $2 and seq = $3 and role = 'contact' and body ->> 'text' = '' and body ? 'attachments'
         returning id, updated_at)
       select tell_webhooks($1, 'transcript',
         jsonb_build_object('conversation_id', $2::uuid, 'id', id, 'seq', $3::bigint, 'text', $4::text, 'at', updated_at)) from kept`,
      [creatorId, conversationId, seq, words],
    ),
  );
  return rows.length > 0;
}
