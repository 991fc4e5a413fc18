/** Inputs on record. */
import type { Database } from '../database.ts';
import type { ConversationId, CreatorId } from '../ids.ts';
import type { MessageBody } from '../message.ts';

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

/** An input as it is put in quarantine: with the contact's own words, where it has some. */
export interface KeptInput {
  id: string;
  kind: string;
  payload: Readonly<Record<string, unknown>>;
  message: { id: string; body: MessageBody } | null;
}

/**
 * Keeps an input of a conversation that is set aside, once: its words on record and itself in quarantine, for another try when the
 * conversation has been taken up. Nothing else of the conversation is touched.
 *
 * @param at conversation time in milliseconds since 1970
 * @returns false where the conversation is not set aside
 */
export function keepForLater(
  db: Database,
  { creatorId, conversationId }: { creatorId: CreatorId; conversationId: ConversationId },
  { id, kind, payload, message }: KeptInput,
  at: number,
): Promise<boolean> {
  return db.tenant(creatorId, async (sql) => {
    const of = [creatorId, conversationId];
    // What is told twice at once waits here, and then finds itself on record.
    const found = await sql(`select 1 from conversations where creator_id = $1 and id = $2 and status = 'set-aside' for update`, of);
    if (found.length === 0) return false;
    const [kept] = await sql<{ seq: number }>(
      `with turned as (
         update conversations set seq = seq + $3, version = version + 1, updated_at = $4 where creator_id = $1 and id = $2
           and not exists (select from inputs where creator_id = $1 and conversation_id = $2 and input_id = $5)
           returning seq, version, state)
       insert into inputs (creator_id, conversation_id, input_id, turn, kind, payload, result, trace, created_at, updated_at)
         select $1, $2, $5, version, $6, $7, jsonb_build_object('seq', case when $3 = 0 then null else seq end),
           jsonb_build_object('from', state, 'to', state, 'as', 'quarantined', 'decisions', '[]'::jsonb, 'error', 'set aside'), $4, $4
         from turned returning (result ->> 'seq')::bigint as seq`,
      [...of, message === null ? 0 : 1, new Date(at), id, kind, JSON.stringify(payload)],
    );
    if (kept === undefined || message === null) return true;
    await sql(
      `insert into messages (creator_id, conversation_id, seq, id, role, class, body, created_at, updated_at)
         values ($1, $2, $3, $4, 'contact', 'inbound', $5, $6, $6)`,
      [...of, kept.seq, message.id, JSON.stringify(message.body), new Date(at)],
    );
    return true;
  });
}
