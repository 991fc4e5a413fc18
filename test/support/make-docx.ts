/** Writes small Word documents for tests. */
import { strToU8, zipSync } from 'fflate';

/** A paragraph: text, or text with a heading level, or hidden. */
export type DocxParagraph = string | { text: string; level?: number; hidden?: boolean };

/** What stands in the archive beside the text. */
export interface DocxOptions {
  /** Parts to add or replace, by name. */
  parts?: Record<string, Uint8Array | string>;
  /** Replaces the whole of word/document.xml. */
  documentXml?: string;
}

/** A Word document of these paragraphs. */
export function makeDocx(paragraphs: readonly DocxParagraph[], options: DocxOptions = {}): Uint8Array<ArrayBuffer> {
  const parts: Record<string, Uint8Array | string> = {
    '[Content_Types].xml': `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
    '_rels/.rels': `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`,
    'word/document.xml': options.documentXml ?? documentXml(paragraphs.map(paragraphXml).join('')),
    ...options.parts,
  };
  const bytes = Object.entries(parts).map(([name, part]) => [name, typeof part === 'string' ? strToU8(part) : part] as const);
  return Uint8Array.from(zipSync(Object.fromEntries(bytes), { level: 9 }));
}

/** word/document.xml around a body. */
export function documentXml(body: string, prolog = ''): string {
  return `<?xml version="1.0"?>${prolog}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${body}</w:body></w:document>`;
}

function paragraphXml(paragraph: DocxParagraph): string {
  const { text, level = 0, hidden = false } = typeof paragraph === 'string' ? { text: paragraph } : paragraph;
  const style = level > 0 ? `<w:pPr><w:pStyle w:val="Heading${level}"/></w:pPr>` : '';
  const run = `<w:r>${hidden ? '<w:rPr><w:vanish/></w:rPr>' : ''}<w:t xml:space="preserve">${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</w:t></w:r>`;
  return `<w:p>${style}${run}</w:p>`;
}
