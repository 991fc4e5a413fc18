/** Content: what is said, in each language, with other wordings for channels and for trials of one against another. */
import * as v from 'valibot';
import { bucketOf, contentSalt } from './buckets.ts';
import { idSchema, labelSchema, textSchema } from './names.ts';
import type { Scope } from './scope.ts';

const titleSchema = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
const buttonSchema = v.strictObject({ id: idSchema, title: titleSchema });
const rowSchema = v.strictObject({ id: idSchema, title: titleSchema, description: v.optional(labelSchema) });

/** A list that opens: channels that cannot show one show its rows as buttons or numbered text. */
const listSchema = v.strictObject({
  title: titleSchema,
  sections: v.pipe(
    v.array(
      v.strictObject({
        title: v.optional(titleSchema),
        rows: v.pipe(v.array(rowSchema), v.minLength(1, 'Name at least one row'), v.maxLength(25)),
      }),
    ),
    v.minLength(1, 'Name at least one section'),
    v.maxLength(10),
  ),
});

/** A WhatsApp template, as its owner registered it. */
export const templateSchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9_]{1,512}$/)),
  language: v.pipe(v.string(), v.regex(/^[a-z]{2,3}(?:_[A-Za-z]{2,4})?$/)),
  variables: v.optional(v.pipe(v.array(textSchema), v.maxLength(30))),
});

const parts = {
  hint: v.optional(textSchema),
  buttons: v.optional(v.pipe(v.array(buttonSchema), v.minLength(1), v.maxLength(25))),
  list: v.optional(listSchema),
  media: v.optional(
    v.strictObject({
      url: v.pipe(v.string(), v.url(), v.startsWith('https://', 'Use an https:// address'), v.maxLength(2000)),
      kind: v.picklist(['image', 'audio', 'video', 'file']),
      alt: v.optional(labelSchema),
    }),
  ),
  template: v.optional(templateSchema),
};
const changed = { text: v.optional(textSchema), ...parts };
const channels = v.optional(v.record(idSchema, v.strictObject(changed)));

/** Content in one language. What a variant or a channel says stands in place of the same part; the channel has the last word. */
export const contentSchema = v.strictObject({
  text: textSchema,
  ...parts,
  channels,
  variants: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          id: idSchema,
          weight: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1_000_000))),
          ...changed,
          channels,
        }),
      ),
      v.minLength(2, 'Name at least two variants'),
      v.maxLength(20),
    ),
  ),
});

/** Content in one language. */
export type Content = v.InferOutput<typeof contentSchema>;
/** Content as it is said: one variant, on one channel. */
export type Wording = Omit<Content, 'channels' | 'variants'>;
/** The parts of a wording that a variant or a channel says. */
type Change = v.InferOutput<v.StrictObjectSchema<typeof changed, undefined>>;

/** The wording for a contact on the conversation's channel: in their language, in its primary one, else in the first fallback that has it; undefined where there is none. */
export function wordingFor(
  name: string,
  languages: Readonly<Record<string, Content>>,
  { contact, conversation }: Scope,
  fallbacks: readonly string[],
): Wording | undefined {
  const content = inLanguage(languages, contact.language, fallbacks);
  if (!content?.variants && !content?.channels) return content;
  const weights = Object.fromEntries((content.variants ?? []).map(({ id, weight }) => [id, weight ?? 1]));
  const chosen = content.variants ? bucketOf(contact, { salt: contentSalt(name), weights }) : null;
  const variant = content.variants?.find(({ id }) => id === chosen);
  const ofChannel = (from: Content['channels']) => (from && Object.hasOwn(from, conversation.channel) ? from[conversation.channel] : {});
  // A part that is left out is no key of these: nothing overlays the text with nothing.
  return { ...content, ...variant, ...ofChannel(content.channels), ...ofChannel(variant?.channels) } as Wording;
}

function inLanguage(
  content: Readonly<Record<string, Content>>,
  language: string | null,
  fallbacks: readonly string[],
): Content | undefined {
  const wanted = language === null ? [] : [language, language.split('-', 1)[0] ?? ''];
  const found = [...wanted, ...fallbacks].find((candidate) => Object.hasOwn(content, candidate));
  return found === undefined ? undefined : content[found];
}

/** The language in which a program speaks to a contact: theirs, or its primary one, where it is among the program's, else the program's first. */
export function spokenLanguage(languages: readonly string[], language: string | null): string | null {
  const wanted = language === null ? [] : [language, language.split('-', 1)[0]];
  return wanted.find((one) => one !== undefined && languages.includes(one)) ?? languages[0] ?? language;
}

/** Every wording of a content in one language, with pointers from it: itself, its channels', its variants'. */
export function wordingsOf(content: Content): readonly { wording: Change; at: string }[] {
  const { channels: own = {}, variants = [], ...base } = content;
  const among = (from: NonNullable<Content['channels']>, at: string) =>
    Object.entries(from).map(([channel, wording]) => ({ wording, at: `${at}/channels/${channel}` }));
  return [
    { wording: base, at: '' },
    ...among(own, ''),
    ...variants.flatMap(({ channels: others = {}, ...wording }, index) => [
      { wording, at: `/variants/${index}` },
      ...among(others, `/variants/${index}`),
    ]),
  ];
}

/** What of a wording is a template to be filled in, with pointers from it. */
export function templatesOf({ text, hint, buttons = [], list, template }: Change): readonly { source: string; at: string }[] {
  return [
    ...(text === undefined ? [] : [{ source: text, at: '/text' }]),
    ...(hint === undefined ? [] : [{ source: hint, at: '/hint' }]),
    ...buttons.map(({ title }, index) => ({ source: title, at: `/buttons/${index}/title` })),
    ...(list?.sections ?? []).flatMap(({ rows }, section) =>
      rows.flatMap(({ title, description = '' }, row) => [
        { source: title, at: `/list/sections/${section}/rows/${row}/title` },
        { source: description, at: `/list/sections/${section}/rows/${row}/description` },
      ]),
    ),
    ...(template?.variables ?? []).map((source, index) => ({ source, at: `/template/variables/${index}` })),
  ];
}
