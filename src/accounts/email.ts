/** Mail addresses as they name an account: one spelling each. */
import * as v from 'valibot';

/** Trims blanks around, normalises and lower-cases; refuses line breaks and everything else that is no address. At most 254 characters (RFC 5321 §4.5.3). */
export const EmailAddress = v.pipe(
  v.string(),
  v.maxLength(320, 'Cannot be longer than 254 characters'),
  v.check((text) => !/[\r\n\t]/.test(text), 'Cannot contain line breaks'),
  v.transform((text) => text.trim().normalize('NFC').toLowerCase()),
  v.maxLength(254, 'Cannot be longer than 254 characters'),
  v.email('Cannot read this as a mail address'),
);
