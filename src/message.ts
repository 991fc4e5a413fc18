/** The shared words of all channels: a message of a conversation, and what a socket hears of it. */

/** A quoted source of an answer. `quote` is an exact substring of the passage it comes from. */
export interface Citation {
  document_id: string;
  title: string;
  chunk_index: number;
  page?: number;
  quote: string;
}

/** A file of a message, stored under the creator; `id` names it in the media store. */
export interface Attachment {
  id: string;
  kind: 'image' | 'audio' | 'video' | 'file';
  /** MIME type by content. */
  type: string;
  name: string;
  bytes: number;
  /** Of a picture, in pixels, once it stands upright. */
  width?: number;
  height?: number;
}

/** Why a message was sent, which decides what may hold it back. The contact's own messages have class `inbound`. */
export type MessageClass = 'inbound' | 'reply' | 'safety' | 'transactional' | 'nudge' | 'promo';

/** Who wrote it: the contact, the program (coach), or a member by hand (person). */
export type MessageRole = 'contact' | 'coach' | 'person';

/**
 * What an open question takes, as the program declares it: `type` (`date`, `scale`, …) with its bounds (`min`, `max`, `labels`,
 * `options`, …). A channel may offer a fitting control; writing freely is always possible.
 */
export interface AskedInput {
  readonly type: string;
  readonly [bound: string]: unknown;
}

/** What a channel renders. Plain text only: no markup is ever interpreted. */
export interface MessageBody {
  text: string;
  buttons?: readonly { id: string; title: string }[];
  /** The buttons as a list that opens, for channels that show one; `title` is on what opens it. */
  list?: { title: string; sections: readonly { title: string; rows: readonly { id: string; title: string; description: string }[] }[] };
  media?: { url: string; kind: string; alt: string };
  citations?: readonly Citation[];
  /** The id of the streamed answer this message completes: the same id as in the `delta` frames before it. */
  reply?: string;
  /** An answer quoted from passages because no model was reachable. */
  degraded?: boolean;
  attachments?: readonly Attachment[];
  /** Of a message that asks. */
  input?: AskedInput;
  /** The WhatsApp template that says the same where free text may not be sent. */
  template?: { name: string; language: string; variables: readonly string[] };
  /** Of an inbound message: it was spoken, and `text` is what speech recognition made of it. */
  transcribed?: boolean;
  /** What its writer made of an inbound message later. The program went by the first words. */
  edited?: string;
  /** The button this inbound message stands for, where it was offered. */
  button?: string;
  /** Of a pressed button: it moved nothing, because its moment had passed or it was never offered. */
  stale?: boolean;
}

/** One bubble. `seq` grows by one per message of the conversation, both directions. */
export interface Message {
  seq: number;
  /** For a contact's message the id its client gave it, else a UUID v7. */
  id: string;
  role: MessageRole;
  class: MessageClass;
  /** ISO 8601, UTC, conversation time. */
  at: string;
  body: MessageBody;
}

/** What a committed turn changed of a conversation, for those who keep an eye on all of them. Nothing of it is kept: the record has it. */
export interface InboxNews {
  type: 'conversation';
  conversation_id: string;
  /** Of the last message. */
  seq: number;
  status: string;
  state: string | null;
  control: string;
  /** Whether it waits for a person now; absent where the turn says nothing of it. */
  waiting?: boolean;
  /** What was said, cut to 300 characters each. */
  messages: readonly { seq: number; role: MessageRole; at: string; text: string }[];
}

/** What has become of a document, for members who look at the list of them. How far its reading is, is told by its own events. */
export interface DocumentNews {
  type: 'document';
  document_id: string;
  status: 'queued' | 'ready' | 'failed' | 'deleted';
}

/** What is published on a conversation's topic. `message` and `read`, how far the contact has read, are on record; what is lost of the rest does no harm. */
export type ConversationNews =
  | { type: 'message'; message: Message }
  | { type: 'typing'; on: boolean }
  | { type: 'read'; seq: number }
  /** What was said in a voice note that was told of before; on record too. */
  | { type: 'transcript'; seq: number; text: string }
  /** A piece of a reply that so many characters came before, as far as they count: with `anew` what was shown of it goes. */
  | { type: 'delta'; reply: string; text: string; after: number; anew?: boolean }
  /** News of a turn may have been lost: the record is to be read. */
  | { type: 'missed' }
  | { type: 'progress'; points: number; streak: number; milestones: readonly string[] };
