/** The frames of subprotocol `coach.v1`: what a widget may say, and what it hears. */
import * as v from 'valibot';
import { AppError, type ErrorBody } from '../errors.ts';
import { isUuid } from '../ids.ts';
import type { ConversationNews, Message, MessageBody, MessageClass, MessageRole } from '../message.ts';

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

/** What a contact wrote: kept as it is, refused when there is nothing to see in it. */
const Text = v.pipe(
  Storable,
  v.check((text) => text.length <= 2 * maxTextCodePoints && [...text].length <= maxTextCodePoints, 'Expected at most 4000 characters'),
  v.check((text) => text.trim() !== '', 'Expected some text'),
);

/** Every frame a client may send. Unknown types and keys are refused. */
export const ClientFrame = v.variant('type', [
  v.strictObject({ type: v.literal('hello'), after: v.optional(Seq, 0) }),
  v.strictObject({
    type: v.literal('message'),
    id: Uuid,
    text: Text,
    attachments: v.optional(v.pipe(v.array(v.unknown()), v.maxLength(0, 'Expected no attachments: the widget takes text'))),
  }),
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
export type MessageFrame = MessageBody & { type: 'message'; seq: number; id: string; role: MessageRole; class: MessageClass; at: string };

/** Every frame the server sends. */
export type ServerFrame =
  | {
      type: 'welcome';
      session_id: string;
      conversation_id: string;
      /** The last message on record. */
      seq: number;
      status: string;
      typing: boolean;
      /** Grows when the creator changes the widget's configuration. */
      config_version: number;
    }
  | MessageFrame
  | { type: 'ack'; id: string; seq: number | null }
  | Exclude<ConversationNews, { type: 'message' }>
  | { type: 'pong' }
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

/** A message on record as a frame. */
export function messageFrame(message: Message): MessageFrame {
  const { seq, id, role, class: kind, at, body } = message;
  return { ...body, type: 'message', seq, id, role, class: kind, at };
}

function idOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined;
  return typeof value.id === 'string' && isUuid(value.id) ? value.id : undefined;
}
