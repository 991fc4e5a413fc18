/** Finds the text of a PDF page that nobody sees: of the colour behind it, transparent, tiny, off the page, or drawn invisibly. */
import { OPS } from 'pdfjs-dist/legacy/build/pdf.mjs';

/** What a page does, in the order it does it, as pdf.js lists it. */
export interface Operations {
  fnArray: readonly number[];
  argsArray: readonly unknown[];
}

/** A piece of text as it is drawn. */
export interface ShownText {
  text: string;
  hidden: boolean;
}

type Matrix = readonly [number, number, number, number, number, number];
type Box = readonly [left: number, bottom: number, right: number, top: number];

/** What is painted behind text; a null colour is a picture or a pattern, on which any text may stand out. */
interface Area {
  box: Box;
  colour: string | null;
}

interface Pen {
  matrix: Matrix;
  colour: string | null;
  opacity: number;
  size: number;
  mode: number;
  leading: number;
}

/** Smaller text, in points, is no text to a reader. */
const leastSize = 1.5;
const leastOpacity = 0.05;
/** Of 255 in each of red, green and blue: what the eye does not tell apart on paper. */
const sameColour = 16;
const paper = '#ffffff';
const identity: Matrix = [1, 0, 0, 1, 0, 0];
/** Rendering modes of the PDF standard (ISO 32000-1, table 106): fill only, and neither fill nor stroke. */
const filled = new Set([0, 4]);
const invisible = new Set([3, 7]);

/**
 * The text of a page in the order it is drawn, and whether it is hidden. Invisible text over a picture is a scan that has been recognised:
 * it is what the picture shows.
 *
 * @param view the page's visible box
 */
export function shownText({ fnArray, argsArray }: Operations, view: readonly number[]): ShownText[] {
  const page = createPage(view);
  for (const [at, operation] of fnArray.entries()) page.perform(operation, (argsArray[at] ?? []) as unknown[]);
  return page.shown;
}

type Perform = (args: readonly unknown[]) => void;

/** The few operations that decide where text stands and on what; all others change nothing that matters here. */
function createPage(view: readonly number[]) {
  const shown: ShownText[] = [];
  const areas: Area[] = [];
  const colours = new Set([paper]);
  const saved: Pen[] = [];
  let pen: Pen = { matrix: identity, colour: '#000000', opacity: 1, size: 0, mode: 0, leading: 0 };
  let text: Matrix = identity;
  let line = [0, 0];
  let advance = 0;

  const save = () => void saved.push({ ...pen });
  const restore = () => {
    pen = saved.pop() ?? pen;
  };
  const move = (x: number, y: number) => {
    line = [(line[0] ?? 0) + x, (line[1] ?? 0) + y];
    advance = 0;
  };
  const transform = (matrix: readonly unknown[]) => {
    pen.matrix = times(pen.matrix, matrixOf(matrix));
  };
  const paint = (colour: string | null, box: Box) => {
    if (pen.opacity <= 0.5) return;
    areas.push({ box, colour });
    if (colour !== null) colours.add(colour);
  };
  const paintPicture = () => paint(null, boundsOf(pen.matrix, [0, 0, 1, 1]));

  function show(glyphs: unknown): void {
    const { string, width } = readGlyphs(glyphs);
    const at = times(pen.matrix, times(text, [1, 0, 0, 1, (line[0] ?? 0) + advance, line[1] ?? 0]));
    const size = pen.size * Math.hypot(at[2], at[3]);
    advance += (width / 1000) * pen.size;
    if (string.trim() === '') return;
    const middle = pointOf(at, ((width / 1000) * pen.size) / 2, pen.size / 3);
    shown.push({ text: string, hidden: isHidden(pen, size, middle, { areas, colours, view }) });
  }

  const performs: Partial<Record<number, Perform>> = {
    [OPS.save]: save,
    [OPS.restore]: restore,
    [OPS.transform]: transform,
    [OPS.beginGroup]: save,
    [OPS.endGroup]: restore,
    [OPS.paintFormXObjectBegin]: ([matrix]) => {
      save();
      if (isSequence(matrix)) transform(matrix);
    },
    [OPS.paintFormXObjectEnd]: restore,
    [OPS.setFillRGBColor]: ([colour]) => {
      pen.colour = typeof colour === 'string' ? colour : null;
    },
    [OPS.setFillColorN]: () => {
      pen.colour = null;
    },
    [OPS.setFillTransparent]: () => {
      pen.colour = null;
    },
    [OPS.setGState]: ([states]) => {
      for (const [key, value] of states as [string, unknown][]) if (key === 'ca') pen.opacity = Number(value);
    },
    [OPS.constructPath]: ([operation, data, bounds]) => {
      if (!isFill(Number(operation)) || !isSequence(bounds)) return;
      const isPlain = isRectangle((data as unknown[])[0]);
      paint(isPlain ? pen.colour : null, boundsOf(pen.matrix, numbersOf(bounds)));
    },
    [OPS.shadingFill]: () => paint(null, numbersOf(view)),
    [OPS.beginText]: () => {
      text = identity;
      line = [0, 0];
      advance = 0;
    },
    [OPS.setFont]: ([, size]) => {
      pen.size = Math.abs(Number(size));
    },
    [OPS.setTextRenderingMode]: ([mode]) => {
      pen.mode = Number(mode);
    },
    [OPS.setLeading]: ([leading]) => {
      pen.leading = Number(leading);
    },
    [OPS.setTextMatrix]: (args) => {
      text = matrixOf(isSequence(args[0]) ? args[0] : args);
      line = [0, 0];
      advance = 0;
    },
    [OPS.moveText]: ([x, y]) => move(Number(x), Number(y)),
    [OPS.setLeadingMoveText]: ([x, y]) => {
      pen.leading = -Number(y);
      move(Number(x), Number(y));
    },
    [OPS.nextLine]: () => move(0, -pen.leading),
    [OPS.showText]: ([glyphs]) => show(glyphs),
    [OPS.showSpacedText]: ([glyphs]) => show(glyphs),
    [OPS.nextLineShowText]: ([glyphs]) => {
      move(0, -pen.leading);
      show(glyphs);
    },
  };
  for (const operation of pictures) performs[operation] = paintPicture;

  return { shown, perform: (operation: number, args: readonly unknown[]) => performs[operation]?.(args) };
}

const pictures = [OPS.paintImageXObject, OPS.paintInlineImageXObject, OPS.paintImageMaskXObject, OPS.paintSolidColorImageMask];

function isFill(operation: number): boolean {
  return [OPS.fill, OPS.eoFill, OPS.fillStroke, OPS.eoFillStroke, OPS.closeFillStroke, OPS.closeEOFillStroke].some(
    (fill) => fill === operation,
  );
}

/** What a page shows so far; `colours` are those of its areas and the paper's. */
interface Painted {
  areas: readonly Area[];
  colours: ReadonlySet<string>;
  view: readonly number[];
}

function isHidden(pen: Pen, size: number, [x, y]: readonly [number, number], { areas, colours, view }: Painted): boolean {
  if (size < leastSize || pen.opacity < leastOpacity || !contains(numbersOf(view), x, y)) return true;
  const { colour } = pen;
  const behind = () => areas.findLast(({ box }) => contains(box, x, y));
  if (invisible.has(pen.mode)) return behind()?.colour !== null;
  if (!filled.has(pen.mode) || colour === null) return false;
  // A page of code has thousands of areas, and few of their colours hide anything.
  if (![...colours].some((other) => distance(colour, other) <= sameColour)) return false;
  const area = behind();
  return area?.colour !== null && distance(colour, area?.colour ?? paper) <= sameColour;
}

/** The greatest difference of two colours `#rrggbb` in red, green or blue. */
function distance(a: string, b: string): number {
  const part = (colour: string, at: number) => Number.parseInt(colour.slice(at, at + 2), 16);
  return Math.max(...[1, 3, 5].map((at) => Math.abs(part(a, at) - part(b, at))));
}

/** Glyphs and, as plain numbers, the gaps between them. Widths are in thousandths of the font's size. */
function readGlyphs(glyphs: unknown): { string: string; width: number } {
  let string = '';
  let width = 0;
  for (const glyph of isSequence(glyphs) ? glyphs : []) {
    if (typeof glyph === 'number') width -= glyph;
    else if (typeof glyph === 'object' && glyph !== null) {
      const { unicode, width: own } = glyph as { unicode?: unknown; width?: unknown };
      string += typeof unicode === 'string' ? unicode : '';
      width += typeof own === 'number' ? own : 0;
    }
  }
  return { string, width };
}

/** One rectangle drawn by four lines, as pdf.js writes it: move, three or four lines, close. */
function isRectangle(path: unknown): boolean {
  return isSequence(path) && (path.length === 13 || path.length === 16) && path[0] === 0 && path[3] === 1;
}

function isSequence(value: unknown): value is ArrayLike<unknown> & unknown[] {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

function matrixOf(values: ArrayLike<unknown>): Matrix {
  const at = (index: number) => Number(values[index]);
  return [at(0), at(1), at(2), at(3), at(4), at(5)];
}

function numbersOf(values: ArrayLike<unknown>): Box {
  return [Number(values[0]), Number(values[1]), Number(values[2]), Number(values[3])];
}

function times(a: Matrix, b: Matrix): Matrix {
  return [
    a[0] * b[0] + a[2] * b[1],
    a[1] * b[0] + a[3] * b[1],
    a[0] * b[2] + a[2] * b[3],
    a[1] * b[2] + a[3] * b[3],
    a[0] * b[4] + a[2] * b[5] + a[4],
    a[1] * b[4] + a[3] * b[5] + a[5],
  ];
}

function pointOf(m: Matrix, x: number, y: number): [number, number] {
  return [m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]];
}

function boundsOf(matrix: Matrix, [left, bottom, right, top]: Box): Box {
  const corners = [pointOf(matrix, left, bottom), pointOf(matrix, right, bottom), pointOf(matrix, left, top), pointOf(matrix, right, top)];
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function contains([left, bottom, right, top]: Box, x: number, y: number): boolean {
  return x >= left && x <= right && y >= bottom && y <= top;
}
