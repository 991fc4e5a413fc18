/** Reads Word documents: a clean container first, then mammoth, then blocks with their heading levels. */
import { Buffer } from 'node:buffer';
import { strToU8, unzipSync, zipSync } from 'fflate';
import mammoth from 'mammoth';
import { type Block, type Extracted, UnreadableDocument } from './document-text.ts';

/** What a document's archive may hold. */
export interface ContainerLimits {
  entries: number;
  /** Bytes of all parts we read, inflated. */
  inflatedBytes: number;
}

/** Parts that carry text or say how to read it; pictures, macros and embedded objects are left behind. */
const wanted = /^(\[Content_Types\]\.xml|_rels\/\.rels|word\/[\w.-]+\.xml|word\/_rels\/[\w.-]+\.rels)$/;

/**
 * Paragraphs, list items, table cells and headings, in order. Hidden text is left out.
 *
 * @throws UnreadableDocument broken · too_large · unsupported (macros, DOCTYPE, parts elsewhere)
 */
export async function docxBlocks(bytes: Uint8Array, limits: ContainerLimits): Promise<Extracted> {
  const { container, hidden } = cleanContainer(bytes, limits);
  let html: string;
  try {
    const images = mammoth.images.imgElement(() => Promise.resolve({ src: '' }));
    html = (await mammoth.convertToHtml({ buffer: Buffer.from(container) }, { convertImage: images, includeDefaultStyleMap: true })).value;
  } catch (cause) {
    throw new UnreadableDocument('broken', 'Save the document again: its content cannot be read', { cause });
  }
  return { blocks: htmlBlocks(html), flags: hidden ? ['hidden_text'] : [] };
}

/** Sums the sizes that the directory declares before anything is inflated, and packs again only what is read, at those sizes. */
function cleanContainer(bytes: Uint8Array, limits: ContainerLimits): { container: Uint8Array; hidden: boolean } {
  let entries = 0;
  let inflated = 0;
  const parts = unzipParts(bytes, (entry) => {
    entries += 1;
    if (entries > limits.entries)
      throw new UnreadableDocument('too_large', `Save the document again: it has more than ${limits.entries} parts`);
    if (/vbaProject\.bin$/i.test(entry.name)) throw new UnreadableDocument('unsupported', 'Save the document without macros');
    if (!wanted.test(entry.name)) return false;
    inflated += entry.originalSize;
    if (inflated > limits.inflatedBytes) {
      throw new UnreadableDocument('too_large', `Split the document: it unpacks to more than ${limits.inflatedBytes} bytes`);
    }
    return true;
  });
  let hidden = false;
  for (const [name, part] of Object.entries(parts)) {
    const xml = checkedPart(name, part);
    const visible = withoutHidden(xml);
    if (visible === xml) continue;
    hidden = true;
    parts[name] = strToU8(visible);
  }
  return { container: zipSync(parts, { level: 0 }), hidden };
}

type Filter = (entry: { name: string; originalSize: number }) => boolean;

function unzipParts(bytes: Uint8Array, filter: Filter): Record<string, Uint8Array> {
  try {
    return unzipSync(bytes, { filter });
  } catch (cause) {
    if (cause instanceof UnreadableDocument) throw cause;
    throw new UnreadableDocument('broken', 'Save the document again: its archive is damaged', { cause });
  }
}

/** The part's text. @throws UnreadableDocument unsupported */
function checkedPart(name: string, bytes: Uint8Array): string {
  const xml = new TextDecoder().decode(bytes);
  if (name.endsWith('.rels') && fetchesOutside(xml))
    throw new UnreadableDocument('unsupported', 'Save the document with its pictures and templates inside: it refers to parts elsewhere');
  if (/<!(DOCTYPE|ENTITY)/i.test(xml)) throw new UnreadableDocument('unsupported', 'Save the document again: it declares a DOCTYPE');
  return xml;
}

/** Without the runs that Word does not show, or shows white on white or too small to see; white text may stand on a shade. */
function withoutHidden(xml: string): string {
  const shaded = /<w:(?:shd|highlight|background)\b|<w:(?:drawing|pict)\b/.test(xml);
  if (!/<w:(?:vanish|sz|color)\b/.test(xml)) return xml;
  return xml.replace(/<w:r(?: [^>]*)?>[\s\S]*?<\/w:r>/g, (run) => (isHidden(run, shaded) && run.includes('<w:t') ? '' : run));
}

/** Links are addresses to click; anything else outside (templates, pictures, objects, frames) would be fetched by a reader. */
function fetchesOutside(relationships: string): boolean {
  const tags = relationships.match(/<Relationship\b[^>]*>/g) ?? [];
  return tags.some((tag) => /TargetMode\s*=\s*["']External["']/i.test(tag) && !/Type\s*=\s*["'][^"']*\/hyperlink["']/i.test(tag));
}

function isHidden(run: string, shaded: boolean): boolean {
  if (/<w:vanish(?:\s*\/>|\s*>|\s+w:val="(?:1|true|on)")/.test(run)) return true;
  // Sizes are in half points.
  return /<w:sz w:val="[0-3]"/.test(run) || (!shaded && /<w:color w:val="F{6}"/i.test(run));
}

const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" };

/** Mammoth writes well-formed HTML with escaped text, so its few block tags can be told apart by pattern. */
function htmlBlocks(html: string): Block[] {
  const blocks: Block[] = [];
  for (const part of html.split(/(?=<(?:h[1-6]|p|li|tr|ul|ol|table)\b)/)) {
    const [, name = 'p'] = /^<(\w+)/.exec(part) ?? [];
    const text = plain(part);
    const level = /^h[1-6]$/.test(name) ? Number(name[1]) : 0;
    blocks.push({ text: name === 'li' && text.trim() !== '' ? `- ${text}` : text, page: null, level });
  }
  return blocks;
}

function plain(html: string): string {
  return html
    .replace(/<br\b[^>]*>/g, '\n')
    .replace(/<\/t[dh]>/g, ' ')
    .replace(/<[^>]*>/g, '')
    .replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity);
}
