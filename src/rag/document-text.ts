/** The text of a document as one string, with where its pages and headings begin. */

/** A piece of a document in reading order, as an extractor finds it. */
export interface Block {
  text: string;
  /** Page it stands on, from 1, where the kind has pages. */
  page: number | null;
  /** 1 to 6 for a heading, 0 for anything else. */
  level: number;
}

/** What an extractor finds. */
export interface Extracted {
  /** In reading order. */
  blocks: readonly Block[];
  /** `hidden_text`: text that nobody sees was left out · `unnamed_letters`: the file does not say which letters many of its shapes are. */
  flags: readonly ('hidden_text' | 'unnamed_letters')[];
}

/** Where the page or the heading in force changes. `at` is a UTF-16 offset into the text. */
export interface Mark {
  at: number;
  page: number | null;
  /** The headings in force, outermost first, joined by ` › `; empty before the first. */
  heading: string;
  /** Whether a heading begins here. */
  border: boolean;
}

/** A document's cleaned text; every offset of chunks and citations points into it. */
export interface DocumentText {
  text: string;
  /** In order of `at`; the first is at 0. */
  marks: readonly Mark[];
  /** `hidden_characters`: it holds characters that nobody sees but machines read, which were taken out. */
  flags: readonly string[];
}

/** Why a document cannot be read. The code is stable; clients switch on it. */
export type ReadProblem = 'encrypted' | 'broken' | 'no_text' | 'too_large' | 'too_slow' | 'unsupported';

/** Reading ended with a reason a creator can act on. */
export class UnreadableDocument extends Error {
  readonly problem: ReadProblem;

  constructor(problem: ReadProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UnreadableDocument';
    this.problem = problem;
  }
}

const maxHeadingChars = 120;

/** Joins blocks, cleaned, with an empty line between; blocks without text vanish. */
export function joinBlocks(blocks: Iterable<Block>, maxChars: number): DocumentText {
  const path: { level: number; text: string }[] = [];
  const marks: Mark[] = [];
  const parts: string[] = [];
  let at = 0;
  let invisibles = 0;
  for (const block of blocks) {
    invisibles += countOf(suspicious, block.text);
    const text = cleanText(block.text).trim();
    if (text === '') continue;
    if (at + text.length > maxChars)
      throw new UnreadableDocument('too_large', `Split the document: it has more than ${maxChars} characters`);
    if (block.level > 0) {
      enter(path, block.level, text);
    }
    const heading = path.map((entry) => entry.text).join(' › ');
    const last = marks.at(-1);
    if (last === undefined || last.heading !== heading || last.page !== block.page || block.level > 0) {
      marks.push({ at, page: block.page, heading, border: block.level > 0 });
    }
    parts.push(text);
    at += text.length + 2;
  }
  if (parts.length === 0) throw new UnreadableDocument('no_text', 'Run text recognition (OCR) first: the document has no text');
  return { text: parts.join('\n\n'), marks, flags: invisibles > innocent ? ['hidden_characters'] : [] };
}

/** What is never seen but is read by machines: controls, soft hyphen, zero-width, bidirectional overrides, tag characters. */
const invisible = /(?![\n\t])[\p{Cc}\p{Cf}]/gu;

/** Of these, what word processors and web pages do not leave behind by themselves. */
const suspicious = /[\u200B-\u200D\u2060-\u2064\u202A-\u202E\u2066-\u2069\u{E0000}-\u{E007F}]/gu;
/** As many joiners as a text with some emoji and a copied word may hold. */
const innocent = 8;

/** Leaves the headings of this level and below, and puts the heading in force. */
function enter(path: { level: number; text: string }[], level: number, text: string): void {
  while ((path.at(-1)?.level ?? 0) >= level) path.pop();
  path.push({ level, text: text.replace(/^#+\s*/, '').slice(0, maxHeadingChars) });
}

function countOf(pattern: RegExp, text: string): number {
  return text.match(pattern)?.length ?? 0;
}

/** Text as a reader would see it, in NFC with `\n` line ends, safe to store. */
export function cleanText(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?|[\f\u0085\u2028\u2029]/g, '\n')
    .replace(invisible, '')
    .normalize('NFC')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n');
}
