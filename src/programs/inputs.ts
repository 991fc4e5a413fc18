/** What a question takes as its answer: the declared inputs and how natural entry is read. */
import * as v from 'valibot';
import type { Attachment } from '../message.ts';
import type { ValueType } from './expressions.ts';
import { idSchema, labelSchema } from './names.ts';
import type { Json } from './scope.ts';
import { readNaturalDate, readNaturalDateTime } from './spoken-dates.ts';
import { readDate, readDateTime, readTime } from './spoken-times.ts';
import { digits, fold, readNumber, readYesNo, skipWordsOf, withoutCourtesy } from './spoken-words.ts';

const limit = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(4096)));
const options = v.pipe(
  v.array(v.strictObject({ id: idSchema, title: labelSchema })),
  v.minLength(2, 'Offer at least two options'),
  v.maxLength(50),
);
const option = { options };
/** Whether the question may be skipped: with the usual words, or with words of its own. */
const skip = v.optional(v.union([v.boolean(), v.pipe(v.array(labelSchema), v.minLength(1, 'Name at least one word'), v.maxLength(20))]));

/** The shape of each input by its type. */
const shapes = {
  text: v.strictObject({ type: v.literal('text'), minLength: limit, maxLength: limit, skip }),
  number: v.strictObject({
    type: v.literal('number'),
    min: v.optional(v.number()),
    max: v.optional(v.number()),
    integer: v.optional(v.boolean()),
    unit: v.optional(labelSchema),
    skip,
  }),
  date: v.strictObject({ type: v.literal('date'), skip }),
  time: v.strictObject({ type: v.literal('time'), skip }),
  datetime: v.strictObject({ type: v.literal('datetime'), skip }),
  phone: v.strictObject({ type: v.literal('phone'), skip }),
  email: v.strictObject({ type: v.literal('email'), skip }),
  yesNo: v.strictObject({ type: v.literal('yesNo'), skip }),
  choice: v.strictObject({ type: v.literal('choice'), ...option, skip }),
  choices: v.strictObject({ type: v.literal('choices'), ...option, min: limit, max: limit, skip }),
  scale: v.strictObject({
    type: v.literal('scale'),
    min: v.pipe(v.number(), v.integer()),
    max: v.pipe(v.number(), v.integer()),
    labels: v.optional(v.record(v.string(), labelSchema)),
    skip,
  }),
  mood: v.strictObject({ type: v.literal('mood'), skip }),
  file: v.strictObject({ type: v.literal('file'), skip }),
  image: v.strictObject({ type: v.literal('image'), skip }),
  voice: v.strictObject({ type: v.literal('voice'), skip }),
  location: v.strictObject({ type: v.literal('location'), skip }),
  consent: v.strictObject({ type: v.literal('consent'), kind: idSchema }),
} as const;

/** The schema of an input. */
export const inputSchema = v.variant('type', [
  shapes.text,
  shapes.number,
  shapes.date,
  shapes.time,
  shapes.datetime,
  shapes.phone,
  shapes.email,
  shapes.yesNo,
  shapes.choice,
  shapes.choices,
  shapes.scale,
  shapes.mood,
  shapes.file,
  shapes.image,
  shapes.voice,
  shapes.location,
  shapes.consent,
]);

/** An input as declared. */
export type Input = v.InferOutput<typeof inputSchema>;

/** The answer as a value, or that it was not understood. */
export type Answer = { ok: true; value: Json } | { ok: false };

const no: Answer = { ok: false };
const yes = (value: Json | null): Answer => (value === null ? no : { ok: true, value });

/** The type of what an input gives. */
export function valueTypeOfInput(input: Input): ValueType {
  switch (input.type) {
    case 'number':
    case 'scale':
    case 'mood':
      return 'double';
    case 'yesNo':
    case 'consent':
      return 'bool';
    case 'choices':
      return 'list<string>';
    default:
      return 'string';
  }
}

/** What came with a text: files, and what the clock of the contact shows, YYYY-MM-DDTHH:MM. */
export interface Circumstances {
  attachments?: readonly Attachment[];
  now?: string;
}

/** Readers by type; each sees the trimmed text with digits of every script as 0–9. */
const readers: {
  [Type in Input['type']]: (input: Extract<Input, { type: Type }>, text: string, language: string, given: Circumstances) => Answer;
} = {
  text: ({ minLength = 1, maxLength = 4096 }, text) => (text.length >= minLength && text.length <= maxLength ? yes(text) : no),
  number: ({ min, max, integer }, text, language) => {
    const number = readNumber(text, language);
    return number === null || (integer && !Number.isInteger(number)) ? no : within(number, min, max);
  },
  date: (_input, text, language, { now }) => yes(readDate(text, language) ?? readNaturalDate(text, language, now)),
  time: (_input, text, language) => yes(readTime(text, language)),
  datetime: (_input, text, language, { now }) => yes(readDateTime(text, language) ?? readNaturalDateTime(text, language, now)),
  phone: (_input, text) => yes(readPhone(text)),
  email: (_input, text) => yes(readEmail(text)),
  yesNo: (_input, text, language) => yes(readYesNo(text, language)),
  choice: (input, text) => yes(chosen(input.options, text)),
  choices: (input, text) => readChoices(input, text),
  scale: ({ min, max, labels }, text, language) => {
    const labelled = Object.entries(labels ?? {}).find(([, label]) => fold(label) === fold(text));
    const number = labelled ? Number(labelled[0]) : readNumber(text, language);
    return number === null || !Number.isInteger(number) ? no : within(number, min, max);
  },
  mood: (_input, text, language) => {
    const index = moods.findIndex((faces) => faces.some((face) => text.startsWith(face)));
    const number = index >= 0 ? index + 1 : readNumber(text, language);
    return number === null || !Number.isInteger(number) ? no : within(number, 1, 5);
  },
  file: (_input, _text, _language, given) => yes(attached(given, ['file', 'image', 'audio', 'video'])),
  image: (_input, _text, _language, given) => yes(attached(given, ['image'])),
  voice: (_input, _text, _language, given) => yes(attached(given, ['audio'])),
  location: (_input, text) => yes(readLocation(text)),
  consent: (_input, text, language) => yes(readYesNo(text, language)),
};

/** The id of the first file of one of these kinds. */
function attached({ attachments = [] }: Circumstances, kinds: readonly Attachment['kind'][]): string | null {
  return attachments.find(({ kind }) => kinds.includes(kind))?.id ?? null;
}

/** A place as `latitude,longitude` in degrees: written so, or as a `geo:` address (RFC 5870). */
function readLocation(text: string): string | null {
  const match = /^(?:geo:)?\s*(-?\d{1,3}(?:\.\d{1,10})?)\s*[,;]\s*(-?\d{1,3}(?:\.\d{1,10})?)(?:[,;?].{0,200})?$/i.exec(text);
  const [latitude, longitude] = [Number(match?.[1]), Number(match?.[2])];
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? `${latitude},${longitude}` : null;
}

/** Whether a text asks to skip a question that may be skipped. */
export function isSkipped(input: Input, text: string, language: string): boolean {
  const words = 'skip' in input ? input.skip : undefined;
  if (words === undefined || words === false) return false;
  const known = words === true ? skipWordsOf(language) : words;
  return known.some((word) => fold(word) === fold(text));
}

/** Faces from 1 (very bad) to 5 (very good). */
const moods = [
  ['😢', '😭', '😞', '😩', '😫'],
  ['🙁', '☹', '😕', '😔', '😟'],
  ['😐', '😑', '🙃'],
  ['🙂', '😊', '☺', '👍'],
  ['😀', '😃', '😄', '😁', '🤩', '😍', '🥳'],
];

function within(number: number, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Answer {
  return number >= min && number <= max ? yes(number) : no;
}

function readPhone(text: string): string | null {
  const compact = text.replace(/[\s().\-/]/g, '').replace(/^00/, '+');
  return /^\+?[1-9]\d{6,14}$|^0\d{6,14}$/.test(compact) ? compact : null;
}

function readEmail(text: string): string | null {
  const schema = v.pipe(v.string(), v.maxLength(254), v.email());
  return v.is(schema, text) ? text.toLowerCase() : null;
}

type Options = v.InferOutput<typeof options>;

/** The option a text names: by its id, its title or its number in the list. */
function chosen(offered: Options, text: string): string | null {
  const folded = fold(text);
  const named = offered.find(({ id, title }) => fold(title) === folded || fold(id) === folded);
  if (named) return named.id;
  return /^\d{1,2}[.)]?$/.test(text) ? (offered[Number.parseInt(text, 10) - 1]?.id ?? null) : null;
}

/** What parts the options of a list from each other. */
const between = /([,;&+\n]|\s(?:and|y|e|und|et)\s)/i;

/** A list is taken apart, but an option that itself looks like a list stays whole. */
function readChoices(input: Extract<Input, { type: 'choices' }>, text: string): Answer {
  const pieces = text.split(between);
  const longest = Math.max(...input.options.map(({ title }) => title.split(between).length));
  const ids = new Set<string>();
  for (let at = 0; at < pieces.length; ) {
    const named = longestChosen(input.options, pieces.slice(at, at + longest));
    if (named === null) return no;
    if (named.id !== '') ids.add(named.id);
    // Every other piece is what stands between two.
    at += named.pieces + 1;
  }
  return ids.size >= (input.min ?? 1) && ids.size <= (input.max ?? input.options.length) ? yes([...ids]) : no;
}

/** The option that most of the first pieces name, and how many they are; an empty id where nothing stands between two separators. */
function longestChosen(offered: Options, pieces: readonly string[]): { id: string; pieces: number } | null {
  if (pieces[0]?.trim() === '') return { id: '', pieces: 1 };
  for (let count = pieces.length - ((pieces.length + 1) % 2); count > 0; count -= 2) {
    const id = chosen(offered, pieces.slice(0, count).join('').trim());
    if (id !== null) return { id, pieces: count };
  }
  return null;
}

/**
 * Reads an answer in the words of a language (BCP 47; English where nothing is known of it).
 *
 * Values: text, date YYYY-MM-DD, time HH:MM, datetime YYYY-MM-DDTHH:MM (local), phone, email, choice id, id of a file, `latitude,longitude` as text · number, scale, mood (1–5)
 * as number · yesNo, consent as boolean · choices as a list of ids.
 */
export function readAnswer(input: Input, text: string, language: string, given: Circumstances = {}): Answer {
  const trimmed = digits(text.slice(0, 4096)).trim();
  const isWordless = (given.attachments?.length ?? 0) > 0 || (input.type === 'choices' && input.min === 0);
  if (trimmed === '' && !isWordless) return no;
  const read = readers[input.type] as (input: Input, text: string, language: string, given: Circumstances) => Answer;
  if (input.type === 'text') return read(input, text.slice(0, 4096).trim(), language, given);
  const answer = read(input, trimmed, language, given);
  const plain = withoutCourtesy(trimmed);
  return answer.ok || plain === trimmed ? answer : read(input, plain, language, given);
}
