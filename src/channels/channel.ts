/** The port to an outside channel, kept by `whatsapp/`, `telegram/` and `webhook/`: who may speak, what was said, how a message looks, and what became of it. */
import type { GenericSchema } from 'valibot';
import type { CreatorId } from '../ids.ts';
import type { Attachment, MessageBody } from '../message.ts';

/** The channels whose messages leave the server. The widget is none of them: its sockets read the record. */
export type ChannelName = 'whatsapp' | 'telegram' | 'webhook';

/** A creator's account on a channel, with its secrets open. Never logged, never sent to a client. */
export interface OpenConnection {
  creatorId: CreatorId;
  id: string;
  channel: ChannelName;
  /** The provider's own name of the account: phone number id, bot id. */
  account: string;
  settings: Readonly<Record<string, string>>;
  secrets: Readonly<Record<string, string>>;
}

/** A request of a provider, not yet believed. */
export interface InboundRequest {
  /** The body exactly as it arrived: signatures are over bytes. */
  bytes: Uint8Array;
  header(name: string): string | undefined;
  /** Wall time, milliseconds since 1970: signatures may grow old. */
  now: number;
}

/** Who speaks, as the channel knows them. */
export interface Sender {
  /** The id that lasts. */
  externalId: string;
  /** Another id the same person was known by, such as a phone number before business-scoped ids. */
  formerId: string | null;
  /** Digits, where the channel tells them. */
  phone: string | null;
  name: string;
  /** BCP 47, null where the channel does not tell. */
  language: string | null;
}

/** What became of a sent message, in the order of certainty; news only moves it forward. */
export const deliveryRanks = {
  queued: 0,
  held: 0,
  sending: 0,
  uncertain: 1,
  sent: 2,
  failed: 3,
  delivered: 4,
  read: 5,
  played: 6,
} as const;
export type DeliveryStatus = keyof typeof deliveryRanks;

/** A file as a provider names it, not yet fetched. `sha256` is hex or base64, null where it is not told. */
export interface FileRef {
  id: string;
  name: string;
  sha256: string | null;
}

/** One thing a provider told. `id` is the provider's, unique within the connection; `at` is milliseconds since 1970. */
export type ChannelEvent =
  | { kind: 'message'; from: Sender; id: string; at: number; text: string; files?: readonly FileRef[] }
  /** A pressed button: `key` is what `render` put into it, `title` what the person saw, `under` the provider's id of its message, where told. */
  | { kind: 'button'; from: Sender; id: string; at: number; key: string; title: string; under?: number }
  /** A deep link was followed. */
  | { kind: 'start'; from: Sender; id: string; at: number; payload: string }
  /** The words of an earlier message, which `id` names, have been changed by its writer. */
  | { kind: 'edited'; from: Sender; id: string; at: number; text: string }
  /** Something no program can read, such as a sticker. */
  | { kind: 'unreadable'; from: Sender; id: string; at: number }
  | { kind: 'reachable'; from: Sender; reachable: boolean }
  /** The person has a new id. */
  | { kind: 'moved'; formerId: string; externalId: string; phone: string | null }
  /** `reference` is what `send` was given, where the provider repeats it. */
  | { kind: 'status'; providerId: string; reference: string | null; status: 'sent' | 'delivered' | 'read' | 'played' }
  | { kind: 'status'; providerId: string; reference: string | null; status: 'failed'; refusal: Refusal };

/** What a request told, by account; `ignored` counts what was neither for us nor for anybody, by its kind. */
export interface Received {
  batches: readonly { account: string; events: readonly ChannelEvent[] }[];
  ignored: Readonly<Record<string, number>>;
}

/** A message as it is to be shown. `id` and `seq` make the keys of its buttons. */
export interface Showable {
  id: string;
  seq: number;
  body: MessageBody;
  /** Where each attached file can be fetched for the next hour, by its id. */
  fileUrls?: Readonly<Record<string, string>>;
}

/** What a provider is to show, in its own JSON, without address and credentials. */
export type Shown = Readonly<Record<string, unknown>>;

/** One bubble. `plain` is the same as mere text, for a provider that does not take the rest; null where it is mere text already. */
export interface Part {
  shown: Shown;
  plain: Shown | null;
  /** The file that `shown` is about, where it goes along in bytes. */
  file?: Attachment;
}

/** A file that is handed over. */
export interface OutgoingFile extends Attachment {
  content: Uint8Array;
}

/** How one bubble is handed over. `reference` names it where the provider repeats names. */
export interface Handing {
  reference: string;
  signal: AbortSignal;
  /** The file of the bubble, where it has one. */
  file?: OutgoingFile;
}

/** Why a provider did not take a message, and what follows from that. `code` is coarse: a number or word of the provider, never text. */
export interface Refusal {
  code: string;
  does:
    | 'fail' // this message never
    | 'retry' // surely not sent; try again with growing pauses
    | 'park' // the whole connection waits `afterMs`
    | 'wait' // this person waits `afterMs`
    | 'plain' // as plain text it may go
    | 'window' // free text may not be sent now
    | 'strike' // three of these make the person unreachable
    | 'unreachable' // the person does not want us, or is gone
    | 'disable'; // the account cannot send at all
  afterMs?: number;
}

/** What became of one bubble. `unknown`: it may have arrived. */
export type SendOutcome =
  | { outcome: 'sent'; providerId: string }
  | { outcome: 'refused'; refusal: Refusal }
  | { outcome: 'unknown'; reason: string };

/** Where one bubble goes. */
export interface Recipient {
  externalId: string;
  phone: string | null;
}

/** How fast and how long a channel takes messages. What one message may hold is known to `render` alone. */
export interface Capabilities {
  /** How long after the person's last message free text may be sent; null for ever. Later, templates only, and only to those who agreed to messages. */
  windowMs: number | null;
  /** Most messages a second over the connection, and to one person: how many at once and one more every so many milliseconds. */
  perSecond: number;
  perPerson: { burst: number; everyMs: number };
  /** How often typing is shown while an answer is written; null where it is shown once, with the notice. */
  typingEveryMs: number | null;
  /** Whether a status may come later that tells what became of a send nobody answered. */
  reconciles: boolean;
}

/** What connecting an account gave: what is kept open and what is sealed. `shown` is told to the creator once. */
export interface Connected {
  account: string;
  settings: Readonly<Record<string, string>>;
  secrets: Readonly<Record<string, string>>;
  shown?: Readonly<Record<string, string>>;
}

/** The schema of an account: an object whose `channel` tells it from the others. */
export type AccountSchema = GenericSchema<
  unknown,
  { channel: ChannelName; name: string; uncertain: 'leave' | 'resend'; outside_window?: 'hold' | 'fail' }
>;

/** One channel. Adding one is writing this. */
export interface Channel {
  readonly name: ChannelName;
  readonly capabilities: Capabilities;
  /** What a creator gives to connect an account; unknown keys are refused. */
  readonly account: AccountSchema;

  /**
   * Checks the account with the provider and makes it send to `webhookUrl`.
   *
   * @param given as `account` reads it
   * @throws AppError INVALID_INPUT the provider refuses it · UNAVAILABLE the provider cannot be asked
   */
  connect(given: unknown, webhookUrl: string, signal: AbortSignal): Promise<Connected>;
  /** Stops the provider from sending to us, as far as it can be asked. */
  disconnect(connection: OpenConnection, signal: AbortSignal): Promise<void>;

  /** Whether the request comes from the account's provider. Compares in constant time. */
  verify(request: InboundRequest, connection: OpenConnection): Promise<boolean>;
  /** Reads a verified request leniently: what it does not know is counted, never refused. @param now milliseconds since 1970, for what has no time */
  receive(value: unknown, connection: OpenConnection, now: number): Received;
  /** The bubbles of a message within the channel's limits, never none. Pure. Null: cannot be shown while free text may not be sent. */
  render(message: Showable, freeText: boolean): readonly Part[] | null;
  /** Hands one bubble over. Rejects only with the signal's reason. */
  send(shown: Shown, to: Recipient, connection: OpenConnection, handing: Handing): Promise<SendOutcome>;
  /** Fetches a file somebody sent. Null: gone, too big, changed on the way, or somewhere we do not go. May reject with anything else. */
  fetchMedia(file: FileRef, connection: OpenConnection, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | null>;
  /** Shows the person that an answer is being written. Rejects with anything. */
  showTyping(to: Recipient, connection: OpenConnection, signal: AbortSignal): Promise<void>;
  /** Shows the person that their words were taken and an answer is on its way. May fail silently for the person: rejects with anything. */
  notice(event: ChannelEvent, connection: OpenConnection, signal: AbortSignal): Promise<void>;
}
