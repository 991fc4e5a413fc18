/** The small schemas that the parts of a definition share: ids, texts, expressions, durations, times, places. */
import * as v from 'valibot';
import { expressionLimits } from './expressions.ts';
import { durationMs, isZone, parseDuration } from './schedule.ts';

/**
 * One of several shapes, chosen by looking at the value, so that an error names its place instead of saying that no shape fits.
 *
 * @param choose the index of the shape to hold the value against
 */
export function oneOf<const Shapes extends readonly v.GenericSchema[]>(
  shapes: Shapes,
  choose: (value: unknown) => number,
): v.GenericSchema<v.InferInput<Shapes[number]>, v.InferOutput<Shapes[number]>> {
  const union = v.union(shapes as unknown as v.GenericSchema[]);
  // Who asks without a value wants the whole schema: the JSON Schema is made so.
  return v.lazy((value) => (value === undefined ? union : (shapes[choose(value)] ?? union))) as never;
}

/** Whether a value has a key of its own. */
export function hasKey(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

/** Names of states, content, delays, questions, timers and the like. */
export const idSchema = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'Use letters, digits, "-" and "_", at most 64, beginning with a letter or digit'),
);

const notNames = new Set(['true', 'false', 'null', 'in']);

/** Names of fields and variables, as they stand in expressions. */
export const nameSchema = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'Use letters, digits and "_", at most 64, beginning with a letter'),
  v.check((name) => !notNames.has(name), 'This word has a meaning of its own in expressions: choose another name'),
);

/** A text that people read. */
export const textSchema = v.pipe(v.string(), v.maxLength(4096, 'Use at most 4,096 characters'));

/** A short text: titles, labels, reasons. */
export const labelSchema = v.pipe(
  v.string(),
  v.minLength(1, 'Write at least one character'),
  v.maxLength(200, 'Use at most 200 characters'),
);

/** Source of an expression; whether it can be computed is checked against fields and variables. */
export const expressionSchema = v.pipe(
  v.string(),
  v.minLength(1, 'Write an expression'),
  v.maxLength(expressionLimits.characters, `Use at most ${expressionLimits.characters} characters`),
);

/** An ISO 8601 duration of whole units. */
export const durationSchema = v.pipe(
  v.string(),
  v.check((text) => parseDuration(text) !== null, 'Write a duration such as PT30M, PT20H, P1D or P8W'),
);

/** How long something is kept: at least a day. */
export const retentionSchema = v.pipe(
  durationSchema,
  v.check((text) => parseDuration(text) === null || durationMs(text) >= 86_400_000, 'Keep it for at least P1D'),
);

/** A time of day, HH:MM. */
export const timeSchema = v.pipe(v.string(), v.regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'Write a time such as 07:30'));

/** A date, YYYY-MM-DD. */
export const dateSchema = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d{2}-\d{2}$/, 'Write a date such as 2026-11-21'),
  v.check((text) => !Number.isNaN(Date.parse(`${text}T00:00:00Z`)), 'Write a date that exists'),
);

/** A language, BCP 47. */
export const languageSchema = v.pipe(v.string(), v.regex(/^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$/, 'Write a language such as en or pt-BR'));

/** An IANA time zone the server knows. */
export const zoneSchema = v.pipe(v.string(), v.check(isZone, 'Write a time zone such as Europe/Lisbon'));

/** Where a value is kept: `contact.<field>` or `vars.<variable>`. */
export const placeSchema = v.pipe(
  v.string(),
  v.regex(/^(?:contact|vars)\.[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'Write contact.<field> or vars.<variable>'),
);

/** A time of day, or where one is kept. */
export const timeOrPlaceSchema = v.pipe(
  v.string(),
  v.regex(
    /^(?:(?:[01]\d|2[0-3]):[0-5]\d|(?:contact|vars)\.[A-Za-z_][A-Za-z0-9_]{0,63})$/,
    'Write a time such as 07:30, or contact.<field> or vars.<variable>',
  ),
);

/** The events a program may wait for or send itself from outside: `EVENT.<name>`. */
export const customEventSchema = v.pipe(
  v.string(),
  v.regex(/^EVENT\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'Write an event such as EVENT.paid'),
);
