/** Text as the record takes it: PostgreSQL has no NUL, and half a character of UTF-16 is none. */

/** Whether the text can be kept as it is. */
export function isStorable(text: string): boolean {
  return !text.includes('\u0000') && text.isWellFormed();
}

/** The text without NUL, and with U+FFFD in place of half a character. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '');
}
