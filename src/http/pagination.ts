/** Lists over HTTP: `?limit=&cursor=` in, `{items, next_cursor}` out. */
import * as v from 'valibot';
import { type Page, type PageRequest, pageOfAll } from '../store/cursor.ts';

const defaultLimit = '25';

/** A whole number in a query, from `least` to `most`. */
export function queryNumber(least: number, most: number) {
  const range = `Expected a whole number from ${least} to ${most}`;
  return v.pipe(v.string(), v.regex(/^\d{1,15}$/, range), v.transform(Number), v.minValue(least, range), v.maxValue(most, range));
}

/** The query parameters of every list; spread them into the route's own. */
export const pageQuery = {
  limit: v.optional(queryNumber(1, 100), defaultLimit),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(256))),
};

/** The query of a list that takes nothing else. */
export const PageQuery = v.strictObject(pageQuery);

/** The schema of a list's answer. */
export function pageOf<S extends v.GenericSchema>(item: S) {
  return v.object({ items: v.array(item), next_cursor: v.nullable(v.string()) });
}

/** The answer of a list. */
export function pageAnswer<Row, Item>(page: Page<Row>, itemOf: (row: Row) => Item): { items: Item[]; next_cursor: string | null } {
  return { items: page.items.map(itemOf), next_cursor: page.nextCursor };
}

/** The answer of a list whose rows are few enough to be read whole. @param keyOf what names a row, other than all others */
export function pageOfFew<Row, Item>(
  rows: readonly Row[],
  request: PageRequest,
  keyOf: (row: Row) => string,
  itemOf: (row: Row) => Item,
): { items: Item[]; next_cursor: string | null } {
  return pageAnswer(pageOfAll(rows, request, keyOf), itemOf);
}
