/** What each event of a provider means: an input of a conversation, news of a delivery, or a change of an address. */
import type { ConversationKey, Input } from '../actors/input.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { ContactId, ConversationId, Ids, SessionId } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Attachment, Message } from '../message.ts';
import { storable } from '../storable.ts';
import { conversationHead, messagesAfter, messagesBefore } from '../store/conversations.ts';
import { addressOfReport, releaseHeld, reportDelivery } from '../store/deliveries.ts';
import {
  type AddressKey,
  hearAddress,
  markReachable,
  markUnreachable,
  mayHint,
  meetAddress,
  moveConversation,
  noteEdit,
  renameAddress,
} from '../store/identities.ts';
import { wasTaken } from '../store/inputs.ts';
import type { Channels } from './accounts.ts';
import { type ChannelEvent, deliveryRanks, type OpenConnection, type Sender } from './channel.ts';
import { applyRefusal } from './deliver-refusals.ts';
import { hintsFor } from './hints.ts';
import { type Links, leaving } from './link.ts';
import { createReceivedFiles, type KeepMedia } from './received-files.ts';
import { fitsKey, readButtonKey } from './rendering.ts';
import { stableUuid } from './stable-id.ts';

/** What listening needs. `deliver` makes an input durable; `beside` does work that the answer does not wait for. */
export interface ListenerDeps {
  db: Database;
  clock: Clock;
  channels: Channels;
  links: Links;
  log: Log;
  ids: Ids;
  keepMedia: KeepMedia;
  deliver(key: ConversationKey, input: Input): Promise<void>;
  beside(connection: OpenConnection, work: (signal: AbortSignal) => Promise<void>): void;
}

type Of<Kind extends ChannelEvent['kind']> = Extract<ChannelEvent, { kind: Kind }>;
type Hear<Kind extends ChannelEvent['kind']> = (connection: OpenConnection, event: Of<Kind>) => Promise<void>;

/** The conversation of somebody who was heard, and whether messages are held for them. */
interface Heard {
  key: ConversationKey;
  holds: boolean;
}

/** A button that was offered: under which message, its id and what is on it. */
type Pressed = Pick<Extract<Input, { kind: 'button' }>, 'messageSeq' | 'button'> & { title: string };

const hintEveryMs = 60_000;
/** What a contact may write at once, in UTF-16 units: more than any provider lets through. */
const mostText = 8_000;

/** Hears one event after the other; resolves when it is durable. */
export function createListener(deps: ListenerDeps): { hear(connection: OpenConnection, event: ChannelEvent): Promise<void> } {
  const { db, clock, ids, channels, links, deliver, beside } = deps;
  const receiveFiles = createReceivedFiles(deps);

  const hearing: { readonly [Kind in ChannelEvent['kind']]: Hear<Kind> } = {
    async message(connection, event) {
      const { from } = event;
      if (await linked(connection, from, event.text, event.id)) return;
      const { key, holds } = await conversationOf(connection, from, event.at);
      const about = { id: inputId(connection, event.id), messageId: stableUuid<string>(connection.id, event.id) };
      const attachments = await filesOf(connection, key, about.id, event);
      if (attachments === null) return;
      const option = event.files === undefined ? await numberedOption(connection, key, event.text) : null;
      const text = storable(event.text.slice(0, mostText));
      await take(
        { key, holds },
        option
          ? { ...about, kind: 'button', ...option }
          : { ...about, kind: 'message', text, ...(attachments.length > 0 ? { attachments } : {}) },
      );
      beside(connection, (signal) => channels[connection.channel].notice(event, connection, signal));
    },

    async button(connection, event) {
      const { key, holds } = await conversationOf(connection, event.from, event.at);
      const pressed = await pressedButton(key, event.key);
      const about = { id: inputId(connection, event.id), messageId: stableUuid<string>(connection.id, event.id) };
      // A button that is not ours is stale: number 0 stands under no message, and what its provider says was on it is all there is.
      const forged = { messageSeq: 0, button: '?', title: storable(event.title.slice(0, 200)) || '?' };
      await take({ key, holds }, { ...about, kind: 'button', ...(pressed ?? forged) });
      beside(connection, (signal) => channels[connection.channel].notice(event, connection, signal));
    },

    async start(connection, event) {
      if (event.payload !== '' && (await linked(connection, event.from, event.payload, event.id))) return;
      const { key } = await conversationOf(connection, event.from, event.at);
      const id = inputId(connection, event.id);
      if (event.payload !== '') await deliver(key, { id: `${id}:start`, kind: 'start', programSlug: event.payload });
      const head = await conversationHead(db, key);
      if (head?.status !== 'active')
        await deliver(key, { id, kind: 'message', messageId: stableUuid(connection.id, event.id), text: '/start' });
      else if (event.payload === '') await deliver(key, { id, kind: 'event', name: 'return', data: {} });
    },

    async edited(connection, { from, id, text }) {
      const key = addressOf(connection, from.externalId);
      await db.tenant(connection.creatorId, (sql) => noteEdit(sql, key, stableUuid(connection.id, id), storable(text.slice(0, mostText))));
    },

    async unreadable(connection, event) {
      await conversationOf(connection, event.from, event.at);
      await hintOnce(connection, event.from, 'unreadable');
    },

    async reachable(connection, { from, reachable }) {
      const key = addressOf(connection, from.externalId);
      await db.tenant(connection.creatorId, (sql) => (reachable ? markReachable(sql, key) : markUnreachable(sql, key, 'blocked')));
    },

    async moved(connection, { formerId, externalId }) {
      const key = addressOf(connection, externalId);
      await db.tenant(connection.creatorId, (sql) => renameAddress(sql, connection.channel, key, formerId));
    },

    async status(connection, event) {
      const { creatorId, id: connectionId } = connection;
      const { providerId, status } = event;
      const reason = event.status === 'failed' ? event.refusal.code : null;
      const part = partOf(creatorId, event.reference);
      await db.tenant(creatorId, async (sql) => {
        const news = { creatorId, connectionId, providerId, status, rank: deliveryRanks[status], reason, part };
        const isNew = await reportDelivery(sql, news);
        if (!isNew || event.status !== 'failed') return;
        const externalId = (await addressOfReport(sql, { creatorId, connectionId, providerId })) ?? '';
        await applyRefusal(sql, { creatorId, connectionId, externalId }, event.refusal, clock.wall());
      });
    },
  };

  /** The person's conversation here, begun when there is none; hearing them opens the window anew. */
  async function conversationOf(connection: OpenConnection, from: Sender, at: number): Promise<Heard> {
    const { creatorId, channel, id: connectionId } = connection;
    const key = addressOf(connection, from.externalId);
    const heard = { phone: from.phone, windowExpiresAt: windowOf(connection, at) };
    if (from.formerId !== null) await renameAway(connection, key, from.formerId);
    const known = await hearAddress(db.routing, key, heard);
    if (known && known.connectionId !== connectionId) {
      await db.tenant(creatorId, (sql) => moveConversation(sql, { creatorId, ...known }, { channel, connectionId }));
    }
    const conversationId = known?.conversationId ?? (await begin(connection, from, heard));
    return { key: { creatorId, conversationId }, holds: known?.holds === true };
  }

  /** What was known under a former id is known under the new one. */
  async function renameAway({ creatorId, channel }: OpenConnection, key: AddressKey, formerId: string): Promise<void> {
    await db.tenant(creatorId, (sql) => renameAddress(sql, channel, key, formerId));
  }

  /** Takes the person's words; what was held until they write is sent behind the answer, unless the words were that they want no more. */
  async function take({ key, holds }: Heard, input: Input): Promise<void> {
    await deliver(key, input);
    if (holds) await releaseHeld(db, key, ids.uuid);
  }

  /** Begins a conversation of one person and one connection, once, however many requests ask at the same time. */
  function begin(connection: OpenConnection, from: Sender, heard: { phone: string | null; windowExpiresAt: number | null }) {
    const { channel, id: connectionId } = connection;
    return meetAddress(db.routing, {
      ...addressOf(connection, from.externalId),
      ...heard,
      channel,
      // The same for all who ask at once: the first one's conversation is everybody's.
      sessionId: stableUuid<SessionId>('session', connectionId, from.externalId),
      conversationId: ids.uuid<ConversationId>(),
      contactId: ids.uuid<ContactId>(),
      name: from.name,
      language: from.language,
      at: clock.now(),
    });
  }

  /** Until when free text may be sent: by the conversation clock, counted from when the words were written. */
  function windowOf(connection: OpenConnection, at: number): number | null {
    const { windowMs } = channels[connection.channel].capabilities;
    return windowMs === null ? null : clock.now() - Math.max(0, clock.wall() - at) + windowMs;
  }

  /** Whether the words were a key that joined this person to a conversation; its program hears of it. */
  async function linked(connection: OpenConnection, from: Sender, words: string, eventId: string): Promise<boolean> {
    const joined = await links.joinOutside({ words, eventId }, connection, from, windowOf(connection, clock.wall()));
    if (joined === null) return false;
    const { creatorId, channel } = connection;
    const id = inputId(connection, eventId);
    if (joined.left !== null) await deliver({ creatorId, conversationId: joined.left }, leaving(id));
    const key = { creatorId, conversationId: joined.conversationId };
    await deliver(key, { id, kind: 'event', name: 'linked', data: { channel } });
    hint(connection, from, hintsFor(from.language).linked);
    return true;
  }

  /** The files of a message; null when they were all of it and none could be had. The person is told of those that are missing. */
  async function filesOf(
    connection: OpenConnection,
    key: ConversationKey,
    id: string,
    { from, text, files = [] }: Of<'message'>,
  ): Promise<readonly Attachment[] | null> {
    // A provider that was not answered in time repeats the message: its files are here already.
    if (files.length === 0 || (await wasTaken(db, key, id))) return [];
    const attachments = await receiveFiles(connection, key, files);
    if (attachments.length < files.length) await hintOnce(connection, from, 'unfetched');
    return attachments.length === 0 && text === '' ? null : attachments;
  }

  /** The button a key names, if it stands under a message of this conversation. */
  async function pressedButton(key: ConversationKey, text: string): Promise<Pressed | null> {
    const named = readButtonKey(text);
    if (named === null) return null;
    const [message] = await messagesAfter(db, key, named.seq - 1, 1);
    const button = message !== undefined && fitsKey(named, message) ? message.body.buttons?.[named.ordinal] : undefined;
    return button === undefined ? null : { messageSeq: named.seq, button: button.id, title: button.title };
  }

  /** The option a number stands for, where the newest options were shown as numbered text. */
  async function numberedOption(connection: OpenConnection, key: ConversationKey, text: string): Promise<Pressed | null> {
    const number = /^\s*(\d{1,2})[.)]?\s*$/.exec(text)?.[1];
    if (number === undefined) return null;
    const recent = await messagesBefore(db, key, Number.MAX_SAFE_INTEGER, 10);
    const offer = recent.findLast(({ role, body }) => role !== 'contact' && body.buttons !== undefined);
    const button = offer?.body.buttons?.[Number(number) - 1];
    return offer !== undefined && button !== undefined && isNumbered(connection, offer)
      ? { messageSeq: offer.seq, button: button.id, title: button.title }
      : null;
  }

  function isNumbered(connection: OpenConnection, message: Message): boolean {
    const parts = channels[connection.channel].render(message, true);
    return parts !== null && !JSON.stringify(parts.map(({ shown }) => shown)).includes(message.id.slice(-12));
  }

  /** Tells a person once a minute at most why nothing follows from what they sent. */
  async function hintOnce(connection: OpenConnection, to: Sender, about: 'unreadable' | 'unfetched'): Promise<void> {
    const key = addressOf(connection, to.externalId);
    const may = await db.tenant(connection.creatorId, (sql) => mayHint(sql, key, clock.wall(), hintEveryMs));
    if (may) hint(connection, to, hintsFor(to.language)[about]);
  }

  /** Tells a person something that is no part of the conversation. */
  function hint(connection: OpenConnection, to: Sender, text: string): void {
    const channel = channels[connection.channel];
    const part = channel.render({ id: stableUuid(connection.id), seq: 0, body: { text } }, true)?.[0];
    if (part === undefined) return;
    beside(connection, async (signal) => void (await channel.send(part.shown, to, connection, { reference: 'hint', signal })));
  }

  return {
    hear: (connection, event) =>
      (hearing[event.kind] as (connection: OpenConnection, event: ChannelEvent) => Promise<void>)(connection, event),
  };
}

function addressOf({ creatorId, id }: OpenConnection, externalId: string): AddressKey {
  return { creatorId, connectionId: id, externalId };
}

/** A provider's ids are unique within a connection; a conversation may be reached by several. */
function inputId(connection: OpenConnection, eventId: string): string {
  return `msg:${connection.id}:${eventId}`;
}

/** The bubble our own reference names; null for what is none of ours. */
function partOf(creatorId: OpenConnection['creatorId'], reference: string | null) {
  const match = /^([0-9a-f-]{36})\.(\d{1,15})\.(\d{1,4})$/.exec(reference ?? '');
  if (match === null) return null;
  return { creatorId, conversationId: match[1] as ConversationId, seq: Number(match[2]), part: Number(match[3]) };
}
