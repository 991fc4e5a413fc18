/** Another try for an input that was put in quarantine. */
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import { quarantinedInput } from '../store/turns.ts';
import type { ConversationKey, Input, InputResult, Mailboxes } from './input.ts';

/**
 * Gives the program an input from quarantine once more, its words being on record already.
 *
 * @param attempt names this try; the same one is taken once
 * @throws AppError NOT_FOUND nothing of this id is in quarantine, or not any more · whatever `deliver` throws
 */
export async function retryInput(
  { db, mailboxes }: { db: Database; mailboxes: Mailboxes },
  key: ConversationKey,
  inputId: string,
  attempt: string,
): Promise<InputResult> {
  const id = `retry:${attempt}:${inputId}`;
  const found = await quarantinedInput(db, key, inputId, id);
  if (!found) throw new AppError('NOT_FOUND', 'No input of this id is in quarantine');
  return mailboxes.deliver(key, { ...found.payload, kind: found.kind, id, again: true } as Input);
}
