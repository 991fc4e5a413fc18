/** One widget socket: `coach.v1` spoken over a connection, from hello to close. */
import type { ConversationKey, Input, Mailboxes } from '../actors/input.ts';
import type { Clock } from '../clock.ts';
import type { WidgetPrincipal } from '../context.ts';
import { AppError, errorBody } from '../errors.ts';
import type { ConversationId, CreatorId, Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Attachment, ConversationNews, Message } from '../message.ts';
import { conversationTopic, type FanOut } from '../shared/fan-out.ts';
import type { ConversationHead } from '../store/conversations.ts';
import type { Connection, ServedSocket } from './connection.ts';
import { createMessageFeed } from './message-feed.ts';
import { createOffers } from './offers.ts';
import type { Presence } from './presence.ts';
import { createReadMark } from './read-mark.ts';
import { createSocketLimits, type LimitReached } from './socket-limits.ts';
import { createTokenBucket } from './token-bucket.ts';
import { type ClientFrame, maxFrameBytes, messageFrame, readFrame, type ServerFrame } from './widget-frames.ts';

/** What the record tells a socket. */
export interface ConversationRecord {
  /** The newest `seq`, how far the contact has read, the status, and what they have earned; null when there is no such conversation of this creator. */
  head(key: ConversationKey): Promise<ConversationHead | null>;
  /** Moves the contact's read mark forward; gives the new one, or null where it has been there already. */
  moveReadMark(key: ConversationKey, seq: number): Promise<number | null>;
  /** Messages after `after`, oldest first, at most `most`. */
  messagesAfter(key: ConversationKey, after: number, most: number): Promise<readonly Message[]>;
}

/** The files of conversations, as far as a socket deals with them. */
export interface ConversationMedia {
  /** @throws AppError INVALID_INPUT one of them is not a file of the conversation */
  ofConversation(creatorId: CreatorId, conversationId: ConversationId, ids: readonly string[]): Promise<Attachment[]>;
  /** A path on this server that fetches the file for the next hour. */
  path(creatorId: CreatorId, id: string): string;
}

export interface WidgetSocketDeps {
  mailboxes: Mailboxes;
  media: ConversationMedia;
  fanOut: FanOut;
  record: ConversationRecord;
  presence: Presence;
  /** Grows with each change of the creator's widget configuration. */
  configVersion(creatorId: CreatorId): Promise<number>;
  /** Frames one socket may send each second for ever. */
  framesPerSecond: number;
  clock: Clock;
  ids: Ids;
  log: Log;
}

/** How many seconds' worth of frames a client may send at once. */
const burstSeconds = 10;

/** How often a client's pings make its socket read the record. */
const lookAgainMs = 60_000;

type DeliveredFrame = Extract<ClientFrame, { type: 'message' | 'button' }>;

/**
 * Serves one contact over one connection. Errors go to the client as frames and, where the protocol says so, as close codes;
 * the handlers never throw. An `ack` is sent only when the message is durable; every message of the conversation after the
 * `seq` of `hello` is sent once, in order.
 */
export function createWidgetSocket(deps: WidgetSocketDeps, principal: WidgetPrincipal, connection: Connection): ServedSocket {
  const { clock, log } = deps;
  const key: ConversationKey = { creatorId: principal.creatorId, conversationId: principal.conversationId };
  const socketId = deps.ids.uuid();
  const fields = { socket_id: socketId, creator_id: key.creatorId, conversation_id: key.conversationId };
  const takeToken = createTokenBucket(deps.framesPerSecond * burstSeconds, deps.framesPerSecond);
  const limits = createSocketLimits(clock, connection, reachLimit);
  const feed = createMessageFeed({
    read: (after, most) => deps.record.messagesAfter(key, after, most),
    send(message) {
      offers.gave(message);
      send(messageFrame(message, (id) => deps.media.path(key.creatorId, id)));
    },
    busy: limits.stalled,
    fail: (error) => giveUp(error),
  });
  const offers = createOffers((after, most) => deps.record.messagesAfter(key, after, most));
  const readMark = createReadMark(keepReadMark, (error) => log.error('widget.read_mark_not_kept', error, fields));
  /** Whether the record could be joined; null before `hello`. Deliveries wait for it, so that `welcome` comes first. */
  let opened: Promise<boolean> | null = null;
  let welcomed = false;
  let typing = false;
  /** The reply that the client sees grow, and how far. */
  let growing = { reply: '', length: 0 };
  let lookedAt = clock.wall();
  let closed = false;
  let unsubscribe: (() => void) | null = null;
  let reading: Promise<unknown> = Promise.resolve();

  function send(frame: ServerFrame): void {
    if (closed) return;
    connection.send(JSON.stringify(frame));
    void limits.stalled();
  }

  function sendError(error: unknown, id?: string): void {
    if (!(error instanceof AppError)) log.error('widget.failed', error, fields);
    const body = errorBody(error, socketId, clock.wall());
    send(id === undefined ? { type: 'error', error: body } : { type: 'error', error: body, id });
  }

  function close(code: number, reason: string): void {
    if (closed) return;
    log.info('widget.closing', { ...fields, code, reason });
    stop();
    connection.close(code, reason);
  }

  function stop(): void {
    closed = true;
    limits.end();
    feed.end();
    unsubscribe?.();
    unsubscribe = null;
  }

  function leave(retryAfterMs: number, reason: string): void {
    send({ type: 'closing', retry_after_ms: retryAfterMs });
    close(1001, reason);
  }

  function reachLimit({ limit, code }: LimitReached): void {
    if (limit === 'hello') sendError(new AppError('INVALID_INPUT', 'Cannot wait longer for the frame "hello"'));
    if (limit === 'age') leave(0, limit);
    else close(code, limit);
  }

  /** Ends a socket that cannot go on because the record cannot be read. */
  function giveUp(error: unknown): void {
    sendError(error);
    if (error instanceof AppError && error.code === 'NOT_FOUND') close(4401, 'not found');
    else close(1013, 'unavailable');
  }

  function refuse(error: AppError, id?: string): void {
    sendError(error, id);
    if (opened === null) close(1008, 'hello expected');
    else limits.offended();
  }

  /** Tells the contact's other tabs and devices, which then count no more than this one. */
  async function keepReadMark(seq: number): Promise<void> {
    const moved = await deps.record.moveReadMark(key, seq);
    if (moved === null) return;
    const news: ConversationNews = { type: 'read', seq: moved };
    deps.fanOut.publish(conversationTopic(key.creatorId, key.conversationId), news);
  }

  /** Subscribes before it reads, so that nothing falls between the record and the news. */
  async function join(after: number): Promise<void> {
    const stopHearing = await deps.fanOut.subscribe(conversationTopic(key.creatorId, key.conversationId), hear, feed.lookAgain);
    if (closed) return stopHearing();
    unsubscribe = stopHearing;
    const [head, configVersion] = await Promise.all([deps.record.head(key), deps.configVersion(key.creatorId)]);
    if (head === null) throw new AppError('NOT_FOUND', 'Cannot find this conversation');
    send({
      type: 'welcome',
      session_id: principal.sessionId,
      conversation_id: principal.conversationId,
      seq: head.seq,
      read_seq: head.readSeq,
      status: head.status,
      typing,
      config_version: configVersion,
    });
    welcomed = true;
    if (head.progress !== null) send({ type: 'progress', ...head.progress });
    feed.start(after, head.seq);
  }

  async function open(after: number): Promise<boolean> {
    try {
      await join(after);
      return !closed;
    } catch (error) {
      giveUp(error);
      return false;
    }
  }

  function hear(heard: unknown): void {
    if (closed) return;
    const news = readNews(heard);
    if (news === null) return log.warn('widget.news_unreadable', fields);
    if (news.type === 'message') return feed.hear(news.message);
    if (news.type === 'missed') return feed.lookAgain();
    if (news.type === 'typing') typing = news.on;
    // What is lost without harm is not queued: neither before the welcome nor for a client that does not read.
    if (welcomed && limits.stalled() === null) passOn(news);
  }

  /** Nobody reads a reply from its middle: who came late, or has lost a piece, sees that something is written, and then the message. */
  function passOn(news: Exclude<ConversationNews, { type: 'message' }>): void {
    if (news.type !== 'delta') return send(news);
    const { after, ...frame } = news;
    const isSame = growing.reply === frame.reply;
    if (frame.anew === true || after === (isSame ? growing.length : 0)) {
      if (isSame || frame.text !== '') growing = { reply: frame.reply, length: after + frame.text.length };
      send(frame);
    } else if (!typing) {
      typing = true;
      send({ type: 'typing', on: true });
    }
  }

  async function deliver(frame: DeliveredFrame): Promise<void> {
    // One after the other, so that looking up a file lets nothing overtake.
    const input = reading.then(() => inputOf(frame));
    reading = input.catch(() => undefined);
    if (!(await opened)) return;
    try {
      const result = await deps.mailboxes.deliver(key, await input);
      send({ type: 'ack', id: frame.id, seq: result.seq });
    } catch (error) {
      sendError(error, frame.id);
    }
  }

  async function inputOf(frame: DeliveredFrame): Promise<Input> {
    const common = { id: `msg:${frame.id}`, messageId: frame.id };
    if (frame.type === 'button') {
      const offered = await offers.find(frame.message_seq, frame.button);
      if (offered === null) throw new AppError('INVALID_INPUT', 'Press a button that was offered: no such button under this message');
      return { ...common, kind: 'button', messageSeq: frame.message_seq, button: offered.id, title: offered.title };
    }
    const message = { ...common, kind: 'message' as const, text: frame.text };
    if (!frame.attachments?.length) return message;
    return { ...message, attachments: await deps.media.ofConversation(key.creatorId, key.conversationId, frame.attachments) };
  }

  function take(frame: ClientFrame): void {
    const id = 'id' in frame ? frame.id : undefined;
    const retryAfterMs = takeToken(clock.wall());
    if (retryAfterMs > 0) {
      return refuse(new AppError('RATE_LIMITED', 'Cannot take frames this fast', { details: { retry_after_ms: retryAfterMs } }), id);
    }
    if (frame.type === 'hello') return greet(frame.after);
    if (opened === null) return refuse(new AppError('INVALID_INPUT', `Cannot take "${frame.type}" before "hello"`), id);
    if (frame.type === 'ping') return answerPing();
    if (frame.type === 'read') return readMark.take(frame.seq);
    // `typing` changes nothing that is kept; hearing it is enough.
    if (frame.type === 'message' || frame.type === 'button') void deliver(frame);
  }

  /** A node that dies between commit and news leaves nobody to tell of it, so now and then the record is asked. */
  function answerPing(): void {
    send({ type: 'pong' });
    deps.presence.heard(key, socketId);
    if (clock.wall() - lookedAt < lookAgainMs) return;
    lookedAt = clock.wall();
    feed.lookAgain();
  }

  function greet(after: number): void {
    if (opened !== null) return refuse(new AppError('INVALID_INPUT', 'Cannot take "hello" twice'));
    limits.greeted();
    deps.presence.heard(key, socketId);
    opened = open(after);
  }

  return {
    onText(text) {
      if (closed) return;
      limits.heard();
      if (isTooLarge(text)) {
        sendError(new AppError('TOO_LARGE', `Cannot take a frame larger than ${maxFrameBytes} bytes`));
        return close(1009, 'too large');
      }
      const read = readFrame(text);
      if ('refused' in read) refuse(read.refused, read.id);
      else take(read.frame);
    },
    onBinary() {
      if (closed) return;
      sendError(new AppError('UNSUPPORTED_MEDIA', 'Cannot take a binary frame'));
      close(1003, 'text only');
    },
    onClose() {
      stop();
      deps.presence.left(key, socketId);
    },
    leave: (retryAfterMs) => leave(retryAfterMs, 'shutdown'),
    configChanged(version) {
      if (welcomed) send({ type: 'config', version });
    },
    endSession: () => close(4401, 'session ended'),
  };
}

/** News comes from our own nodes; what cannot be read is skipped, as if lost: the feed finds the gap by `seq` and reads the record. */
function readNews(heard: unknown): ConversationNews | null {
  return typeof heard === 'object' && heard !== null && 'type' in heard ? (heard as ConversationNews) : null;
}

/** UTF-8 takes one to three bytes for each UTF-16 unit, so most texts need no counting. */
function isTooLarge(text: string): boolean {
  if (text.length * 3 <= maxFrameBytes) return false;
  return text.length > maxFrameBytes || new TextEncoder().encode(text).byteLength > maxFrameBytes;
}
