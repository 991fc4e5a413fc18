/** Cuts long texts into bubbles: between paragraphs, else sentences, else words, never inside a character. */
import { storable } from '../storable.ts';

/** What stands for a message with nothing to show: providers refuse empty text. */
const nothing = '…';

/**
 * The text in pieces of at most `most` UTF-16 units, in order, none of them blank. Text without anything visible becomes "…".
 *
 * @param last the cap of the last piece where it is smaller, such as a text above buttons
 */
export function splitText(text: string, most: number, last = most): string[] {
  let rest = visible(text);
  const pieces: string[] = [];
  while (rest.length > (pieces.length === 0 && rest.length <= last ? rest.length : last)) {
    const cut = cutBefore(rest, rest.length > most ? most : last);
    pieces.push(rest.slice(0, cut).trimEnd());
    rest = rest.slice(cut).trimStart();
  }
  if (rest !== '') pieces.push(rest);
  return pieces;
}

/** Whether there is anything to see in a text. */
export function isVisible(text: string): boolean {
  return /[^\s\p{Cf}\p{Cc}]/u.test(text);
}

/** Text that every provider takes: well-formed, without NUL, not blank to the eye. */
function visible(text: string): string {
  const clean = storable(text).trim();
  return isVisible(clean) ? clean : nothing;
}

/** The best place to cut at or before `most`, more than a third of the way. */
function cutBefore(text: string, most: number): number {
  const head = text.slice(0, most + 1);
  for (const boundary of [/\n\s*\n/g, /[.!?…。！？]["'”’)\]]*\s/g, /\n/g, /\s/g]) {
    const cut = [...head.matchAll(boundary)].map((match) => match.index + match[0].length).findLast((end) => end <= most);
    if (cut !== undefined && cut > most / 3) return cut;
  }
  const code = text.charCodeAt(most - 1);
  return code >= 0xd800 && code <= 0xdbff && most > 1 ? most - 1 : most;
}

/** The text in at most `most` code points, an ellipsis in place of what is left out. */
export function shorten(text: string, most: number): string {
  const points = [...text.toWellFormed()];
  return points.length <= most
    ? points.join('')
    : `${points
        .slice(0, most - 1)
        .join('')
        .trimEnd()}…`;
}
