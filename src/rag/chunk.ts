/** Cuts a document into overlapping chunks at headings, paragraphs and sentences. */
import type { DocumentText, Mark } from './document-text.ts';
import { type Span, sentencesOf } from './sentences.ts';
import { countTokens } from './tokens.ts';

/** A stretch of a document: `text` is exactly `document.text.slice(start, end)`. */
export interface Chunk {
  /** From 0, in reading order. */
  position: number;
  text: string;
  start: number;
  end: number;
  /** Page of its first new sentence, from 1. */
  page: number | null;
  heading: string;
  tokens: number;
}

/** How long chunks are and how much of one is repeated in the next, in tokens. */
export interface ChunkSizes {
  tokens: number;
  overlap: number;
}

/** What the specification asks for. */
export const defaultSizes: ChunkSizes = { tokens: 1000, overlap: 200 };

interface Unit extends Span {
  tokens: number;
  /** How good a chunk's begin it is: 3 heading, 2 paragraph, 1 sentence. */
  border: number;
}

/**
 * The chunks of a document: each at most `sizes.tokens` long, together covering the text, each beginning with whole sentences of
 * its predecessor's end, `sizes.overlap` tokens at most.
 */
export function chunksOf(document: DocumentText, sizes: ChunkSizes = defaultSizes): Chunk[] {
  const units = unitsOf(document);
  const chunks: Chunk[] = [];
  let from = 0;
  let fresh = 0;
  while (fresh < units.length) {
    const to = endOf(units, from, fresh, sizes.tokens);
    const cut = shrink(document.text, units, { from, fresh, to }, sizes.tokens);
    chunks.push(chunkOf(document, units, chunks.length, cut));
    fresh = cut.to;
    from = overlapFrom(document.text, units, cut, sizes);
  }
  return chunks;
}

/** Units `from` to `to`, of which those before `fresh` were in the chunk before. */
interface Cut {
  from: number;
  fresh: number;
  to: number;
}

const maxUnitTokens = 150;

function unitsOf({ text, marks }: DocumentText): Unit[] {
  const headings = new Set(marks.filter((mark) => mark.border).map((mark) => mark.at));
  return sentencesOf(text).flatMap(({ start, end }) => {
    const newParagraph = text.startsWith('\n\n', start - 2);
    return smallUnits(text, {
      start,
      end,
      tokens: countTokens(text.slice(start, end)),
      border: headings.has(start) ? 3 : newParagraph ? 2 : 1,
    });
  });
}

/** Rare scripts take several tokens a character: such a sentence is halved until it leaves room for an overlap. */
function smallUnits(text: string, unit: Unit): Unit[] {
  if (unit.tokens <= maxUnitTokens) return [unit];
  const half = unit.start + Math.floor((unit.end - unit.start) / 2);
  const middle = /[\uDC00-\uDFFF]/.test(text.charAt(half)) ? half + 1 : half;
  const parts = [
    { ...unit, end: middle },
    { ...unit, start: middle, border: 0 },
  ];
  return parts.flatMap((part) => smallUnits(text, { ...part, tokens: countTokens(text.slice(part.start, part.end)) }));
}

/** The unit after the chunk's last: as many as fit, then back to the best border in the second half. */
function endOf(units: readonly Unit[], from: number, fresh: number, maxTokens: number): number {
  let to = from;
  let tokens = 0;
  while (to < units.length && tokens + (units[to]?.tokens ?? 0) <= maxTokens) tokens += units[to++]?.tokens ?? 0;
  if (to === units.length) return to;
  let best = Math.max(to, fresh + 1);
  let kept = tokens;
  for (let cut = to; cut > fresh && kept > maxTokens / 2; cut--) {
    if ((units[cut]?.border ?? 0) > (units[best]?.border ?? 0)) best = cut;
    kept -= units[cut - 1]?.tokens ?? 0;
  }
  return best;
}

/** Tokens of parts may add up to less than those of the whole: what is too long loses its end, then its overlap. */
function shrink(text: string, units: readonly Unit[], cut: Cut, maxTokens: number): Cut {
  let { from, fresh, to } = cut;
  while (countTokens(sliceOf(text, units, from, to)) > maxTokens) {
    if (to > fresh + 1) to--;
    else from++;
  }
  return { from, fresh, to };
}

/** The first unit of the next chunk's overlap: whole sentences before its end, leaving room for at least one new unit. */
function overlapFrom(text: string, units: readonly Unit[], cut: Cut, sizes: ChunkSizes): number {
  const room = Math.min(sizes.overlap, sizes.tokens - (units[cut.to]?.tokens ?? 0));
  let from = cut.to;
  let tokens = 0;
  while (from - 1 > cut.from && tokens + (units[from - 1]?.tokens ?? 0) <= room) tokens += units[--from]?.tokens ?? 0;
  while (countTokens(sliceOf(text, units, from, cut.to)) > room) from++;
  return from;
}

function sliceOf(text: string, units: readonly Unit[], from: number, to: number): string {
  return to > from ? text.slice(units[from]?.start, units[to - 1]?.end) : '';
}

function chunkOf(
  document: DocumentText,
  units: readonly Unit[],
  position: number,
  cut: { from: number; fresh: number; to: number },
): Chunk {
  const start = units[cut.from]?.start ?? 0;
  const end = units[cut.to - 1]?.end ?? start;
  const mark = markAt(document.marks, units[cut.fresh]?.start ?? start);
  const text = document.text.slice(start, end);
  return { position, text, start, end, page: mark?.page ?? null, heading: mark?.heading ?? '', tokens: countTokens(text) };
}

function markAt(marks: readonly Mark[], offset: number): Mark | undefined {
  return marks.findLast((mark) => mark.at <= offset);
}
