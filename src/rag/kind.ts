/** Tells what an uploaded file is from its bytes; its name decides only between text and Markdown. */
import { unzipSync } from 'fflate';
import { AppError } from '../errors.ts';
import { decodeText } from './extract-text.ts';

/** The kinds of documents we read. */
export type DocumentKind = 'text' | 'markdown' | 'pdf' | 'docx' | 'html';

const zipStart = [0x50, 0x4b, 0x03, 0x04];
const zipEnd = [0x50, 0x4b, 0x05, 0x06];

/**
 * The kind of a file.
 *
 * @param name as the client gave it: a hint, never trusted
 * @throws AppError INVALID_DOCUMENT empty · UNSUPPORTED_MEDIA anything but TXT, Markdown, HTML, PDF and DOCX, or two kinds in one file
 */
export function kindOf(bytes: Uint8Array, name: string): DocumentKind {
  if (bytes.byteLength === 0) throw new AppError('INVALID_DOCUMENT', 'Upload a file that is not empty');
  if (startsWith(bytes, zipStart)) return containerKind(bytes);
  if (indexOfAscii(bytes, '%PDF-', 1024) >= 0) return pdfKind(bytes);
  if (isHtml(bytes)) return 'html';
  if (!isText(bytes)) throw unsupported('Cannot tell what kind of file this is');
  return /\.(md|markdown|mdown)$/i.test(name) ? 'markdown' : 'text';
}

function pdfKind(bytes: Uint8Array): 'pdf' {
  if (hasZipEnd(bytes)) throw unsupported('Cannot accept a file that is a PDF and a ZIP archive at once');
  return 'pdf';
}

function containerKind(bytes: Uint8Array): 'docx' {
  if (indexOfAscii(bytes, '%PDF-', 1024) >= 0) throw unsupported('Cannot accept a file that is a PDF and a ZIP archive at once');
  let isWord = false;
  try {
    // The filter sees the directory only; nothing is inflated.
    unzipSync(bytes, {
      filter(entry) {
        isWord ||= entry.name === 'word/document.xml';
        return false;
      },
    });
  } catch (cause) {
    throw new AppError('UNSUPPORTED_MEDIA', 'Cannot read this ZIP archive: it is broken or encrypted', { cause });
  }
  if (!isWord) throw unsupported('Cannot accept a ZIP archive that is no Word document');
  return 'docx';
}

function isHtml(bytes: Uint8Array): boolean {
  return /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]{0,400}?-->\s*)*<(?:!doctype html|html|head|body)\b/i.test(
    decodeText(bytes.subarray(0, 1024)),
  );
}

function isText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 64 * 1024);
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

/** A ZIP archive ends with its directory's end record, 22 bytes and a comment of at most 64 KiB. */
function hasZipEnd(bytes: Uint8Array): boolean {
  for (let at = bytes.byteLength - 22; at >= Math.max(0, bytes.byteLength - 65_557); at--) {
    if (startsWith(bytes.subarray(at, at + 4), zipEnd)) return true;
  }
  return false;
}

function unsupported(why: string): AppError {
  return new AppError('UNSUPPORTED_MEDIA', `${why}: upload TXT, Markdown, HTML, PDF or DOCX`);
}
