/** The frames of subprotocol `coach.v1` as the widget writes and reads them. */
import type { AskedInput, Attachment, Citation, MessageBody, MessageRole } from '../../src/message.ts';

/** What the widget says. `id` is the client's own UUID: the same id again is the same message. */
export type ClientFrame =
  | { type: 'hello'; after: number }
  | { type: 'message'; id: string; text: string; attachments?: readonly string[] }
  | { type: 'button'; id: string; message_seq: number; button: string }
  | { type: 'typing' }
  | { type: 'read'; seq: number }
  | { type: 'ping' };

/** A file of a message. `url` is a path on the server that works for an hour. */
export type LinkedFile = Attachment & { url: string };

/** A message on record. */
export interface MessageFrame extends Omit<MessageBody, 'attachments' | 'buttons' | 'list'> {
  type: 'message';
  seq: number;
  id: string;
  role: MessageRole;
  /** ISO 8601. */
  at: string;
  attachments?: readonly LinkedFile[];
  buttons?: readonly Choice[];
}

/** A button; `section` and `description` where it is a row of a list, else empty. */
export interface Choice {
  id: string;
  title: string;
  section: string;
  description: string;
}

/** What the server says. An `ack` has no `seq` when its input put no message on record. */
export type ServerFrame =
  | { type: 'welcome'; seq: number; read_seq: number; typing: boolean; config_version: number }
  | { type: 'ack'; id: string; seq: number | null }
  | MessageFrame
  | { type: 'typing'; on: boolean }
  | { type: 'read'; seq: number }
  | { type: 'transcript'; seq: number; text: string }
  | { type: 'delta'; reply: string; text: string; anew: boolean }
  | { type: 'pong' }
  | { type: 'config'; version: number }
  | { type: 'progress'; points: number; streak: number }
  | { type: 'error'; error: { code: string; retryAfterMs: number }; id?: string }
  | { type: 'closing'; retry_after_ms: number };

type Fields = Record<string, unknown>;

/**
 * Reads a frame leniently: unknown keys are ignored and a missing optional part gets its empty value. Null for what is no
 * frame of this protocol, so that a newer server can say more than this widget knows.
 */
export function parseFrame(data: unknown): ServerFrame | null {
  if (typeof data !== 'string') return null;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    // A frame that is not JSON is skipped like one of an unknown type.
    return null;
  }
  const fields = fieldsOf(value);
  const read = Object.hasOwn(readers, textOf(fields.type)) ? readers[textOf(fields.type)] : undefined;
  return read?.(fields) ?? null;
}

const readers: Readonly<Record<string, (fields: Fields) => ServerFrame | null>> = {
  welcome: (f) => ({
    type: 'welcome',
    seq: countOf(f.seq),
    read_seq: countOf(f.read_seq),
    typing: f.typing === true,
    config_version: countOf(f.config_version),
  }),
  ack: (f) => (textOf(f.id) === '' ? null : { type: 'ack', id: textOf(f.id), seq: isSeq(f.seq) ? f.seq : null }),
  message: readMessage,
  typing: (f) => ({ type: 'typing', on: f.on === true }),
  read: (f) => ({ type: 'read', seq: countOf(f.seq) }),
  transcript: (f) => ({ type: 'transcript', seq: countOf(f.seq), text: textOf(f.text) }),
  delta: (f) => (textOf(f.reply) === '' ? null : { type: 'delta', reply: textOf(f.reply), text: textOf(f.text), anew: f.anew === true }),
  config: (f) => ({ type: 'config', version: countOf(f.version) }),
  pong: () => ({ type: 'pong' }),
  progress: (f) => ({
    type: 'progress',
    points: countOf(f.points),
    streak: countOf(f.streak),
  }),
  error: (f) => {
    const error = fieldsOf(f.error);
    const retryAfterMs = countOf(fieldsOf(error.details).retry_after_ms);
    const read = { type: 'error' as const, error: { code: textOf(error.code), retryAfterMs } };
    return typeof f.id === 'string' ? { ...read, id: f.id } : read;
  },
  closing: (f) => ({ type: 'closing', retry_after_ms: countOf(f.retry_after_ms) }),
};

function readMessage(f: Fields): MessageFrame | null {
  const role = textOf(f.role);
  if (!isSeq(f.seq) || (role !== 'coach' && role !== 'contact' && role !== 'person')) return null;
  const media = fieldsOf(f.media);
  const rows = listOf(fieldsOf(f.list).sections)
    .map(fieldsOf)
    .flatMap(({ title, rows }) => listOf(rows).map((row) => ({ ...fieldsOf(row), section: title })));
  const buttons = listOf(f.buttons)
    .map((button) => readChoice(fieldsOf(button), rows))
    .filter((button) => button.id !== '');
  const attachments = listOf(f.attachments)
    .map(readFile)
    .filter((file) => file.id !== '');
  const input = fieldsOf(f.input);
  const citations = listOf(f.citations).map(fieldsOf).map(readCitation);
  return {
    type: 'message',
    seq: f.seq,
    id: textOf(f.id) || `seq-${f.seq}`,
    role,
    text: textOf(f.text),
    at: textOf(f.at),
    ...(buttons.length > 0 && { buttons }),
    ...(citations.length > 0 && { citations }),
    ...(attachments.length > 0 && { attachments }),
    ...(typeof input.type === 'string' && { input: input as unknown as AskedInput }),
    ...(typeof media.url === 'string' && { media: { url: media.url, kind: textOf(media.kind), alt: textOf(media.alt) } }),
    ...(typeof f.reply === 'string' && { reply: f.reply }),
    ...(f.transcribed === true && { transcribed: true }),
    ...(typeof f.button === 'string' && { button: f.button }),
  };
}

function readChoice({ id, title }: Fields, rows: readonly Fields[]): Choice {
  const row = rows.find((candidate) => candidate.id === id);
  return { id: textOf(id), title: textOf(title), section: textOf(row?.section), description: textOf(row?.description) };
}

/** Reads a file as the server describes it; one without an id is none. */
export function readFile(value: unknown): LinkedFile {
  const f = fieldsOf(value);
  const kind = f.kind === 'image' || f.kind === 'audio' || f.kind === 'video' ? f.kind : 'file';
  const size = isSeq(f.width) && isSeq(f.height) && { width: f.width, height: f.height };
  return { id: textOf(f.id), kind, type: textOf(f.type), name: textOf(f.name), bytes: countOf(f.bytes), url: textOf(f.url), ...size };
}

function readCitation(f: Fields): Citation {
  return {
    document_id: textOf(f.document_id),
    title: textOf(f.title),
    chunk_index: countOf(f.chunk_index),
    quote: textOf(f.quote),
    ...(isSeq(f.page) && { page: f.page }),
  };
}

/** The value's fields, or none when it is no object. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** The value when it is text, else the empty text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The value's items, or none when it is no list. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
}

function isSeq(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}
