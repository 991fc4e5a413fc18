/** Times and dates as people write them, in English and the plain forms of Spanish, Portuguese, German and French. */
import { fold, longestNumber, primary, readNumberWord } from './spoken-words.ts';

const two = (value: number) => String(value).padStart(2, '0');

function clock(hour: number, minute: number): string | null {
  return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 ? `${two(hour)}:${two(minute)}` : null;
}

/** Reads a time of day as HH:MM: `7:00`, `7`, `07.30`, `7am`, `half past seven`, `halb acht`, `7 e meia`; null when it is none. */
export function readTime(text: string, language: string): string | null {
  if (text.length > longestNumber) return null;
  const trimmed = text
    .trim()
    .toLowerCase()
    .replace(/^(?:at|um|a las|a la|as|às|à)\s+/, '');
  // Folding would lose the sign of what is no time.
  return /^[-+−]/.test(trimmed) ? null : (readDigits(trimmed) ?? readWords(fold(trimmed), language));
}

const half = /^([ap])\.?\s?m\.?$/;

function readDigits(text: string): string | null {
  const match =
    /^(\d{1,2})(?:\s?[:.h]\s?(\d{2})?|\s(\d{2})|(?<=\d\d)(\d{2}))?\s*([ap]\.?\s?m\.?|uhr|o'?clock|h|hours?|horas?|heures?)?$/.exec(text);
  if (!match) return null;
  const minute = Number(match[2] ?? match[3] ?? match[4] ?? 0);
  return clock(onTheDay(Number(match[1]), half.exec(match[5] ?? '')?.[1]), minute);
}

/** The hour on the day of a 12 hour clock; NaN for 0 and 13 and more with am or pm. */
function onTheDay(hour: number, period: string | undefined): number {
  if (period === undefined) return hour;
  if (hour < 1 || hour > 12) return Number.NaN;
  return (hour % 12) + (period === 'p' ? 12 : 0);
}

const noon: Readonly<Record<string, string>> = {
  noon: '12:00',
  midday: '12:00',
  midnight: '00:00',
  mediodia: '12:00',
  medianoche: '00:00',
  'meio dia': '12:00',
  'meia noite': '00:00',
  mittag: '12:00',
  mittags: '12:00',
  mitternacht: '00:00',
  midi: '12:00',
  minuit: '00:00',
};

/** Part of the day behind a time → whether it is the second half of the day. */
const partsOfDay: readonly [RegExp, boolean][] = [
  [/ (?:in the morning|de la manana|da manha|morgens|fruh|du matin|am|a m)$/, false],
  [
    / (?:in the (?:afternoon|evening)|at night|de la (?:tarde|noche)|da (?:tarde|noite)|nachmittags|abends|de l apres midi|du soir|pm|p m)$/,
    true,
  ],
];

function readWords(folded: string, language: string): string | null {
  if (Object.hasOwn(noon, folded)) return noon[folded] as string;
  const part = partsOfDay.find(([pattern]) => pattern.test(folded));
  const words = part ? folded.replace(part[0], '') : folded;
  const spoken = readSpoken(words.replace(/ (?:o clock|uhr|heures?|horas?|en punto|em ponto)$/, ''), language);
  if (spoken === null) return null;
  const [hour, minute] = spoken;
  const isLater = part?.[1] === true && hour < 12;
  return clock(part?.[1] === false && hour === 12 ? 0 : isLater ? hour + 12 : hour, minute);
}

/** What a phrase does to the hour it names: minutes after it, or before it when negative. */
const phrases: Readonly<Record<string, readonly [RegExp, number][]>> = {
  en: [
    [/^half (?:past )?(.+)$/, 30],
    [/^(?:a )?quarter (?:past|after) (.+)$/, 15],
    [/^(?:a )?quarter (?:to|before|of) (.+)$/, -15],
    [/^(.+) thirty$/, 30],
    [/^(.+) fifteen$/, 15],
    [/^(.+) forty ?five$/, 45],
  ],
  es: [
    [/^(?:las? )?(.+) y media$/, 30],
    [/^(?:las? )?(.+) y cuarto$/, 15],
    [/^(?:las? )?(.+) menos cuarto$/, -15],
    [/^las? (.+)$/, 0],
  ],
  pt: [
    [/^(?:as )?(.+?)(?: horas?)? e meia$/, 30],
    [/^(?:as )?(.+?)(?: horas?)? e (?:um )?quarto$/, 15],
    [/^(?:um )?quarto para as (.+)$/, -15],
  ],
  de: [
    [/^halb (.+)$/, -30],
    [/^viertel nach (.+)$/, 15],
    [/^viertel vor (.+)$/, -15],
    [/^(.+) uhr (?:dreißig|dreissig)$/, 30],
  ],
  fr: [
    [/^(.+?)(?: heures?| h)? et demie?$/, 30],
    [/^(.+?)(?: heures?| h)? et quart$/, 15],
    [/^(.+?)(?: heures?| h)? moins le quart$/, -15],
  ],
};

function readSpoken(words: string, language: string): readonly [hour: number, minute: number] | null {
  for (const known of new Set([primary(language), 'en'])) {
    for (const [pattern, minutes] of phrases[known] ?? []) {
      const hour = hourOf(pattern.exec(words)?.[1], language);
      if (hour !== null) return minutes >= 0 ? [hour, minutes] : [(hour + 23) % 24, 60 + minutes];
    }
  }
  const hour = hourOf(words, language);
  return hour === null ? null : [hour, 0];
}

function hourOf(word: string | undefined, language: string): number | null {
  if (word === undefined) return null;
  return /^\d{1,2}$/.test(word) ? Number(word) : readNumberWord(word, language);
}

const months: Readonly<Record<string, readonly string[]>> = {
  en: 'january february march april may june july august september october november december'.split(' '),
  es: 'enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre'.split(' '),
  pt: 'janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro'.split(' '),
  de: 'januar februar marz april mai juni juli august september oktober november dezember'.split(' '),
  fr: 'janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre'.split(' '),
};

/** Reads a date as YYYY-MM-DD: `2026-11-21`, `21.11.2026`, `21/11/2026` (`11/21/2026` in en-US), `21 November 2026`; null when it is none. */
export function readDate(text: string, language: string): string | null {
  if (text.length > longestNumber) return null;
  const iso = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})$/.exec(text.trim());
  if (iso) return calendarDate(Number(iso[1]), Number(iso[2]), Number(iso[3]));
  const numeric = /^(\d{1,2})[-/.\s](\d{1,2})[-/.\s](\d{4})$/.exec(text.trim());
  if (!numeric) return readNamedDate(fold(text), language);
  const [first, second, year] = numeric.slice(1).map(Number) as [number, number, number];
  const isMonthFirst = language === 'en-US' && text.includes('/') && first <= 12;
  return isMonthFirst ? calendarDate(year, first, second) : calendarDate(year, second, first);
}

function readNamedDate(folded: string, language: string): string | null {
  const match =
    /^(?:el |le |am )?(\d{1,2})(?:st|nd|rd|th|er)? (?:de |of )?(\p{L}{3,10}) (?:de |del )?(\d{4})$/u.exec(folded) ??
    /^(?<month>\p{L}{3,10}) (?<day>\d{1,2})(?:st|nd|rd|th)? (?<year>\d{4})$/u.exec(folded);
  if (!match) return null;
  const { day = match[1], month = match[2], year = match[3] } = match.groups ?? {};
  const index = monthOf(month ?? '', language);
  return index === null ? null : calendarDate(Number(year), index, Number(day));
}

function monthOf(word: string, language: string): number | null {
  for (const known of [primary(language), 'en']) {
    const index = months[known]?.findIndex((month) => month === word || (word.length === 3 && month.startsWith(word))) ?? -1;
    if (index >= 0) return index + 1;
  }
  return null;
}

function calendarDate(year: number, month: number, day: number): string | null {
  const date = new Date(Date.UTC(year, month - 1, day));
  const exists = year >= 1900 && year <= 2200 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return exists ? `${year}-${two(month)}-${two(day)}` : null;
}

/** Reads a date and a time as YYYY-MM-DDTHH:MM, local: `2026-11-21 7:30`, `21.11.2026 at 7am`; null when it is none. */
export function readDateTime(text: string, language: string): string | null {
  if (text.length > longestNumber) return null;
  const trimmed = text.trim();
  for (const gap of trimmed.matchAll(/,?[\sT]+/g)) {
    const date = readDate(trimmed.slice(0, gap.index), language);
    const time = date === null ? null : readTime(trimmed.slice(gap.index + gap[0].length), language);
    if (date !== null && time !== null) return `${date}T${time}`;
  }
  return null;
}
