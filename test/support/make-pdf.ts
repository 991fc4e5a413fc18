/** Writes small PDFs for tests. */

/** What a PDF holds beside its text. */
export interface PdfOptions {
  /** Adds an encryption dictionary whose password nobody has. */
  encrypted?: boolean;
  /** Says that there are this many pages more, all the same empty one. */
  emptyPages?: number;
}

/** A PDF with one page a string; lines are shown one below the other, a page without text is empty. */
export function makePdf(pages: readonly string[], options: PdfOptions = {}): Uint8Array<ArrayBuffer> {
  const objects: string[] = ['', ''];
  const add = (object: string) => `${objects.push(object)} 0 R`;
  const font = add('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>');
  const kids = pages.map((page) => {
    const content = page === '' ? '' : `BT /F1 12 Tf 14 TL 40 780 Td ${page.split('\n').map(show).join(' ')} ET`;
    const stream = add(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
    return add(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 ${font} >> >> /Contents ${stream} >>`);
  });
  for (let i = 0; i < (options.emptyPages ?? 0); i++) kids.push(add('<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>'));
  objects[0] = '<< /Type /Catalog /Pages 2 0 R >>';
  objects[1] = `<< /Type /Pages /Kids [${kids.join(' ')}] /Count ${kids.length} >>`;
  const zeros = '0'.repeat(64);
  const encryption = options.encrypted ? add(`<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <${zeros}> /U <${zeros}> >>`) : null;
  return assemble(objects, encryption === null ? '' : `/Encrypt ${encryption} /ID [<00112233> <00112233>]`);
}

function show(line: string): string {
  return `(${line.replace(/[\\()]/g, '\\$&')}) Tj T*`;
}

/** A PDF of these objects, the catalogue first. */
export function makePdfOf(objects: readonly string[]): Uint8Array<ArrayBuffer> {
  return assemble(objects, '');
}

function assemble(objects: readonly string[], trailer: string): Uint8Array<ArrayBuffer> {
  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, at) => {
    const offset = text.length;
    text += `${at + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const start = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  text += offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${start}\n%%EOF\n`;
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
