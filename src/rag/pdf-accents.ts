/** Puts accents on their letters where a PDF draws both apart: TeX the accent first, others the letter first. */
import type { TextPiece } from './pdf-lines.ts';

/** Accents that stand by themselves, and those that join the letter before them. */
const joining: Readonly<Record<string, string>> = {
  '`': '\u0300',
  '´': '\u0301',
  ˆ: '\u0302',
  '˜': '\u0303',
  '¯': '\u0304',
  '˘': '\u0306',
  '˙': '\u0307',
  '¨': '\u0308',
  '˚': '\u030A',
  '˝': '\u030B',
  ˇ: '\u030C',
  '¸': '\u0327',
  '˛': '\u0328',
};
const accent = `[${Object.keys(joining).join('')}]`;
const endsWithAccent = new RegExp(`${accent}$`);
const beginsWithAccent = new RegExp(`^${accent}`);
/** Letters without the dot that an accent takes the place of. */
const dotted: Readonly<Record<string, string>> = { ı: 'i', ȷ: 'j' };

/** The pieces of a line, accents joined to the letters they are drawn over: there one piece begins before the last has ended. */
export function withAccents(pieces: readonly TextPiece[]): TextPiece[] {
  const joined: TextPiece[] = [];
  for (const piece of pieces) {
    const before = joined.at(-1);
    if (before === undefined || !overlaps(before, piece)) joined.push(piece);
    else joined.push(...onLetters(before, piece, joined));
  }
  return joined;
}

/** The piece with what belongs to it; the one before is replaced in `joined`. */
function onLetters(before: TextPiece, piece: TextPiece, joined: TextPiece[]): TextPiece[] {
  const [first = '', ...rest] = piece.str;
  if (endsWithAccent.test(before.str) && /\p{L}/u.test(first)) {
    joined[joined.length - 1] = { ...before, str: before.str.slice(0, -1) };
    return [{ ...piece, str: composed(first, before.str.slice(-1)) + rest.join('') }];
  }
  if (beginsWithAccent.test(piece.str) && /\p{L}$/u.test(before.str)) {
    const letters = [...before.str];
    joined[joined.length - 1] = { ...before, str: letters.slice(0, -1).join('') + composed(letters.at(-1) ?? '', first) };
    return [{ ...piece, str: rest.join('') }];
  }
  return [piece];
}

function composed(letter: string, mark: string): string {
  return `${dotted[letter] ?? letter}${joining[mark]}`.normalize('NFC');
}

/** Of letters that stand upright on one line. */
function overlaps(before: TextPiece, piece: TextPiece): boolean {
  const upright = [before, piece].every(({ transform }) => transform[1] === 0);
  const [x, end] = [Number(piece.transform[4]), Number(before.transform[4]) + before.width];
  return upright && x < end - before.height * 0.02 && x > Number(before.transform[4]) - before.height;
}
