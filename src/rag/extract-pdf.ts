/** Reads PDFs with pdf.js: text by page, filled form fields included, scripts never run. */
import { fileURLToPath } from 'node:url';
import { getDocument, VerbosityLevel } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { type Block, UnreadableDocument } from './document-text.ts';

type PdfDocument = Awaited<ReturnType<typeof getDocument>['promise']>;
type PdfPage = Awaited<ReturnType<PdfDocument['getPage']>>;

const assets = new URL('../../node_modules/pdfjs-dist/', import.meta.url);

/**
 * Paragraphs of each page, in order.
 *
 * @throws UnreadableDocument encrypted · broken · too_large (more than `maxPages`)
 */
export async function pdfBlocks(bytes: Uint8Array, limits: { pages: number; chars: number }): Promise<Block[]> {
  const loading = getDocument({
    data: bytes,
    cMapUrl: fileURLToPath(new URL('cmaps/', assets)),
    cMapPacked: true,
    standardFontDataUrl: fileURLToPath(new URL('standard_fonts/', assets)),
    wasmUrl: fileURLToPath(new URL('wasm/', assets)),
    isEvalSupported: false,
    disableFontFace: true,
    useSystemFonts: false,
    verbosity: VerbosityLevel.ERRORS,
  });
  const document = await loading.promise.catch(refuse);
  if (document.numPages > limits.pages) {
    throw new UnreadableDocument('too_large', `Split the document: it has ${document.numPages} pages, more than ${limits.pages}`);
  }
  const blocks: Block[] = [];
  let chars = 0;
  for (let number = 1; number <= document.numPages && chars <= limits.chars; number++) {
    const page = await document.getPage(number).catch(refuse);
    for (const text of await paragraphsOf(page)) {
      blocks.push({ text, page: number, level: 0 });
      chars += text.length;
    }
    page.cleanup();
  }
  await loading.destroy();
  return blocks;
}

function refuse(cause: unknown): never {
  if (cause instanceof Error && cause.name === 'PasswordException') {
    throw new UnreadableDocument('encrypted', 'Save the document without a password', { cause });
  }
  throw new UnreadableDocument('broken', 'Save the document again: it is no valid PDF', { cause });
}

async function paragraphsOf(page: PdfPage): Promise<string[]> {
  const content = await page.getTextContent().catch(refuse);
  let text = '';
  let lastY: number | null = null;
  let lastHeight = 0;
  for (const item of content.items) {
    if (!('str' in item)) continue;
    const y = Number(item.transform[5]);
    // A step of more than one and a half lines begins a paragraph.
    if (lastY !== null && lastHeight > 0 && Math.abs(lastY - y) > lastHeight * 1.9) text += '\n\n';
    text += item.str + (item.hasEOL ? '\n' : '');
    if (item.str.trim() !== '') [lastY, lastHeight] = [y, item.height];
  }
  const fields = (await page.getAnnotations()).flatMap((annotation) =>
    typeof annotation.fieldValue === 'string' && annotation.fieldValue.trim() !== '' ? [annotation.fieldValue as string] : [],
  );
  return [...joinLines(text).split(/\n\s*\n/), ...fields];
}

/** Lines of one paragraph become one line; a word divided at a line's end becomes one word. */
function joinLines(text: string): string {
  return text.replace(/(\p{L})-\n(\p{Ll})/gu, '$1$2').replace(/(?<!\n)\n(?!\s*\n)/g, ' ');
}
