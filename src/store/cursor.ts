/** Opaque cursors: where the next page of a list begins. */
import * as v from 'valibot';
import { AppError } from '../errors.ts';
import { isUuid } from '../ids.ts';

/** A page of a list. `nextCursor` is null after the last one. */
export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** Which page: `limit` items after `cursor`, from the start when it is absent. */
export interface PageRequest {
  limit: number;
  cursor?: string | undefined;
}

/** A place in a list ordered by id. */
export const idPlace = v.strictTuple([v.pipe(v.string(), v.check(isUuid))]);
/** A place in a list ordered by a time, in microseconds since 1970, and id. */
export const timePlace = v.strictTuple([v.pipe(v.number(), v.safeInteger()), v.pipe(v.string(), v.check(isUuid))]);

/** A place in a list that was read whole: the key of an item and where it stood, should it be gone by now. */
const wholePlace = v.strictTuple([v.string(), v.pipe(v.number(), v.safeInteger(), v.minValue(0))]);

const mostCharacters = 256;

/**
 * The place a cursor names; null without one.
 *
 * @throws AppError INVALID_INPUT when the text is no cursor of this list
 */
export function decodeCursor<Schema extends v.GenericSchema>(schema: Schema, cursor: string | undefined): v.InferOutput<Schema> | null {
  if (cursor === undefined) return null;
  const refused = (cause?: unknown) => new AppError('INVALID_INPUT', 'Start the list again: the cursor is not one of this list', { cause });
  if (cursor.length > mostCharacters) throw refused();
  try {
    return v.parse(schema, JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (error) {
    throw refused(error);
  }
}

/** The cursor for a place, as the list's schema reads it. */
export function encodeCursor(place: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/**
 * The page out of `limit + 1` rows at most: the row too many only tells that there is a next page.
 *
 * @param placeOf the place of an item, as the list's schema reads it
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
  placeOf: (row: Row) => readonly unknown[],
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return {
    items: shown.map(itemOf),
    nextCursor: more ? encodeCursor(placeOf(last)) : null,
  };
}

/**
 * The page out of all rows of a list, which is short enough to be read whole.
 *
 * @param keyOf what names a row, other than all others
 * @throws AppError INVALID_INPUT when the cursor is none of this list
 */
export function pageOfAll<Row>(rows: readonly Row[], { limit, cursor }: PageRequest, keyOf: (row: Row) => string): Page<Row> {
  const place = decodeCursor(wholePlace, cursor);
  const found = place === null ? -1 : rows.findIndex((row) => keyOf(row) === place[0]);
  const start = found >= 0 ? found + 1 : (place?.[1] ?? 0);
  return pageOf(
    rows.slice(start, start + limit + 1),
    limit,
    (row) => row,
    (row) => [keyOf(row), rows.indexOf(row)],
  );
}
