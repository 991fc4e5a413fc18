/** Tells the headings and paragraphs of a PDF by the size of letters and the gaps between lines: the file itself names neither. */
import type { Block } from './document-text.ts';
import type { Line } from './pdf-lines.ts';

/** Letters this many times as large as most are a heading's. */
const headingSize = 1.12;
const maxHeadingChars = 120;
const maxBoldHeadingChars = 80;
const deepest = 6;
/** A gap this many times the usual one begins a paragraph. */
const wideGap = 1.25;
/** Where the usual gap is not known, as a share of the letters' size. */
const usualGap = 1.5;

/** Paragraphs and headings of the lines of a whole document. */
export function paragraphsOf(lines: readonly Line[]): Block[] {
  const body = mostCommon(lines, ({ size }) => roundedSize(size));
  const mostlyBold = mostCommon(lines, ({ bold }) => bold);
  const gap = usualGapOf(lines, body ?? 0);
  const levels = levelsOf(lines, body ?? 0, mostlyBold !== true);
  const blocks: Block[] = [];
  for (const [at, line] of lines.entries()) {
    const before = lines[at - 1];
    const last = blocks.at(-1);
    const level = levels[at] ?? 0;
    if (before !== undefined && last !== undefined && level === (levels[at - 1] ?? 0) && goesOn(before, line, gap)) {
      last.text = joined(last.text, line.text);
    } else blocks.push({ text: line.text, page: line.page, level });
  }
  return blocks;
}

/** Whether the line belongs to the paragraph of the line before. */
function goesOn(before: Line, line: Line, gap: number): boolean {
  if (before.page !== line.page || Math.abs(before.size - line.size) > before.size * (headingSize - 1)) return false;
  const step = before.y - line.y;
  // Up the page again: the next column. It goes on with a sentence that has not ended.
  if (step < 0) return /^\p{Ll}/u.test(line.text) && !/[.!?:]$/.test(before.text);
  return step <= before.size * gap * wideGap;
}

/** A word divided at a line's end becomes one word; items of a list stay apart. */
function joined(text: string, line: string): string {
  if (/\p{L}-$/u.test(text) && /^\p{Ll}/u.test(line)) return text.slice(0, -1) + line;
  return `${text}${/^(?:[•▪◦‣∙*–-]|\d{1,3}[.)])\s/.test(line) ? '\n' : ' '}${line}`;
}

/** The level of each line as a heading, larger letters above smaller ones and these above bold ones; 0 for body text. */
function levelsOf(lines: readonly Line[], body: number, boldMatters: boolean): number[] {
  const isLarge = ({ text, size }: Line) => size > body * headingSize && text.length <= maxHeadingChars && /\p{L}/u.test(text);
  const isBold = ({ text, bold }: Line) => boldMatters && bold && text.length <= maxBoldHeadingChars && /^[^.,;]*\p{L}[^.,;]*$/u.test(text);
  const sizes = [...new Set(lines.filter(isLarge).map(({ size }) => roundedSize(size)))].sort((a, b) => b - a);
  return lines.map((line) => {
    if (isLarge(line)) return Math.min(deepest - 1, sizes.indexOf(roundedSize(line.size)) + 1);
    return isBold(line) ? Math.min(deepest, sizes.length + 1) : 0;
  });
}

/** The usual distance of lines of body text, as a share of their size. */
function usualGapOf(lines: readonly Line[], body: number): number {
  const steps: number[] = [];
  for (const [at, line] of lines.entries()) {
    const before = lines[at - 1];
    if (before === undefined || before.page !== line.page || roundedSize(line.size) !== body || roundedSize(before.size) !== body) continue;
    const step = (before.y - line.y) / line.size;
    if (step > 0.8 && step < 3) steps.push(step);
  }
  if (steps.length === 0) return usualGap;
  return steps.sort((a, b) => a - b)[Math.floor(steps.length / 3)] ?? usualGap;
}

/** What holds of most letters. */
function mostCommon<T>(lines: readonly Line[], trait: (line: Line) => T): T | undefined {
  const letters = new Map<T, number>();
  for (const line of lines) letters.set(trait(line), (letters.get(trait(line)) ?? 0) + line.text.length);
  return [...letters].reduce<[T | undefined, number]>((most, entry) => (entry[1] > most[1] ? entry : most), [undefined, 0])[0];
}

function roundedSize(size: number): number {
  return Math.round(size * 2) / 2;
}
