/** The frames of subprotocol `coach.v1`: what a widget may say, and what it hears. */
import * as v from 'valibot';
import { AppError, type ErrorBody } from '../errors.ts';
import { isUuid } from '../ids.ts';
import type { Attachment, ConversationNews, Message, MessageBody, MessageClass, MessageRole } from '../message.ts';

/** The subprotocol the server answers. */
export const subprotocol = 'coach.v1';

/** The cap of one frame in either direction's text, in bytes of UTF-8. */
export const maxFrameBytes = 64 * 1024;

const maxTextCodePoints = 4000;

const Uuid = v.pipe(v.string(), v.check(isUuid, 'Expected a UUID in lower case'));
const Seq = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Storable = v.pipe(
  v.string(),
  v.check((text) => text.isWellFormed() && !text.includes('\u0000'), 'Expected text without NUL or lone surrogates'),
);

/** A code point takes one or two UTF-16 units: most texts need no counting. */
function hasRoomFor(text: string): boolean {
  if (text.length <= maxTextCodePoints) return true;
  return text.length <= 2 * maxTextCodePoints && [...text].length <= maxTextCodePoints;
}

/** What a contact wrote, kept as it is. */
const Text = v.pipe(Storable, v.check(hasRoomFor, 'Expected at most 4000 characters'));
const maxAttachments = 5;

/** Every frame a client may send. Unknown types and keys are refused. */
export const ClientFrame = v.variant('type', [
  v.strictObject({ type: v.literal('hello'), after: v.optional(Seq, 0) }),
  v.pipe(
    v.strictObject({
      type: v.literal('message'),
      id: Uuid,
      text: Text,
      /** Ids of files uploaded to this conversation before. */
      attachments: v.optional(v.pipe(v.array(Uuid), v.maxLength(maxAttachments, `Expected at most ${maxAttachments} attachments`))),
    }),
    // Refused when there is nothing to see in it.
    v.forward(
      v.check(({ text, attachments }) => text.trim() !== '' || (attachments ?? []).length > 0, 'Expected some text'),
      ['text'],
    ),
  ),
  v.strictObject({
    type: v.literal('button'),
    id: Uuid,
    message_seq: v.pipe(Seq, v.minValue(1)),
    button: v.pipe(Storable, v.minLength(1), v.maxLength(256)),
  }),
  v.strictObject({ type: v.literal('typing') }),
  v.strictObject({ type: v.literal('read'), seq: Seq }),
  v.strictObject({ type: v.literal('ping') }),
]);

export type ClientFrame = v.InferOutput<typeof ClientFrame>;

/** A message on record, as its contact sees it. */
export type MessageFrame = Omit<MessageBody, 'attachments'> & {
  type: 'message';
  seq: number;
  id: string;
  role: MessageRole;
  class: MessageClass;
  at: string;
  /** `url` is a path on this server that works for an hour. */
  attachments?: readonly (Attachment & { url: string })[];
};

/** Every frame the server sends. */
export type ServerFrame =
  | {
      type: 'welcome';
      session_id: string;
      conversation_id: string;
      /** The last message on record. */
      seq: number;
      /** The last message the contact has read, here or elsewhere. */
      read_seq: number;
      status: string;
      typing: boolean;
      /** Grows when the creator changes the widget's configuration. */
      config_version: number;
    }
  | MessageFrame
  | { type: 'ack'; id: string; seq: number | null }
  | Exclude<ConversationNews, { type: 'message' | 'delta' }>
  | { type: 'delta'; reply: string; text: string; anew?: boolean }
  | { type: 'pong' }
  /** The configuration is another one now. */
  | { type: 'config'; version: number }
  | { type: 'error'; error: ErrorBody; id?: string }
  | { type: 'closing'; retry_after_ms: number };

/** A frame as read: good, or refused with the id it carried, so that the client knows which message failed. */
export type ReadFrame = { frame: ClientFrame } | { refused: AppError; id?: string };

/** Reads one text frame. A refusal is INVALID_INPUT with `details.issues`: `[{pointer, message}]`, at most 5. */
export function readFrame(text: string): ReadFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return { refused: new AppError('INVALID_INPUT', 'Cannot parse the frame as JSON', { cause }) };
  }
  const result = v.safeParse(ClientFrame, value);
  if (result.success) return { frame: result.output };
  const issues = result.issues.slice(0, 5).map((issue) => ({
    pointer: (issue.path ?? [])
      .map((item) => `/${String(item.key)}`)
      .join('')
      .slice(0, 200)
      .toWellFormed(),
    message: issue.message.slice(0, 200).toWellFormed(),
  }));
  const refused = new AppError('INVALID_INPUT', 'Cannot accept the frame as it is', { details: { issues } });
  const id = idOf(value);
  return id === undefined ? { refused } : { refused, id };
}

/** A message on record as a frame. `link` gives the path that fetches a file. */
export function messageFrame(message: Message, link: (mediumId: string) => string): MessageFrame {
  const { seq, id, role, class: kind, at, body } = message;
  const { attachments, ...rest } = body;
  const linked = attachments?.map((attachment) => ({ ...attachment, url: link(attachment.id) }));
  return { ...rest, ...(linked && { attachments: linked }), type: 'message', seq, id, role, class: kind, at };
}

function idOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined;
  return typeof value.id === 'string' && isUuid(value.id) ? value.id : undefined;
}
