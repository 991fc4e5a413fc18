/** Tells the programs that contacts are in that somebody from outside has changed them: what counts from zone and fields is computed again. */
import type { Database } from '../database.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import type { ContactId, ConversationId, CreatorId } from '../ids.ts';
import { activeConversations } from '../store/conversations.ts';
import type { Input, Mailboxes } from './input.ts';

/** A contact as it was left, by the version it has since. */
export interface ChangedContact {
  id: ContactId;
  version: number;
}

/** Tells of changed contacts of a creator, in all conversations but the one that changed them. @throws whatever `deliver` throws */
export type TellPrograms = (creatorId: CreatorId, changed: readonly ChangedContact[], but?: ConversationId) => Promise<void>;

/** What ids of inputs begin with that tell of a changed contact. */
const prefix = 'contact:';

/** Whether an input tells of a changed contact. */
export function isNewsOfContact(inputId: string): boolean {
  return inputId.startsWith(prefix);
}

/** Conversations told at a time: many share a commit, and a table of thousands fills no mailbox. */
const atOnce = 100;
/** A conversation that has gone or was set aside meanwhile needs not be told. */
const gone: ReadonlySet<ErrorCode> = new Set(['NOT_FOUND', 'CONFLICT']);

/** Tells through the mailboxes. */
export function createTellPrograms({ db, mailboxes }: { db: Database; mailboxes: Mailboxes }): TellPrograms {
  return async (creatorId, changed, but) => {
    const versions = new Map(changed.map(({ id, version }) => [id, version]));
    const running = (await activeConversations(db, creatorId, [...versions.keys()])).filter(({ id }) => id !== but);
    for (let from = 0; from < running.length; from += atOnce) {
      await Promise.all(
        running.slice(from, from + atOnce).map(async ({ id: conversationId, contactId }) => {
          const input: Input = { id: `${prefix}${versions.get(contactId)}`, kind: 'event', name: 'contact-changed', data: {} };
          await mailboxes.deliver({ creatorId, conversationId }, input).catch(unlessGone);
        }),
      );
    }
  };
}

function unlessGone(error: unknown): void {
  if (!(error instanceof AppError && gone.has(error.code))) throw error;
}
