/** One text for one value: canonical JSON and its SHA-256, the name of a published version's content. */
import { createHash } from 'node:crypto';
import type { Json } from './scope.ts';

/** JSON with the keys of every object in UTF-16 order and no white space (RFC 8785). */
export function canonicalJson(value: Json): string {
  if (typeof value === 'object' && value !== null) {
    if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalJson(item)).join(',')}]`;
    const entries = Object.entries(value as { readonly [key: string]: Json }).filter(([, item]) => item !== undefined);
    entries.sort(([left], [right]) => (left < right ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** SHA-256, hexadecimal, of the canonical JSON of a value: the same however its keys are ordered. */
export function contentHash(value: Json): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
