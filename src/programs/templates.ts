/** Templates of content: `{{ expr }}` and `{{ expr | fallback }}`, filled in one pass; values are never parsed again. */
import type { Json } from './scope.ts';

/** A piece of a template: text as it is, or an expression with what stands in for a missing or empty value. */
export type Piece = { text: string } | { expression: string; fallback: string | null };

/**
 * Cuts a template into its pieces.
 *
 * @returns null when a `{{` is never closed or stands for nothing
 */
export function readTemplate(template: string): readonly Piece[] | null {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf('{{', at);
    if (open < 0) break;
    const close = closing(template, open + 2);
    if (close < 0) return null;
    if (open > at) pieces.push({ text: template.slice(at, open) });
    const piece = readSlot(template.slice(open + 2, close));
    if (piece.expression === '') return null;
    pieces.push(piece);
    at = close + 2;
  }
  if (at < template.length) pieces.push({ text: template.slice(at) });
  return pieces;
}

/** Where the slot ends: the first `}}` that is not within quotes. */
function closing(template: string, from: number): number {
  return scan(template, from, (text, at) => text.startsWith('}}', at));
}

function readSlot(slot: string): { expression: string; fallback: string | null } {
  const bar = scan(slot, 0, (text, at) => text[at] === '|' && text[at + 1] !== '|' && text[at - 1] !== '|');
  if (bar < 0) return { expression: slot.trim(), fallback: null };
  const fallback = slot.slice(bar + 1).trim();
  const quoted = /^(["'])(.*)\1$/s.exec(fallback);
  return { expression: slot.slice(0, bar).trim(), fallback: quoted?.[2] ?? fallback };
}

/** The first place at or after `from`, outside of quotes, at which `found` holds; -1 where there is none. */
function scan(text: string, from: number, found: (text: string, at: number) => boolean): number {
  let quote = '';
  for (let at = from; at < text.length; at += 1) {
    const character = text[at] as string;
    if (quote !== '') {
      if (character === '\\') at += 1;
      else if (character === quote) quote = '';
    } else if (found(text, at)) return at;
    else if (character === '"' || character === "'") quote = character;
  }
  return -1;
}

/**
 * Fills a template in. A value that is missing or empty gives the fallback, else nothing.
 *
 * @param evaluate computes one expression; what it throws passes through
 */
export function fillTemplate(pieces: readonly Piece[], evaluate: (expression: string) => Json): string {
  return pieces
    .map((piece) => {
      if ('text' in piece) return piece.text;
      const shown = show(evaluate(piece.expression));
      return shown === '' ? (piece.fallback ?? '') : shown;
    })
    .join('');
}

/** A value in words: numbers as short as they are exact, lists with commas, yes and no as they are. */
function show(value: Json): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(Number.isInteger(value) ? value : Number(value.toFixed(10)));
  if (Array.isArray(value)) return value.map(show).join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
