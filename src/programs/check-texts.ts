/** Checks texts for characters nobody sees: they turn the direction of what follows, or hide words in words. */
import type { Definition } from './definition.ts';
import { type Finding, pointerTo, problem } from './finding.ts';

/**
 * Direction embeddings, overrides and isolates (Unicode UAX #9), and spaces of no width. The joiners U+200C and U+200D stay: emoji and many
 * scripts are written with them.
 */
const hidden = /[\u202A-\u202E\u2066-\u2069\u200B\u2060\uFEFF]/u;

/** Every text of the content. */
export function checkTexts({ content }: Definition): readonly Finding[] {
  return textsIn(content, '/content').flatMap(({ text, pointer }) => {
    const [found] = hidden.exec(text) ?? [];
    if (found === undefined) return [];
    const code = found.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
    return [problem('hidden-character', pointer, `This text holds a character nobody sees (U+${code}): write it anew without it`)];
  });
}

function textsIn(value: unknown, pointer: string): { text: string; pointer: string }[] {
  if (typeof value === 'string') return [{ text: value, pointer }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => textsIn(inner, pointer + pointerTo(key)));
}
