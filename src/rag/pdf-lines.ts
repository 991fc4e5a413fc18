/** The lines of a PDF page: what pdf.js finds of its text, without what is hidden. */
import { withAccents } from './pdf-accents.ts';
import type { ShownText } from './pdf-hidden.ts';

/** A piece of text as pdf.js gives it. */
export interface TextPiece {
  str: string;
  /** `rtl` where pdf.js has put the letters of this piece, not the pieces, into reading order. */
  dir: string;
  /** The piece's matrix; the fifth and sixth numbers are its place. */
  transform: readonly number[];
  width: number;
  height: number;
  fontName: string;
  hasEOL: boolean;
}

/** A line of a page. */
export interface Line {
  text: string;
  page: number;
  /** Height of the baseline from the page's bottom, in points. */
  y: number;
  /** Of most of its letters, in points. */
  size: number;
  bold: boolean;
}

/** A step of more than this share of the letters' size is another line, whatever the file says. */
const sameLine = 0.8;

/** The pieces as lines, in order. `isBold` tells of a font's name. */
export function linesOf(pieces: readonly TextPiece[], page: number, isBold: (fontName: string) => boolean): Line[] {
  const lines: Line[] = [];
  let gathered: TextPiece[] = [];
  const flush = () => {
    const line = lineOf(gathered, page, isBold);
    if (line !== null) lines.push(line);
    gathered = [];
  };
  for (const piece of pieces) {
    const last = gathered.findLast(({ str }) => str.trim() !== '');
    const stepped = last !== undefined && piece.str.trim() !== '' && Math.abs(yOf(last) - yOf(piece)) > last.height * sameLine;
    if (stepped) flush();
    gathered.push(piece);
    if (piece.hasEOL) flush();
  }
  flush();
  return lines;
}

function lineOf(pieces: readonly TextPiece[], page: number, isBold: (fontName: string) => boolean): Line | null {
  const text = inReadingOrder(withAccents(pieces))
    .map(({ str }) => str.replace(presentationForms, (letter) => letter.normalize('NFKC')))
    .join('');
  const solid = pieces.filter(({ str }) => str.trim() !== '');
  const main = solid.reduce<TextPiece | undefined>((most, piece) => (piece.str.length > (most?.str.length ?? 0) ? piece : most), undefined);
  if (main === undefined) return null;
  return { text: text.trim(), page, y: yOf(main), size: main.height, bold: solid.every(({ fontName }) => isBold(fontName)) };
}

/** Letters as they are drawn, joined or at a word's end, that stand for the letter as such: Latin ligatures, Hebrew, Arabic. */
const presentationForms = /[\uFB00-\uFDFF\uFE70-\uFEFC]/g;
const rightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/gu;

/** Of a line from right to left the pieces from right to left, but for words and numbers in it that run the other way. */
function inReadingOrder(pieces: readonly TextPiece[]): TextPiece[] {
  const whole = pieces.map(({ str }) => str).join('');
  if ((whole.match(rightToLeft)?.length ?? 0) * 2 <= (whole.match(/\p{L}/gu)?.length ?? 0)) return [...pieces];
  const ordered: TextPiece[] = [];
  let run: TextPiece[] = [];
  let between: TextPiece[] = [];
  const flush = () => {
    ordered.push(...run.reverse(), ...between);
    run = [];
    between = [];
  };
  for (const piece of pieces.toSorted((a, b) => xOf(b) - xOf(a))) {
    if (/[\p{L}\p{N}]/u.test(piece.str) && piece.dir !== 'rtl') {
      run.push(...between, piece);
      between = [];
    } else if (run.length > 0 && !/\p{L}/u.test(piece.str)) between.push(piece);
    else {
      flush();
      ordered.push(piece);
    }
  }
  flush();
  return ordered;
}

function xOf({ transform }: TextPiece): number {
  return Number(transform[4]);
}

function yOf({ transform }: TextPiece): number {
  return Number(transform[5]);
}

/** How far apart the same text may stand in both lists: pdf.js leaves out or moves a little of what is drawn. */
const reach = 400;

/**
 * The pieces without the letters that are hidden. Both lists tell of the same letters in the same order, cut differently; hidden text that is
 * not found again stays.
 */
export function withoutHidden(pieces: readonly TextPiece[], shown: readonly ShownText[]): TextPiece[] {
  const { letters, origins } = spell(pieces);
  const gone = new Set<string>();
  let cursor = 0;
  for (const { text, hidden } of shown) {
    const wanted = lettersOf(text);
    const found = nextOf(letters, cursor, wanted);
    if (found < 0) continue;
    cursor = found + wanted.length;
    if (hidden) for (const origin of origins.slice(found, cursor)) gone.add(origin);
  }
  return pieces.map((piece, number) => ({ ...piece, str: [...piece.str].filter((_, at) => !gone.has(`${number}:${at}`)).join('') }));
}

/** Where the letters stand next, from the cursor on and within reach; -1 when nowhere. */
function nextOf(letters: string, cursor: number, wanted: string): number {
  const found = wanted === '' ? -1 : letters.slice(cursor, cursor + wanted.length + reach).indexOf(wanted);
  return found < 0 ? -1 : cursor + found;
}

/** The comparable letters of all pieces, and for each the piece and character it comes from. */
function spell(pieces: readonly TextPiece[]): { letters: string; origins: string[] } {
  let letters = '';
  const origins: string[] = [];
  for (const [number, { str, dir }] of pieces.entries()) {
    const characters = [...[...str].entries()];
    // As they were drawn.
    for (const [at, character] of dir === 'rtl' ? characters.reverse() : characters) {
      const own = lettersOf(character);
      letters += own;
      for (let unit = 0; unit < own.length; unit++) origins.push(`${number}:${at}`);
    }
  }
  return { letters, origins };
}

/** Comparable letters: composed alike, without white space. */
function lettersOf(text: string): string {
  return text.normalize('NFKC').replace(/\s+/g, '');
}
