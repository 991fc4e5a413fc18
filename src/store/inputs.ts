/** Inputs on record. */
import type { Database } from '../database.ts';
import type { ConversationId, CreatorId } from '../ids.ts';

/** Whether the input of this id has been taken. */
export async function wasTaken(
  db: Database,
  { creatorId, conversationId }: { creatorId: CreatorId; conversationId: ConversationId },
  inputId: string,
): Promise<boolean> {
  const rows = await db.tenant(creatorId, (sql) =>
    sql('select 1 from inputs where creator_id = $1 and conversation_id = $2 and input_id = $3', [creatorId, conversationId, inputId]),
  );
  return rows.length > 0;
}
