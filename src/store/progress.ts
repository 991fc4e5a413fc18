/** The record that progress is counted from: what turns of all conversations of a contact recorded, and the programs' present rules. */
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { ContactId, ConversationId, CreatorId } from '../ids.ts';

/** What is needed to count a contact's progress again. */
export interface ProgressRecord {
  contactId: ContactId;
  /** As it stands on the contact. */
  progress: unknown;
  /** The recorded parts of each input, oldest first; see `Trace.progress` of the actors. */
  recorded: readonly unknown[];
}

/** Inputs that are counted again at most: 50 a day for more than two years. */
const mostInputs = 40_000;

/** Reads the record of a contact, named by itself or by one of its conversations. @throws AppError NOT_FOUND */
export function progressRecord(
  db: Database,
  creatorId: CreatorId,
  who: { contactId: ContactId } | { conversationId: ConversationId },
): Promise<ProgressRecord> {
  const [contactId, conversationId] = 'contactId' in who ? [who.contactId, null] : [null, who.conversationId];
  return db.tenant(creatorId, async (sql) => {
    const [contact] = await sql<{ contactId: ContactId; progress: unknown }>(
      `select c.id as "contactId", c.progress from contacts c where c.creator_id = $1 and c.id = coalesce($2,
         (select v.contact_id from conversations v where v.creator_id = $1 and v.id = $3))`,
      [creatorId, contactId, conversationId],
    );
    if (contact === undefined) throw new AppError('NOT_FOUND', 'No such contact in this workspace');
    const rows = await sql<{ recorded: unknown[] }>(
      `select i.trace -> 'progress' as recorded from inputs i
         join conversations v on v.creator_id = i.creator_id and v.id = i.conversation_id
       where i.creator_id = $1 and v.contact_id = $2 and i.trace ? 'progress'
       order by i.created_at, i.conversation_id, i.turn, i.trace -> 'progress' -> 0 ->> 'at' limit $3`,
      [creatorId, contact.contactId, mostInputs],
    );
    return { ...contact, recorded: rows.flatMap((row) => row.recorded) };
  });
}
