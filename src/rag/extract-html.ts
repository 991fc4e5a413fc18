/** Reads web pages: what a visitor sees of the main text, with headings; scripts, menus and hidden parts are left out. */
import { Parser } from 'htmlparser2';
import type { Block } from './document-text.ts';
import { decodeText } from './extract-text.ts';

const skipped = new Set(
  'title script style noscript template svg math iframe object canvas select nav footer aside form button dialog'.split(' '),
);
const blocks = new Set(
  'p div section article main header h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table tr blockquote pre figure figcaption hr body details summary'.split(
    ' ',
  ),
);
const hidden = /display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])/i;
/** These have no end tag: what hides them hides nothing else. */
const empty = new Set('br hr img input meta link area base col embed source track wbr'.split(' '));

/** Paragraphs, list items, table rows and headings of a page, in order. */
export function htmlBlocks(bytes: Uint8Array): Block[] {
  const found: Block[] = [];
  let text = '';
  let level = 0;
  let depth = 0;
  /** The depth of the element that hides what is within; 0 for none. */
  let hiddenAt = 0;

  function flush(): void {
    if (text.trim() !== '') found.push({ text, page: null, level });
    text = '';
    level = 0;
  }
  const parser = new Parser({
    onopentag(name, attributes) {
      if (name === 'br') text += '\n';
      if (empty.has(name)) return;
      depth += 1;
      if (hiddenAt === 0 && (skipped.has(name) || isHidden(attributes))) hiddenAt = depth;
      if (blocks.has(name)) flush();
      if (/^h[1-6]$/.test(name)) level = Number(name[1]);
      if (name === 'li') text = '- ';
    },
    ontext(piece) {
      if (hiddenAt === 0) text += piece.replace(/\s+/g, ' ');
    },
    onclosetag(name) {
      if (empty.has(name)) return;
      if (blocks.has(name)) flush();
      if (name === 'td' || name === 'th') text += ' ';
      if (hiddenAt === depth) hiddenAt = 0;
      depth -= 1;
    },
  });
  parser.end(decodeText(bytes));
  flush();
  return found.filter((block) => block.text.trim() !== '-');
}

function isHidden(attributes: Record<string, string>): boolean {
  return 'hidden' in attributes || attributes['aria-hidden'] === 'true' || hidden.test(attributes.style ?? '');
}
