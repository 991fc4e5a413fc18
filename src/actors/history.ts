/** What was said lately in a conversation, as an answer needs to know it. */
import type { AnswerRequest } from '../answers.ts';
import type { Database } from '../database.ts';
import { messagesBefore } from '../store/conversations.ts';
import type { ConversationKey } from './input.ts';

const length = 12;

/** The last messages, oldest first. Empty for a conversation the creator does not have. */
export async function historyOf(db: Database, key: ConversationKey): Promise<AnswerRequest['history']> {
  const messages = await messagesBefore(db, key, Number.MAX_SAFE_INTEGER, length);
  return messages.map(({ role, body }) => ({ role: role === 'contact' ? 'contact' : 'coach', text: body.text }));
}
