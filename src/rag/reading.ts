/** Reads one document from bytes to chunks with their lexemes: what runs in the reader's process. */
import { type Chunk, type ChunkSizes, chunksOf } from './chunk.ts';
import { type DocumentText, type Extracted, joinBlocks } from './document-text.ts';
import { htmlBlocks } from './extract-html.ts';
import { markdownBlocks, textBlocks } from './extract-text.ts';
import type { DocumentKind } from './kind.ts';
import { countLexemes, detectLanguage } from './lexemes.ts';

/** How much of a document is read. */
export interface ReadLimits {
  chars: number;
  pages: number;
  entries: number;
  inflatedBytes: number;
}

/** As what a document is read, and how it is cut. */
export interface ReadAs {
  kind: DocumentKind;
  sizes: ChunkSizes;
}

/** A chunk with the words it is ranked by. */
export interface ReadChunk extends Chunk {
  lexemes: readonly (readonly [lexeme: string, frequency: number])[];
}

/** A document, read. */
export interface ReadDocument {
  /** ISO 639-1; null when unknown. */
  language: string | null;
  /** What a creator should know of it; see `flags` of documents. */
  flags: readonly string[];
  chunks: readonly ReadChunk[];
}

/**
 * Reads a document.
 *
 * @throws UnreadableDocument with the reason
 */
export async function readDocument(bytes: Uint8Array, { kind, sizes }: ReadAs, limits: ReadLimits): Promise<ReadDocument> {
  const { blocks, flags } = await extract(bytes, kind, limits);
  const document: DocumentText = joinBlocks(blocks, limits.chars);
  const language = detectLanguage(document.text);
  const chunks = chunksOf(document, sizes).map((chunk) => ({
    ...chunk,
    lexemes: [...countLexemes(`${chunk.heading}\n${chunk.text}`, language)],
  }));
  return { language, flags: [...document.flags, ...flags], chunks };
}

/** The big libraries are loaded only for the documents that need them. */
async function extract(bytes: Uint8Array, kind: DocumentKind, limits: ReadLimits): Promise<Extracted> {
  switch (kind) {
    case 'text':
      return { blocks: textBlocks(bytes), flags: [] };
    case 'markdown':
      return { blocks: markdownBlocks(bytes), flags: [] };
    case 'html':
      return { blocks: htmlBlocks(bytes), flags: [] };
    case 'pdf':
      return (await import('./extract-pdf.ts')).pdfBlocks(bytes, limits);
    case 'docx':
      return (await import('./extract-docx.ts')).docxBlocks(bytes, limits);
  }
}
