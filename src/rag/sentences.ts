/** Finds the sentences of a text, with offsets: the unit of chunking, of quoting and of evidence. */

/** A sentence and the white space after it: `text.slice(start, end)`. Spans tile the text without gaps. */
export interface Span {
  start: number;
  end: number;
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });
/** Longer stretches without a sentence end are cut here, so that one endless line stays manageable. */
const maxSentenceChars = 600;
/** The segmenter slows down on long input; an empty line ends every sentence anyway. */
const paragraph = /[\s\S]*?(?:\n\s*\n\s*|$)/g;

/** The sentences of the text in order. A line break ends a sentence only after a heading, a list item or an empty line. */
export function sentencesOf(text: string): Span[] {
  const spans: Span[] = [];
  for (const match of text.matchAll(paragraph)) {
    if (match[0] === '') continue;
    for (const line of linesOf(match[0], match.index)) addSentences(text, line, spans);
  }
  return spans;
}

/** A paragraph cut before each of its list items and after each of its heading lines. */
function linesOf(paragraphText: string, offset: number): Span[] {
  const cuts = [0];
  for (const match of paragraphText.matchAll(/\n(?=\s*(?:[-*•·]|\d{1,3}[.)]|#{1,6})\s)|(?<=^|\n)#{1,6} [^\n]*\n/g)) {
    cuts.push(match.index + match[0].length);
  }
  cuts.push(paragraphText.length);
  const lines: Span[] = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [start, end] = [cuts[i] ?? 0, cuts[i + 1] ?? 0];
    if (end > start) lines.push({ start: offset + start, end: offset + end });
  }
  return lines;
}

/** The segmenter ends a sentence at these; a reader does not. */
const abbreviation =
  /(?:^|[\s(])(?:Dr|Mr|Mrs|Ms|Prof|St|Nr|No|Art|Sr|Sra|Dra|Srta|Herr|Fr|M|Mme|approx|ca|vs|e\.g|i\.e|z\.B|d\.h|p\.ej)\.\s*$/;

function addSentences(text: string, line: Span, spans: Span[]): void {
  for (let from = line.start; from < line.end; from += 10_000) {
    // Spaces for line breaks: the segmenter would end a sentence at each line of wrapped text.
    const piece = text.slice(from, Math.min(line.end, from + 10_000)).replaceAll('\n', ' ');
    let start = from;
    for (const { segment, index } of segmenter.segment(piece)) {
      const end = from + index + segment.length;
      if (end < from + piece.length && abbreviation.test(segment)) continue;
      addCut(text, start, end, spans);
      start = end;
    }
  }
}

function addCut(text: string, start: number, end: number, spans: Span[]): void {
  let at = start;
  while (end - at > maxSentenceChars) {
    const cut = borderBefore(text, at, at + maxSentenceChars);
    spans.push({ start: at, end: cut });
    at = cut;
  }
  spans.push({ start: at, end });
}

/** The end of the last word before `end`, or `end` moved off the middle of a surrogate pair. */
function borderBefore(text: string, start: number, end: number): number {
  const space = text.lastIndexOf(' ', end - 1);
  if (space > start + maxSentenceChars / 2) return space + 1;
  const unit = text.charCodeAt(end);
  return unit >= 0xdc00 && unit <= 0xdfff ? end - 1 : end;
}
