/** The conversation as the widget holds it, without a DOM: session, connection, record and outbox working together. */
import type { Clock } from '../../src/clock.ts';
import type { AfterClose } from './closing.ts';
import { type Connection, type ConnectionState, createConnection, type Socket } from './connection.ts';
import { createOutbox, type KeyValue, type OutboxItem } from './outbox.ts';
import { fieldsOf, type LinkedFile, type MessageFrame, type ServerFrame } from './protocol.ts';
import { type ConversationRecord, createRecord } from './record.ts';
import { createSender } from './sender.ts';
import { CallFailure, type ContactHints, createSessionApi, type LinkKey } from './session.ts';
import { createSessionHolder } from './session-holder.ts';

/** Something the person should know: another conversation began, this site may not use the chat, or the server's own words. */
export type Notice = { kind: 'new_session' } | { kind: 'forbidden' } | { kind: 'server'; code: string };

/** What a chat needs from outside: time, chance, network and storage are inputs. */
export interface ChatDeps {
  clock: Pick<Clock, 'now' | 'after'>;
  /** At least 0, below 1. */
  random: () => number;
  /** A new UUID. */
  uuid: () => string;
  fetch: typeof fetch;
  openSocket: (url: string, protocols: string[]) => Socket;
  storage: KeyValue;
  /** The server's origin. */
  server: string;
  /** The creator's id. */
  creator: string;
  /** How the person came in, as a program's `entry` names it. */
  entry: string | null;
  contact: ContactHints;
}

/** Whom a chat tells. */
export interface ChatEvents {
  /** Something to show has changed. */
  changed(): void;
  /** A message not seen before; `isFresh` when it was not there at the first welcome. */
  message(message: MessageFrame, isFresh: boolean): void;
  notice(notice: Notice): void;
  /** The creator's configuration has been read. */
  config(config: unknown): void;
}

/** One creator's chat on this page. */
export interface Chat {
  readonly record: ConversationRecord;
  /** What is not yet acknowledged, in order. */
  readonly waiting: readonly OutboxItem[];
  readonly connection: ConnectionState;
  /** Whether an earlier visit left a conversation to continue. */
  readonly hasSession: boolean;
  /** The server's origin. */
  readonly server: string;
  /** Messages of the other side that have not been read. */
  readonly unread: number;
  start(): void;
  stop(): void;
  wake(): void;
  send(text: string, attachments?: readonly LinkedFile[]): void;
  /** Uploads a file, to be sent with a message. @throws CallFailure */
  upload(file: Blob, name: string): Promise<LinkedFile>;
  /** A new link to a file whose link has run out. @throws CallFailure */
  link(id: string): Promise<string>;
  /** A one-use key that joins another channel of the person. @throws CallFailure */
  newLink(): Promise<LinkKey>;
  /** Goes on with the conversation of such a key. @throws CallFailure */
  join(key: string): Promise<void>;
  press(messageSeq: number, button: { id: string; title: string }): void;
  /** Says that the person is writing, at most every three seconds. */
  typing(): void;
  /** Everything seen so far has been read. */
  read(): void;
  retry(id: string): void;
  discard(id: string): void;
  identify(contact: ContactHints): void;
  /** Another tab changed this storage key. */
  storageChanged(key: string): void;
  /** Reads the public configuration, for a launcher that is shown before there is a session. */
  loadConfig(): void;
}

/** The longest message, in UTF-16 units: its frame stays far below the protocol's 64 KiB in every script. */
export const maxTextLength = 4_000;

const gapPatienceMs = 3_000;
const typingEveryMs = 3_000;
const configWithinMs = 5_000;

/** Nothing goes out before `start`. */
export function createChat(deps: ChatDeps, events: ChatEvents): Chat {
  const { clock, storage } = deps;
  const prefix = `companero:${deps.creator}:`;
  const api = createSessionApi(deps.fetch, deps.server, deps.creator);
  const record = createRecord();
  const outbox = createOutbox(storage, prefix);
  const session = createSessionHolder({
    storage,
    prefix,
    api,
    entry: deps.entry,
    contact: deps.contact,
    onConfig: configured,
    onReplaced: beginAnew,
  });
  let waiting: readonly OutboxItem[] = outbox.list();
  let firstSeq: number | null = null;
  let readSeq = 0;
  let typedAt = Number.NEGATIVE_INFINITY;
  let cancelGap = () => {};
  let gapCursor = -1;
  let knownConfig = 0;

  const connection: Connection = createConnection({
    clock,
    random: deps.random,
    ticket: async () => api.ticket(await session.token()),
    openSocket: (ticket) => deps.openSocket(api.socketUrl, ['coach.v1', `ticket.${ticket}`]),
    cursor: () => record.cursor,
    onState: stateChanged,
    onFrame: receive,
    onLost: lost,
  });
  const sender = createSender({ clock, outbox, connection, tab: deps.uuid(), onChanged: waitingChanged });

  function waitingChanged(): void {
    waiting = outbox.list();
    events.changed();
  }

  function stateChanged(state: ConnectionState): void {
    if (state === 'online') sender.pump();
    events.changed();
  }

  function lost(after: AfterClose): void {
    record.interrupted();
    cancelGap();
    sender.interrupted(after.blames);
    if (after.next === 'renew') session.refused();
    if (after.next === 'stop') events.notice({ kind: 'forbidden' });
    events.changed();
  }

  /** Another conversation takes this one's place: what was said stays with the old one, what was not yet sent goes to the new. */
  function beginAnew(isJoined = false): void {
    record.clear();
    firstSeq = null;
    readSeq = 0;
    gapCursor = -1;
    for (const item of outbox.list()) if (item.button !== undefined) outbox.remove(item.id);
    waitingChanged();
    if (!isJoined) events.notice({ kind: 'new_session' });
  }

  function receive(frame: ServerFrame): void {
    if (frame.type === 'welcome') welcomed(frame);
    // Read here before, in another tab or on another device.
    if (frame.type === 'read') readSeq = Math.max(readSeq, frame.seq);
    // Every open page hears it at once: they ask one after the other.
    if (frame.type === 'config') clock.after(deps.random() * configWithinMs, () => checkConfig(frame.version));
    if (frame.type === 'ack') acknowledge(frame.id, frame.seq);
    if (frame.type === 'error') refuse(frame.id, frame.error);
    const isNew = record.receive(frame);
    if (frame.type === 'message') recorded(frame, isNew);
    watchGap();
    events.changed();
  }

  function recorded(message: MessageFrame, isNew: boolean): void {
    if (waiting.some((item) => item.id === message.id)) sender.delivered(message.id);
    if (isNew) events.message(message, message.seq > (firstSeq ?? 0));
  }

  /** The creator may have changed the configuration since this page read it. */
  function welcomed({ seq, read_seq, config_version }: Extract<ServerFrame, { type: 'welcome' }>): void {
    firstSeq ??= seq;
    readSeq = Math.max(readSeq, read_seq);
    checkConfig(config_version);
  }

  function checkConfig(version: number): void {
    if (version > knownConfig) loadConfig();
  }

  function configured(config: unknown): void {
    knownConfig = Number(fieldsOf(config).version) || 0;
    events.config(config);
  }

  function loadConfig(): void {
    // Without it the look stays as it is; the next welcome asks again.
    void api.config().then(configured, () => undefined);
  }

  function acknowledge(id: string, seq: number | null): void {
    const item = waiting.find((candidate) => candidate.id === id);
    if (item !== undefined && seq !== null) {
      const at = new Date(item.at).toISOString();
      const message: MessageFrame = {
        type: 'message',
        seq,
        id,
        role: 'contact',
        text: item.text,
        at,
        ...(item.button && { button: item.button.id }),
        ...(item.attachments && { attachments: item.attachments }),
      };
      if (record.acked(message)) events.message(message, true);
    }
    sender.delivered(id);
  }

  function refuse(id: string | undefined, error: { code: string; retryAfterMs: number }): void {
    if (id !== undefined) sender.refused(id, error.code, error.retryAfterMs);
    // Frames without an id that came too fast are hints such as `typing`: nothing is lost by them.
    else if (error.code !== 'RATE_LIMITED') events.notice({ kind: 'server', code: error.code });
  }

  /** A message is missing: asks for it once by resuming again; if it still does not come, there is none. */
  function watchGap(): void {
    cancelGap();
    if (!record.hasGap) return;
    cancelGap = clock.after(gapPatienceMs, () => {
      if (gapCursor === record.cursor) record.acceptGap();
      else {
        gapCursor = record.cursor;
        connection.reopen();
      }
      watchGap();
    });
  }

  const pressed = new Set<number>();

  function say(item: Pick<OutboxItem, 'text' | 'button' | 'attachments'>): void {
    sender.add({ id: deps.uuid(), ...item });
  }

  async function upload(file: Blob, name: string): Promise<LinkedFile> {
    const uploaded = await api.upload(await session.token(), file, name);
    if (uploaded.id === '') throw new CallFailure(0, 0);
    return uploaded;
  }

  return {
    record,
    get waiting() {
      return waiting;
    },
    get connection() {
      return connection.state;
    },
    server: deps.server,
    get hasSession() {
      return session.known;
    },
    get unread() {
      return record.messages.filter((message) => message.role !== 'contact' && message.seq > readSeq).length;
    },
    start: () => connection.start(),
    stop() {
      cancelGap();
      sender.stop();
      connection.stop();
    },
    wake: () => connection.wake(),
    send(text, attachments = []) {
      const words = text.replaceAll('\u0000', '').trim().slice(0, maxTextLength).toWellFormed();
      if (attachments.length > 0) say({ text: words, attachments });
      else if (words !== '') say({ text: words });
    },
    upload,
    link: async (id) => api.link(await session.token(), id),
    newLink: async () => api.newLink(await session.token()),
    async join(key) {
      await session.join(key);
      connection.reopen();
    },
    press(seq, button) {
      // An offer is taken once: the second half of a double click is no answer to what comes next.
      if (pressed.has(seq)) return;
      pressed.add(seq);
      say({ text: button.title, button: { id: button.id, seq } });
    },
    typing() {
      if (clock.now() - typedAt < typingEveryMs) return;
      if (connection.send({ type: 'typing' })) typedAt = clock.now();
    },
    read() {
      const seq = record.messages.at(-1)?.seq ?? 0;
      if (seq <= readSeq || !connection.send({ type: 'read', seq })) return;
      readSeq = seq;
      events.changed();
    },
    retry: (id) => sender.retry(id),
    discard: (id) => sender.delivered(id),
    identify: (contact) => session.identify(contact),
    storageChanged(key) {
      if (outbox.owns(key)) sender.othersChanged();
      else if (session.changedElsewhere(key)) connection.reopen();
      else return;
      waitingChanged();
    },
    loadConfig,
  };
}
