/** Reads multipart/form-data (RFC 7578) part by part while it arrives: memory holds one piece of it, whatever its size. */
import { Buffer } from 'node:buffer';
import { AppError } from '../errors.ts';
import { collectBounded } from '../read-bounded.ts';

/** One part of a form. */
export interface Part {
  name: string;
  /** Null for a text field. */
  fileName: string | null;
  /** To be read before the next part is asked for; what is left of it is skipped. */
  content: AsyncIterable<Uint8Array>;
}

const maxHeaderBytes = 8 * 1024;
const lineEnd = Buffer.from('\r\n');
const malformed = () => new AppError('INVALID_INPUT', 'Cannot read the upload as multipart/form-data');

/**
 * The parts in order.
 *
 * @throws AppError INVALID_INPUT malformed, or cut off
 */
export async function* partsOf(body: AsyncIterable<Uint8Array>, border: string): AsyncGenerator<Part> {
  const pieces = body[Symbol.asyncIterator]();
  try {
    const reader = createReader(pieces);
    const delimiter = Buffer.from(`\r\n--${border}`, 'latin1');
    await drain(reader.until(delimiter));
    for (;;) {
      // Two dashes behind the last border.
      const head = (await collect(reader.until(lineEnd), maxHeaderBytes)).toString('latin1');
      if (head.startsWith('--')) return;
      if (head.trim() !== '') throw malformed();
      const headers = await readHeaders(reader);
      const content = reader.until(delimiter);
      yield { ...headers, content };
      await drain(content);
    }
  } finally {
    await pieces.return?.();
  }
}

/** Reads a stream up to marks in it. What is searched begins with a line break: the first border of a form need not have one. */
function createReader(pieces: AsyncIterator<Uint8Array>) {
  let left: Buffer = Buffer.from('\r\n');

  function take(bytes: number): Buffer {
    const taken = left.subarray(0, bytes);
    left = left.subarray(bytes);
    return taken;
  }

  return {
    /** What stands before the mark, which is passed over. @throws AppError INVALID_INPUT there is none */
    async *until(mark: Buffer): AsyncGenerator<Uint8Array> {
      for (let found = left.indexOf(mark); ; found = left.indexOf(mark)) {
        // A mark may have begun at the end of what is there.
        yield take(found >= 0 ? found : Math.max(0, left.length - mark.length + 1));
        if (found >= 0) break;
        const { value, done } = await pieces.next();
        if (done === true) throw malformed();
        left = Buffer.concat([left, value]);
      }
      take(mark.length);
    },
  };
}

async function readHeaders(reader: ReturnType<typeof createReader>): Promise<Omit<Part, 'content'>> {
  let disposition = '';
  for (let room = maxHeaderBytes; ; ) {
    const line = await collect(reader.until(lineEnd), room);
    room -= line.length + 2;
    if (line.length === 0) break;
    const text = line.toString('utf8');
    if (/^content-disposition\s*:\s*form-data\s*;/i.test(text)) disposition = text;
  }
  const name = parameter(disposition, 'name');
  if (name === null) throw malformed();
  return { name, fileName: parameter(disposition, 'filename') };
}

/** Browsers write quotes and line breaks in names as `%22`, `%0D` and `%0A`; others put a backslash before quotes. */
function parameter(disposition: string, name: string): string | null {
  const quoted = new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`, 'i').exec(disposition)?.[1];
  const value = quoted?.replace(/\\(["\\])/g, '$1') ?? new RegExp(`;\\s*${name}=([^\\s";]+)`, 'i').exec(disposition)?.[1];
  return value?.replaceAll('%22', '"').replaceAll('%0D', '\r').replaceAll('%0A', '\n') ?? null;
}

async function drain(content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of content);
}

/** All of it. @throws AppError INVALID_INPUT more than `maxBytes` */
export async function collect(content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const bytes = await collectBounded(content, maxBytes);
  if (bytes === null) throw malformed();
  return bytes;
}
