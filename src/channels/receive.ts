/** The way in from outside channels: a provider's request, believed only when signed, becomes inputs; it is answered when they are durable. */
import type { ConversationKey, Input, Mailboxes } from '../actors/input.ts';
import type { Clock } from '../clock.ts';
import { counterOf } from '../counter.ts';
import type { Database } from '../database.ts';
import { AppError, errorTable } from '../errors.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { connectionsOfAccount } from '../store/connections.ts';
import { type KeptInput, keepForLater } from '../store/inputs.ts';
import type { Channels } from './accounts.ts';
import type { ChannelEvent, ChannelName, InboundRequest, OpenConnection } from './channel.ts';
import type { ConnectionBook } from './connection-book.ts';
import type { Links } from './link.ts';
import { createListener } from './receive-event.ts';
import type { KeepMedia } from './received-files.ts';

/** What the way in needs. */
export interface ReceiverDeps {
  db: Database;
  clock: Clock;
  ids: Ids;
  log: Log;
  book: ConnectionBook;
  channels: Channels;
  mailboxes: Mailboxes;
  links: Links;
  /** Keeps the files people send. */
  keepMedia: KeepMedia;
}

/** The way in. */
export interface Receiver {
  /**
   * Takes a provider's request. Resolves when everything in it is durable.
   *
   * @throws AppError UNAUTHENTICATED unknown connection or wrong signature, told apart by nothing · OVERLOADED, UNAVAILABLE not all is
   * durable; the provider repeats the request, and what was taken counts once
   */
  receive(channel: ChannelName, connectionId: string, request: InboundRequest): Promise<void>;
  /** Resolves when what is done beside the answers (read marks, hints) has ended. */
  idle(): Promise<void>;
}

/** The way in of this process. */
export function createReceiver(deps: ReceiverDeps): Receiver {
  const { db, clock, log, book, channels, mailboxes } = deps;
  const under = new Set<Promise<void>>();
  const listener = createListener({ ...deps, deliver, beside });

  /**
   * A poisoned input would be repeated for days, and hold up what others write: what can never be taken is counted and let go, and what
   * cannot be taken until its conversation has been looked at is kept for then.
   */
  async function deliver(key: ConversationKey, input: Input): Promise<void> {
    try {
      await mailboxes.deliver(key, input);
    } catch (error) {
      if (!(error instanceof AppError) || errorTable[error.code].retryable) throw error;
      if (await keepForLater(db, key, keptInput(input), clock.now())) return;
      log.warn('channel.input_refused', { creator_id: key.creatorId, conversation_id: key.conversationId, code: error.code });
    }
  }

  function beside(connection: OpenConnection, work: (signal: AbortSignal) => Promise<void>): void {
    const running = work(AbortSignal.timeout(besideMs)).catch((error: unknown) => {
      log.warn('channel.beside_failed', { creator_id: connection.creatorId, connection_id: connection.id, name: (error as Error).name });
    });
    const tracked = running.finally(() => under.delete(tracked));
    under.add(tracked);
  }

  /** Whose events these are: the path's own connection, or another number of the same app, proved by the same signature. */
  async function ownerOf(account: string, asked: OpenConnection, request: InboundRequest): Promise<OpenConnection | null> {
    if (account === asked.account) return asked;
    for (const { id } of await connectionsOfAccount(db, asked.channel, account)) {
      const other = await book.find(asked.channel, id, (found) => channels[asked.channel].verify(request, found));
      if (other !== null) return other;
    }
    return null;
  }

  return {
    async receive(name, connectionId, request) {
      const connection = await book.find(name, connectionId, (found) => channels[name].verify(request, found));
      if (connection === null) {
        throw new AppError('UNAUTHENTICATED', 'Cannot accept this request: its signature is missing or wrong');
      }
      const { batches, ignored } = channels[name].receive(jsonOf(request.bytes), connection, clock.wall());
      for (const [kind, count] of Object.entries(ignored)) ignoredEvents().inc({ channel: name, kind }, count);
      const work: Promise<void>[] = [];
      for (const { account, events } of batches) {
        const owner = await ownerOf(account, connection, request);
        if (owner === null) ignoredEvents().inc({ channel: name, kind: 'unknown_account' }, events.length);
        else work.push(...bySender(events).map((own) => hearAll(owner, own)));
      }
      const failed = (await Promise.allSettled(work)).find((one) => one.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
    async idle() {
      while (under.size > 0) await Promise.all(under);
    },
  };

  async function hearAll(connection: OpenConnection, events: readonly ChannelEvent[]): Promise<void> {
    for (const event of events) await listener.hear(connection, event);
  }
}

const besideMs = 15_000;

function keptInput(input: Input): KeptInput {
  const { id, kind, ...payload } = input;
  return { id, kind, payload, message: bubbleOf(input) };
}

/** What the person wrote or pressed; nothing else they do is shown. */
function bubbleOf(input: Input): KeptInput['message'] {
  if (input.kind === 'button') return { id: input.messageId, body: { text: input.title ?? input.button } };
  if (input.kind !== 'message') return null;
  const { messageId, text, attachments } = input;
  return { id: messageId, body: { text, ...(attachments?.length ? { attachments } : {}) } };
}

/** Events of one person stay in the order of their times; those of different people need not wait for each other. */
function bySender(events: readonly ChannelEvent[]): ChannelEvent[][] {
  const timed = events.toSorted((a, b) => ('at' in a && 'at' in b ? a.at - b.at : 0));
  return [...Map.groupBy(timed, (event) => ('from' in event ? event.from.externalId : event.kind)).values()];
}

/** The body as JSON; what is none reads as null, which no channel knows. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // A signed request that is no JSON is the provider's own mistake: counted by the channel, never repeated.
    return null;
  }
}

const ignoredEvents = () => counterOf('companero_channel_ignored_total', 'Events of providers that mean nothing here', ['channel', 'kind']);
