/** The files of a message that came over an outside channel: fetched from where its provider keeps them, and kept here. */
import type { ConversationKey } from '../actors/input.ts';
import { AppError, errorTable } from '../errors.ts';
import type { ConversationId, CreatorId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Attachment } from '../message.ts';
import type { Channels } from './accounts.ts';
import type { FileRef, OpenConnection } from './channel.ts';

/** Keeps a file of a conversation. @throws AppError TOO_LARGE, UNSUPPORTED_MEDIA, OVERLOADED */
export type KeepMedia = (
  creatorId: CreatorId,
  medium: { conversationId: ConversationId; name: string; bytes: Uint8Array },
) => Promise<Attachment>;

/** What a file may have, and how long it may take once it is begun: the provider waits for our answer meanwhile. */
const mostFileBytes = 10 * 1024 * 1024;
const fetchMs = 15_000;
/** Files of one connection under way at once: they are in memory, and who keeps them may be slow. */
const mostAtOnce = 4;

/**
 * Fetches and keeps files. Gives those that could be, in their order: without what cannot be fetched and what is of no kind we take.
 *
 * @throws AppError OVERLOADED, UNAVAILABLE one cannot be kept now
 */
export type ReceiveFiles = (
  connection: OpenConnection,
  conversation: ConversationKey,
  files: readonly FileRef[],
) => Promise<readonly Attachment[]>;

/** The way of received files in this process. */
export function createReceivedFiles({ channels, keepMedia, log }: { channels: Channels; keepMedia: KeepMedia; log: Log }): ReceiveFiles {
  const inTurn = createTurns(mostAtOnce);

  async function receive(
    connection: OpenConnection,
    { creatorId, conversationId }: ConversationKey,
    file: FileRef,
  ): Promise<Attachment | null> {
    try {
      const bytes = await channels[connection.channel].fetchMedia(file, connection, mostFileBytes, AbortSignal.timeout(fetchMs));
      return bytes === null ? null : await keepMedia(creatorId, { conversationId, name: file.name, bytes });
    } catch (error) {
      // What passes costs nobody a file: the provider is to send the message again.
      if (error instanceof AppError && errorTable[error.code].retryable) throw error;
      log.warn('channel.media_failed', {
        creator_id: creatorId,
        connection_id: connection.id,
        reason: error instanceof AppError ? error.code : (error as Error).name,
      });
      return null;
    }
  }

  return async (connection, conversation, files) => {
    const received = await Promise.all(files.map((file) => inTurn(connection.id, () => receive(connection, conversation, file))));
    return received.filter((attachment) => attachment !== null);
  };
}

/** Work of one name, `most` at a time; the rest waits in order. */
function createTurns(most: number): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const queues = new Map<string, { running: number; waiting: (() => void)[] }>();

  return async (name, work) => {
    const queue = queues.get(name) ?? { running: 0, waiting: [] };
    queues.set(name, queue);
    if (queue.running === most) await new Promise<void>((enter) => queue.waiting.push(enter));
    else queue.running += 1;
    try {
      return await work();
    } finally {
      const next = queue.waiting.shift();
      // Whoever waited takes the place that is left.
      if (next !== undefined) next();
      else queue.running -= 1;
      if (queue.running === 0) queues.delete(name);
    }
  };
}
