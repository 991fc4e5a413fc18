/** Uploads as multipart/form-data: one file and a few short fields, capped while they arrive. */
import type { Hash } from 'node:crypto';
import type { Context } from 'hono';
import { AppError } from '../errors.ts';
import { isStorable } from '../storable.ts';
import { collect, type Part, partsOf } from './multipart-parts.ts';

/** Room for borders, headers and fields beside the file, in bytes. */
const overheadBytes = 64 * 1024;
const maxFieldChars = 2_000;
const maxFieldBytes = maxFieldChars * 4;

/** Text fields by name, each once. */
type Fields = Record<string, string>;

/** A file as it arrives. */
export interface IncomingFile {
  /** As the client calls it. */
  name: string;
  content: AsyncIterable<Uint8Array>;
  /** The text fields of the form, those behind the file too: to be asked for when the content has been read. */
  fields(): Promise<Fields>;
}

/** An upload that has been read. */
export interface MultipartUpload {
  file: { name: string; bytes: Uint8Array<ArrayBuffer> };
  fields: Fields;
}

/**
 * Hands the part named `file` on while it arrives, and gives what `receive` makes of it.
 *
 * @throws AppError UNSUPPORTED_MEDIA not multipart · TOO_LARGE · INVALID_INPUT malformed, no `file`, or a part given twice · what `receive` throws
 */
export async function receiveUpload<T>(c: Context, maxFileBytes: number, receive: (file: IncomingFile) => Promise<T>): Promise<T> {
  const type = c.req.header('Content-Type') ?? '';
  const border = /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(type);
  if (border === null || c.req.header('Content-Encoding') !== undefined) {
    throw new AppError('UNSUPPORTED_MEDIA', 'Send the file as multipart/form-data');
  }
  const tooLarge = () =>
    new AppError('TOO_LARGE', `Upload a file of at most ${maxFileBytes} bytes`, { details: { max_bytes: maxFileBytes } });
  if (Number(c.req.header('Content-Length') ?? 0) > maxFileBytes + overheadBytes) throw tooLarge();
  const body = capped(c.req.raw.body ?? [], maxFileBytes + overheadBytes, tooLarge);
  const parts = noted(partsOf(body, border[1] ?? border[2] ?? ''), c.get('fingerprint'));
  const fields: Fields = Object.create(null);
  try {
    const file = await readFields(parts, fields, false);
    if (file === null) throw new AppError('INVALID_INPUT', 'Send the file as the part "file"');
    return await receive({
      name: file.fileName ?? '',
      content: capped(file.content, maxFileBytes, tooLarge),
      async fields() {
        await readFields(parts, fields, true);
        return fields;
      },
    });
  } finally {
    await parts.return(undefined);
  }
}

/** Whether the request says that it is a form with a file. */
export function isUpload(c: Context): boolean {
  return /^multipart\//i.test(c.req.header('Content-Type') ?? '');
}

/** The same with the whole file in memory: for small ones. */
export function readUpload(c: Context, maxFileBytes: number): Promise<MultipartUpload> {
  return receiveUpload(c, maxFileBytes, async ({ name, content, fields }) => {
    const bytes = await collect(content, maxFileBytes);
    return { file: { name, bytes: Uint8Array.from(bytes) }, fields: await fields() };
  });
}

/** Adds what the parts say to the request's fingerprint: the border between them is another one each time the same form is sent. */
async function* noted(parts: AsyncGenerator<Part>, fingerprint: Hash | undefined): AsyncGenerator<Part> {
  for await (const part of parts) {
    fingerprint?.update(`\n${JSON.stringify([part.name, part.fileName])}\n`);
    yield fingerprint === undefined ? part : { ...part, content: notedContent(part.content, fingerprint) };
  }
}

async function* notedContent(content: AsyncIterable<Uint8Array>, fingerprint: Hash): AsyncGenerator<Uint8Array> {
  for await (const piece of content) {
    fingerprint.update(piece);
    yield piece;
  }
}

/** Reads text fields up to the file, or up to the end when it has been there. */
async function readFields(parts: AsyncGenerator<Part>, fields: Fields, fileSeen: boolean): Promise<Part | null> {
  for (let next = await parts.next(); next.done !== true; next = await parts.next()) {
    const part = next.value;
    const { name, fileName } = part;
    if ((name === 'file' && fileName !== null && fileSeen) || name in fields)
      throw new AppError('INVALID_INPUT', `Send the part ${JSON.stringify(name.slice(0, 100))} once`);
    if (name === 'file' && fileName !== null) return part;
    fields[name] = await textOf(part);
  }
  return null;
}

async function textOf({ name, fileName, content }: Part): Promise<string> {
  const text = fileName === null ? (await collect(content, maxFieldBytes)).toString('utf8') : null;
  if (text !== null && text.length <= maxFieldChars && isStorable(text)) return text;
  throw new AppError('INVALID_INPUT', `Send the part ${JSON.stringify(name.slice(0, 100))} as short text`);
}

async function* capped(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
  tooLarge: () => AppError,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of content) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) throw tooLarge();
    yield piece;
  }
}
