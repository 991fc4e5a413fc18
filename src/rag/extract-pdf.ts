/** Reads PDFs with pdf.js: headings and paragraphs by page, filled form fields included, hidden text left out, scripts never run. */
// pdf.js looks for what it draws with when it is imported.
import './pdf-undrawn.ts';
import { fileURLToPath } from 'node:url';
import { AnnotationMode, getDocument, VerbosityLevel } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { type Block, type Extracted, UnreadableDocument } from './document-text.ts';
import { type ShownText, shownText } from './pdf-hidden.ts';
import { type Line, linesOf, withoutHidden } from './pdf-lines.ts';
import { paragraphsOf } from './pdf-paragraphs.ts';

type PdfDocument = Awaited<ReturnType<typeof getDocument>['promise']>;
type PdfPage = Awaited<ReturnType<PdfDocument['getPage']>>;

const assets = new URL('../../node_modules/pdfjs-dist/', import.meta.url);

/** As large a share of letters as a symbol here and there takes. */
const fewUnnamed = 0.05;

/** What pdf.js puts fonts into. Without one it encodes each font as text and then lists the outlines of its letters: twice the time. */
const undrawn = { fonts: { add() {}, delete() {} } };

/** A document as it is open, and once more with its pictures where a page needs them to tell what is hidden. */
interface Opened {
  document: PdfDocument;
  withPictures(): Promise<PdfDocument>;
}

/**
 * Paragraphs and headings in order, text that nobody sees left out.
 *
 * @throws UnreadableDocument encrypted · broken · too_large (more than `maxPages`)
 */
export async function pdfBlocks(bytes: Uint8Array, limits: { pages: number; chars: number }): Promise<Extracted> {
  const loading = open(bytes, false);
  const document = await loading.promise.catch(refuse);
  if (document.numPages > limits.pages) {
    throw new UnreadableDocument('too_large', `Split the document: it has ${document.numPages} pages, more than ${limits.pages}`);
  }
  let second: ReturnType<typeof open> | null = null;
  const opened: Opened = {
    document,
    withPictures() {
      second ??= open(bytes, true);
      return second.promise;
    },
  };
  // Asking each page for its links and notes takes longer than reading it; few documents are forms.
  const isForm = (await document.getFieldObjects().catch(refuse)) !== null;
  const lines: Line[] = [];
  const fields: Block[] = [];
  const flags = new Set<Extracted['flags'][number]>();
  let chars = 0;
  let unnamed = 0;
  for (let number = 1; number <= document.numPages && chars <= limits.chars; number++) {
    const page = await document.getPage(number).catch(refuse);
    const read = await readPage(opened, page);
    if (read.hidden) flags.add('hidden_text');
    unnamed += read.unnamed;
    lines.push(...read.lines);
    if (isForm) fields.push(...(await fieldsOf(page)));
    chars += read.lines.reduce((sum, { text }) => sum + text.length, 0);
    page.cleanup();
  }
  await Promise.all([loading.destroy(), second === null ? null : (second as ReturnType<typeof open>).destroy()]);
  if (unnamed > chars * fewUnnamed) flags.add('unnamed_letters');
  return { blocks: [...paragraphsOf(lines), ...fields].sort((a, b) => (a.page ?? 0) - (b.page ?? 0)), flags: [...flags] };
}

/** pdf.js takes the bytes for itself, so each opening gets a copy. */
function open(bytes: Uint8Array, pictures: boolean) {
  return getDocument({
    data: bytes.slice(),
    cMapUrl: fileURLToPath(new URL('cmaps/', assets)),
    cMapPacked: true,
    standardFontDataUrl: fileURLToPath(new URL('standard_fonts/', assets)),
    wasmUrl: fileURLToPath(new URL('wasm/', assets)),
    isEvalSupported: false,
    disableFontFace: false,
    ownerDocument: undrawn as unknown as HTMLDocument,
    useSystemFonts: false,
    maxImageSize: pictures ? -1 : 0,
    verbosity: VerbosityLevel.ERRORS,
  });
}

function refuse(cause: unknown): never {
  if (cause instanceof Error && cause.name === 'PasswordException') {
    throw new UnreadableDocument('encrypted', 'Save the document without a password', { cause });
  }
  throw new UnreadableDocument('broken', 'Save the document again: it is no valid PDF', { cause });
}

async function readPage(opened: Opened, page: PdfPage): Promise<{ lines: Line[]; hidden: boolean; unnamed: number }> {
  const content = await page.getTextContent().catch(refuse);
  const pieces = content.items.filter((item) => 'str' in item);
  const shown = await shownOn(opened, page);
  const hidden = shown.some((text) => text.hidden);
  const unnamed = pieces.reduce((sum, { str }) => sum + str.split(unnamedLetter).length - 1, 0);
  const isBold = (font: string) => page.commonObjs.has(font) && boldName.test(String(page.commonObjs.get(font)?.name ?? ''));
  return { lines: linesOf(hidden ? withoutHidden(pieces, shown) : pieces, page.pageNumber, isBold), hidden, unnamed };
}

/** What pdf.js gives for a shape that no table of the file names. */
const unnamedLetter = /[\0\uFFFD]/;
const boldName = /bold|black|heavy|demi(?!oblique)|-bd/i;

/** The page itself, without what is pinned to it. */
const drawn = { annotationMode: AnnotationMode.DISABLE };

/** What the page shows. Pictures are decoded only where without them something seems hidden: it may stand on one. */
async function shownOn({ withPictures }: Opened, page: PdfPage): Promise<ShownText[]> {
  const shown = shownText(await page.getOperatorList(drawn).catch(refuse), page.view);
  if (!shown.some(({ hidden }) => hidden)) return shown;
  const again = await (await withPictures()).getPage(page.pageNumber);
  const operations = await again.getOperatorList(drawn).catch(refuse);
  again.cleanup();
  return shownText(operations, page.view);
}

async function fieldsOf(page: PdfPage): Promise<Block[]> {
  return (await page.getAnnotations()).flatMap(({ fieldValue }) =>
    typeof fieldValue === 'string' && fieldValue.trim() !== '' ? [{ text: fieldValue, page: page.pageNumber, level: 0 }] : [],
  );
}
