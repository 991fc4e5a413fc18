/** Tells what a file is from its bytes. Only kinds that no browser runs as a page are taken; the client's name and type are not asked. */
import { AppError } from '../errors.ts';
import type { Attachment } from '../message.ts';
import { hasSoundOnly } from './tracks.ts';

/** What a file is by its content. */
export interface MediaKind {
  kind: Attachment['kind'];
  /** MIME type. */
  type: string;
  /** File ending without a dot. */
  ending: string;
}

/** Pixels above which no image is taken: a small file may unfold to gigabytes in whoever shows it. */
const maxPixels = 50_000_000;

interface Signature extends MediaKind {
  /** Bytes by offset, as latin1 text. */
  marks: readonly (readonly [offset: number, text: string])[];
}

const sign = (kind: Attachment['kind'], type: string, ending: string, ...marks: Signature['marks'][number][]): Signature => ({
  kind,
  type,
  ending,
  marks,
});

/** First match wins. The numbers are those of the formats' own specifications. */
const signatures: readonly Signature[] = [
  sign('image', 'image/png', 'png', [0, '\x89PNG\r\n\x1a\n']),
  sign('image', 'image/jpeg', 'jpg', [0, '\xff\xd8\xff']),
  sign('image', 'image/gif', 'gif', [0, 'GIF87a']),
  sign('image', 'image/gif', 'gif', [0, 'GIF89a']),
  sign('image', 'image/webp', 'webp', [0, 'RIFF'], [8, 'WEBP']),
  sign('audio', 'audio/wav', 'wav', [0, 'RIFF'], [8, 'WAVE']),
  sign('audio', 'audio/ogg', 'ogg', [0, 'OggS']),
  sign('audio', 'audio/mpeg', 'mp3', [0, 'ID3']),
  sign('audio', 'audio/aac', 'aac', [0, '\xff\xf1']),
  sign('audio', 'audio/aac', 'aac', [0, '\xff\xf9']),
  sign('audio', 'audio/mpeg', 'mp3', [0, '\xff\xfb']),
  sign('audio', 'audio/mpeg', 'mp3', [0, '\xff\xf3']),
  sign('audio', 'audio/amr', 'amr', [0, '#!AMR']),
  sign('audio', 'audio/mp4', 'm4a', [4, 'ftypM4A']),
  sign('video', 'video/3gpp', '3gp', [4, 'ftyp3g']),
  sign('video', 'video/mp4', 'mp4', [4, 'ftypisom']),
  sign('video', 'video/mp4', 'mp4', [4, 'ftypiso']),
  sign('video', 'video/mp4', 'mp4', [4, 'ftypmp4']),
  sign('video', 'video/mp4', 'mp4', [4, 'ftypavc1']),
  sign('video', 'video/mp4', 'mp4', [4, 'ftypM4V']),
  sign('video', 'video/quicktime', 'mov', [4, 'ftypqt']),
  sign('video', 'video/webm', 'webm', [0, '\x1aE\xdf\xa3']),
  sign('file', 'application/pdf', 'pdf', [0, '%PDF-']),
];

/**
 * The kind of a file.
 *
 * @throws AppError INVALID_INPUT empty, or an image of more than 50 million pixels · UNSUPPORTED_MEDIA anything that is not on the list
 */
export function mediaKindOf(bytes: Uint8Array): MediaKind {
  if (bytes.byteLength === 0) throw new AppError('INVALID_INPUT', 'Send a file that is not empty');
  const head = latin1(bytes.subarray(0, 64));
  const found = signatures.find(({ marks }) => marks.every(([offset, text]) => head.startsWith(text, offset))) ?? plainText(bytes);
  if (found === null) throw new AppError('UNSUPPORTED_MEDIA', 'Send an image, a recording, a video, a PDF or a plain text');
  if (pixelsOf(bytes, found.type) > maxPixels) throw new AppError('INVALID_INPUT', `Send an image of at most ${maxPixels} pixels`);
  const { kind, type, ending } = withoutPicture(found, bytes);
  return { kind, type, ending };
}

/** Browsers record voice into the containers of films. */
function withoutPicture(found: MediaKind, bytes: Uint8Array): MediaKind {
  const { type } = found;
  if ((type !== 'video/webm' && type !== 'video/mp4') || !hasSoundOnly(bytes, type)) return found;
  return type === 'video/webm'
    ? { kind: 'audio', type: 'audio/webm', ending: 'weba' }
    : { kind: 'audio', type: 'audio/mp4', ending: 'm4a' };
}

function plainText(bytes: Uint8Array): MediaKind | null {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // Bytes that are no UTF-8 are no text we know.
    return null;
  }
  // Text that begins as markup could be taken for a page by whoever opens it.
  if (/^\s*<|^\s*\{\\rtf/.test(text)) return null;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what gives a binary file away
  return /[\u0000-\u0008\u000E-\u001A\u001C-\u001F]/.test(text) ? null : { kind: 'file', type: 'text/plain', ending: 'txt' };
}

/** Width times height as the header says; 0 where the format keeps them elsewhere. */
function pixelsOf(bytes: Uint8Array, type: string): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (type === 'image/png') return view.byteLength < 24 ? 0 : view.getUint32(16) * view.getUint32(20);
  if (type === 'image/gif') return view.byteLength < 10 ? 0 : view.getUint16(6, true) * view.getUint16(8, true);
  return type === 'image/jpeg' ? jpegPixels(view) : 0;
}

/** Walks the segments of a JPEG to its frame header (ITU T.81 §B.2.2). */
function jpegPixels(view: DataView): number {
  for (let at = 2; at + 9 < view.byteLength; ) {
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff) return 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return view.getUint16(at + 5) * view.getUint16(at + 7);
    at += 2 + view.getUint16(at + 2);
  }
  return 0;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
