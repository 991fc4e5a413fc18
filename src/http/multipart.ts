/** Reads a multipart/form-data upload (RFC 7578) of one file and a few short fields, capped while it arrives. */
import type { Context } from 'hono';
import { AppError } from '../errors.ts';
import { isStorable, readBytes } from './json.ts';

/** Room for borders, headers and fields beside the file, in bytes. */
const overheadBytes = 64 * 1024;
const maxFieldChars = 2_000;

/** An upload as it arrived. */
export interface MultipartUpload {
  file: { name: string; bytes: Uint8Array };
  /** The text fields by name, each once. */
  fields: Record<string, string>;
}

/**
 * The part named `file` and the text fields beside it.
 *
 * @throws AppError UNSUPPORTED_MEDIA not multipart · TOO_LARGE · INVALID_INPUT malformed, no `file`, or a part given twice
 */
export async function readUpload(c: Context, maxFileBytes: number): Promise<MultipartUpload> {
  const type = c.req.header('Content-Type') ?? '';
  if (!/^multipart\/form-data\s*;/i.test(type) || c.req.header('Content-Encoding') !== undefined) {
    throw new AppError('UNSUPPORTED_MEDIA', 'Send the file as multipart/form-data');
  }
  const bytes = await readBytes(c, maxFileBytes + overheadBytes);
  const form = await parseForm(bytes, type);
  let file: File | null = null;
  const fields: Record<string, string> = Object.create(null);
  for (const [name, value] of form) {
    if ((name === 'file' && file !== null) || name in fields)
      throw new AppError('INVALID_INPUT', `Send the part ${JSON.stringify(name)} once`);
    if (typeof value !== 'string' && name === 'file') file = value;
    else fields[name] = textOf(name, value);
  }
  if (file === null) throw new AppError('INVALID_INPUT', 'Send the file as the part "file"');
  if (file.size > maxFileBytes)
    throw new AppError('TOO_LARGE', `Upload a file of at most ${maxFileBytes} bytes`, { details: { max_bytes: maxFileBytes } });
  return { file: { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) }, fields };
}

async function parseForm(bytes: Uint8Array, type: string): Promise<FormData> {
  try {
    return await new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { 'Content-Type': type } }).formData();
  } catch (cause) {
    throw new AppError('INVALID_INPUT', 'Cannot read the upload as multipart/form-data', { cause });
  }
}

function textOf(name: string, value: FormDataEntryValue): string {
  if (typeof value === 'string' && value.length <= maxFieldChars && isStorable(value)) return value;
  throw new AppError('INVALID_INPUT', `Send the part ${JSON.stringify(name.slice(0, 100))} as short text`);
}
