/** What every account has, whatever its channel. */
import * as v from 'valibot';

/** A secret as providers hand them out. */
export const AccountSecret = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(4_096),
  v.regex(/^[\x21-\x7e]+$/, 'Expected visible ASCII characters'),
);

/** The entries to spread into an account's schema. `uncertain` is the creator's rule for a message of which nobody knows whether it arrived. */
export const accountEntries = {
  name: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(200)), ''),
  uncertain: v.optional(v.picklist(['leave', 'resend']), 'leave'),
};
