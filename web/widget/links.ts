/** Finds the links in plain text. Nothing else of the text is interpreted. */

/** A piece of text; `href` when it is a link. */
export interface TextPart {
  text: string;
  href?: string;
}

const linkShape = /https:\/\/[^\s<>"'`]+/g;

/** The text in pieces. Only `https` addresses become links; punctuation at the end of a sentence stays outside. */
export function splitLinks(text: string): readonly TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(linkShape)) {
    const shown = trimEnd(match[0]);
    if (!URL.canParse(shown)) continue;
    if (match.index > from) parts.push({ text: text.slice(from, match.index) });
    parts.push({ text: shown, href: new URL(shown).href });
    from = match.index + shown.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}

/** A closing bracket belongs to the address only when it opens there too. */
function trimEnd(link: string): string {
  const opens = link.includes('(');
  let end = link.length;
  while (end > 0) {
    const last = link[end - 1] ?? '';
    const isLoose = last === ')' && !opens;
    if (!isLoose && !'.,;:!?*_…]}'.includes(last)) break;
    end -= 1;
  }
  return link.slice(0, end);
}
