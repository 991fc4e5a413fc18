/** Reads plain text and Markdown: encoding first, then blocks and headings. */
import type { Block } from './document-text.ts';

/** Text from bytes: by byte order mark, else UTF-8, else UTF-16 when every other byte is NUL, else Windows-1252. Never fails. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder(encodingOf(bytes)).decode(bytes);
}

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const nulls = [0, 0];
  for (let at = 0; at < Math.min(bytes.byteLength, 1024); at++) if (bytes[at] === 0) nulls[at % 2] = (nulls[at % 2] ?? 0) + 1;
  const many = Math.min(bytes.byteLength, 1024) / 4;
  if ((nulls[1] ?? 0) > many && nulls[0] === 0) return 'utf-16le';
  if ((nulls[0] ?? 0) > many && nulls[1] === 0) return 'utf-16be';
  return isUtf8(bytes) ? 'utf-8' : 'windows-1252';
}

/** A character cut off at the end of a sample is no fault of the encoding, so the decoder is told that more may come. */
function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    // invalid UTF-8 is the answer, not a failure
    return false;
  }
}

/** Paragraphs of plain text. */
export function textBlocks(bytes: Uint8Array): Block[] {
  return decodeText(bytes)
    .replace(/\r\n?/g, '\n')
    .split(/\n[^\S\n]*\n/)
    .map((text) => ({ text, page: null, level: 0 }));
}

/** Paragraphs of Markdown, its headings (`#`, and underlined) with their level; fenced code keeps its `#` lines. */
export function markdownBlocks(bytes: Uint8Array): Block[] {
  const blocks: Block[] = [];
  let lines: string[] = [];
  let fenced = false;
  function flush(level = 0): void {
    if (lines.length > 0) blocks.push({ text: lines.join('\n'), page: null, level });
    lines = [];
  }
  for (const line of decodeText(bytes).split(/\r\n?|\n/)) {
    if (/^\s{0,3}(```|~~~)/.test(line)) fenced = !fenced;
    const heading = fenced ? null : headingOf(line);
    const underlined = lines.length === 1 ? underlineLevel(line) : 0;
    if (heading !== null) {
      flush();
      blocks.push(heading);
    } else if (fenced || (underlined === 0 && line.trim() !== '')) lines.push(line);
    else flush(underlined);
  }
  flush();
  return blocks;
}

function headingOf(line: string): Block | null {
  const match = /^\s{0,3}(#{1,6})\s+(\S.*)$/.exec(line);
  return match === null ? null : { text: (match[2] ?? '').replace(/\s+#+\s*$/, ''), page: null, level: match[1]?.length ?? 1 };
}

function underlineLevel(line: string): number {
  if (/^\s{0,3}=+\s*$/.test(line)) return 1;
  return /^\s{0,3}-{2,}\s*$/.test(line) ? 2 : 0;
}
