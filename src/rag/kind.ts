/** Tells what an uploaded file is from its bytes; its name decides only between text and Markdown. */
import { Buffer } from 'node:buffer';
import { AppError } from '../errors.ts';
import type { FileEnds } from '../files.ts';
import { decodeText } from './extract-text.ts';

/** The kinds of documents we read. */
export type DocumentKind = 'text' | 'markdown' | 'pdf' | 'docx' | 'html';

const zipStart = [0x50, 0x4b, 0x03, 0x04];
const zipEntry = [0x50, 0x4b, 0x01, 0x02];
const zipEnd = [0x50, 0x4b, 0x05, 0x06];

/** How much of a file's beginning and end tells its kind: the directory of an archive of ten thousand parts stands in its last megabyte. */
export const kindBytes = { head: 64 * 1024, tail: 1024 * 1024 };

/**
 * The kind of a file.
 *
 * @param ends its first and last `kindBytes`
 * @param name as the client gave it: a hint, never trusted
 * @throws AppError INVALID_DOCUMENT empty · UNSUPPORTED_MEDIA anything but TXT, Markdown, HTML, PDF and DOCX, or two kinds in one file
 */
export function kindOf({ head, tail }: FileEnds, name: string): DocumentKind {
  if (head.byteLength === 0) throw new AppError('INVALID_DOCUMENT', 'Upload a file that is not empty');
  if (startsWith(head, zipStart)) return containerKind(head, tail);
  if (indexOfAscii(head, '%PDF-', 1024) >= 0) return pdfKind(tail);
  if (isHtml(head)) return 'html';
  if (!isText(head)) throw unsupported('Cannot tell what kind of file this is');
  return /\.(md|markdown|mdown)$/i.test(name) ? 'markdown' : 'text';
}

function pdfKind(tail: Uint8Array): 'pdf' {
  if (zipEndAt(tail) >= 0) throw unsupported('Cannot accept a file that is a PDF and a ZIP archive at once');
  return 'pdf';
}

function containerKind(head: Uint8Array, tail: Uint8Array): 'docx' {
  if (indexOfAscii(head, '%PDF-', 1024) >= 0) throw unsupported('Cannot accept a file that is a PDF and a ZIP archive at once');
  if (zipEndAt(tail) < 0) throw unsupported('Cannot read this ZIP archive: it is broken or encrypted');
  if (!namesInDirectory(tail).has('word/document.xml')) throw unsupported('Cannot accept a ZIP archive that is no Word document');
  return 'docx';
}

/** The names in an archive's directory, as far as it stands in the tail (APPNOTE.TXT 4.3.12); nothing is inflated. */
function namesInDirectory(tail: Uint8Array): Set<string> {
  const end = zipEndAt(tail);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const names = new Set<string>();
  // The directory ends where its end record begins.
  for (let at = Math.max(0, end - view.getUint32(end + 12, true)); at + 46 <= end && startsWith(tail.subarray(at, at + 4), zipEntry); ) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [number, number, number];
    names.add(new TextDecoder('latin1').decode(tail.subarray(at + 46, at + 46 + name)));
    at += 46 + name + extra + comment;
  }
  return names;
}

function isHtml(bytes: Uint8Array): boolean {
  return /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]{0,400}?-->\s*)*<(?:!doctype html|html|head|body)\b/i.test(
    decodeText(bytes.subarray(0, 1024)),
  );
}

function isText(head: Uint8Array): boolean {
  if (/^\s*\{\\rtf/i.test(new TextDecoder('latin1').decode(head.subarray(0, 256)))) return false;
  const text = decodeText(head);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what gives a binary file away
  const controls = text.match(/[\u0001-\u0008\u000E-\u001A\u001C-\u001F\uFFFD]/g)?.length ?? 0;
  return controls <= text.length / 200;
}

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, at) => bytes[at] === byte);
}

function indexOfAscii(bytes: Uint8Array, wanted: string, within: number): number {
  return new TextDecoder('latin1').decode(bytes.subarray(0, within)).indexOf(wanted);
}

/** Where the end record of an archive's directory begins, 22 bytes and a comment of at most 64 KiB before the end; -1 without one. */
function zipEndAt(bytes: Uint8Array): number {
  const from = Math.max(0, bytes.byteLength - 65_557);
  const found = Buffer.from(bytes.buffer, bytes.byteOffset + from, bytes.byteLength - from).lastIndexOf(Buffer.from(zipEnd), -22);
  return found < 0 ? -1 : from + found;
}

function unsupported(why: string): AppError {
  return new AppError('UNSUPPORTED_MEDIA', `${why}: upload TXT, Markdown, HTML, PDF or DOCX`);
}
