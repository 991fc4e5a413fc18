/** The border between computed values and JSON: finite, well-formed, bounded, with own keys only. */
import { storable } from '../storable.ts';
import type { Json } from './scope.ts';

/** Limits of one value: characters of one text and of all its texts together, items of a list, values in total. */
export const valueLimits = { characters: 16_000, totalCharacters: 64_000, items: 1000, values: 5000, depth: 16 } as const;

interface Budget {
  characters: number;
  values: number;
}

/**
 * A value as plain JSON: whole numbers become numbers, texts lose NULs and broken surrogates.
 *
 * @throws RangeError for what JSON cannot hold (NaN, functions, dates) and for what is too large
 */
export function plain(value: unknown): Json {
  return copy(value, { characters: valueLimits.totalCharacters, values: valueLimits.values }, 0);
}

function copy(value: unknown, budget: Budget, depth: number): Json {
  budget.values -= 1;
  if (budget.values < 0 || depth > valueLimits.depth) throw new RangeError('The value is too large');
  switch (typeof value) {
    case 'string':
      return copyText(value, budget);
    case 'boolean':
      return value;
    case 'number':
    case 'bigint':
      return copyNumber(Number(value));
    case 'object':
      if (value === null) return null;
      return Array.isArray(value) ? copyList(value, budget, depth) : copyMap(value, budget, depth);
    default:
      throw new RangeError(`The value is no plain data but a ${typeof value}`);
  }
}

function copyText(text: string, budget: Budget): string {
  budget.characters -= text.length;
  if (text.length > valueLimits.characters || budget.characters < 0) throw new RangeError('The text is too long');
  return storable(text);
}

function copyNumber(number: number): number {
  if (!Number.isFinite(number)) throw new RangeError('The result is no number: division by zero, overflow or a text that is no number');
  // JSON has no negative zero.
  return number === 0 ? 0 : number;
}

function copyList(list: readonly unknown[], budget: Budget, depth: number): Json {
  if (list.length > valueLimits.items) throw new RangeError(`The list has more than ${valueLimits.items} items`);
  return list.map((item) => copy(item, budget, depth + 1));
}

function copyMap(map: object, budget: Budget, depth: number): Json {
  const prototype: unknown = Object.getPrototypeOf(map);
  const isPlain = prototype === null || prototype === Object.prototype;
  if (!isPlain && !(map instanceof Map)) throw new RangeError('The value is no plain data');
  const entries: [unknown, unknown][] = map instanceof Map ? [...map] : Object.entries(map);
  if (entries.length > valueLimits.items) throw new RangeError(`The map has more than ${valueLimits.items} keys`);
  return Object.fromEntries(entries.map(([key, item]) => [copyText(String(key), budget), copy(item, budget, depth + 1)]));
}
