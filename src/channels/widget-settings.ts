/** A creator's widget configuration: how it looks, what it says, and on which sites it may run. */
import * as v from 'valibot';
import { isOrigin } from './origin.ts';

const ShortText = v.optional(v.pipe(v.string(), v.maxLength(300)), '');

/** Paths of the host page; `*` stands for anything. */
const Paths = v.optional(
  v.pipe(v.array(v.pipe(v.string(), v.regex(/^\/[^\s?#]{0,299}$/, 'Expected a path such as "/blog/*"'))), v.maxLength(50)),
  [],
);

const entries = {
  theme: v.optional(
    v.strictObject({
      /** Empty means the widget's own colour. */
      accent: v.optional(v.pipe(v.string(), v.regex(/^(#[0-9a-f]{6})?$/i, 'Expected a colour such as "#1f6f5c"')), ''),
      scheme: v.optional(v.picklist(['auto', 'light', 'dark']), 'auto'),
    }),
    {},
  ),
  /** Empty texts mean the widget's own words, in the contact's language. */
  texts: v.optional(
    v.strictObject({ title: ShortText, subtitle: ShortText, greeting: ShortText, placeholder: ShortText, launcher: ShortText }),
    {},
  ),
  /** BCP 47, the first one is the fallback; empty means any. */
  languages: v.optional(
    v.pipe(v.array(v.pipe(v.string(), v.check(isLanguage, 'Expected a language tag such as "pt-PT"'))), v.maxLength(20)),
    [],
  ),
  /** A picture beside the title, as `https://…`; empty for none. */
  avatar: v.optional(
    v.union([v.literal(''), v.pipe(v.string(), v.url(), v.startsWith('https://', 'Expected an https:// address'), v.maxLength(2000))]),
    '',
  ),
  /** On which pages of a site the bubble is shown: on all but `hide`, or only on `show` where that names any. */
  pages: v.optional(v.strictObject({ show: Paths, hide: Paths }), {}),
  /** Seconds after which the bubble opens by itself, once a visit; null for never. */
  open_after_s: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(3600))), null),
  position: v.optional(v.picklist(['left', 'right']), 'right'),
  /** The program a new conversation begins with; null leaves it to the programs' own entries. */
  entry: v.optional(v.nullable(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_-]{0,63}$/i))), null),
  /** Sites that may run the widget; the server's own pages always may. */
  allowed_origins: v.optional(
    v.pipe(v.array(v.pipe(v.string(), v.check(isOrigin, 'Expected an origin such as "https://coach.example"'))), v.maxLength(50)),
    [],
  ),
};

/** The configuration as a member writes it: whole, unknown keys refused, missing parts get their defaults. */
export const WidgetSettings = v.strictObject(entries);
export type WidgetSettings = v.InferOutput<typeof WidgetSettings>;

/** The configuration as members read it. `version` grows with each change, 0 before the first. */
export const VersionedSettings = v.strictObject({ ...entries, version: v.number() });
export type VersionedSettings = v.InferOutput<typeof VersionedSettings>;

/** What anybody may know: all but the list of sites. */
export const WidgetConfig = v.omit(VersionedSettings, ['allowed_origins']);
export type WidgetConfig = v.InferOutput<typeof WidgetConfig>;

/** The public part of the configuration. */
export function publicConfig({ allowed_origins: _, ...config }: VersionedSettings): WidgetConfig {
  return config;
}

/** Whether the text is a well-formed BCP 47 language tag. */
export function isLanguage(text: string): boolean {
  if (text.length > 35) return false;
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    // getCanonicalLocales tells an ill-formed tag by throwing a RangeError.
    return false;
  }
}

/** Whether the text names a zone of the IANA database, such as `Europe/Lisbon`. Offsets such as `+01:00` do not. */
export function isZone(text: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/.test(text) || text.length > 64) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    // DateTimeFormat tells an unknown zone by throwing a RangeError.
    return false;
  }
}
