/** Days named from today, as people say them: "tomorrow", "mañana", "nächsten Montag", "in three weeks", "5 de dezembro". */
import * as chrono from 'chrono-node';
import { readTime } from './spoken-times.ts';
import { fold, longestNumber, primary, readNumberWord } from './spoken-words.ts';

const parsers: Readonly<Record<string, { parse: typeof chrono.parse }>> = {
  en: chrono.en.GB,
  es: chrono.es,
  pt: chrono.pt,
  de: chrono.de,
  fr: chrono.fr,
};

/** Reads a day that is counted from the contact's today as YYYY-MM-DD; null when it is none, or `now` is not known. */
export function readNaturalDate(text: string, language: string, now: string | undefined): string | null {
  return readNatural(text, language, now, false)?.slice(0, 10) ?? null;
}

/** Reads a day and a time, such as `tomorrow at 7`, as YYYY-MM-DDTHH:MM; null when one of them is missing. */
export function readNaturalDateTime(text: string, language: string, now: string | undefined): string | null {
  if (text.length > longestNumber) return null;
  for (const gap of text.trim().matchAll(/,?\s+/g)) {
    const day = readNatural(text.trim().slice(0, gap.index), language, now, false);
    const time = day === null ? null : readTime(text.trim().slice(gap.index + gap[0].length), language);
    if (day !== null && time !== null) return `${day.slice(0, 10)}T${time}`;
  }
  return readNatural(text, language, now, true);
}

function readNatural(text: string, language: string, now: string | undefined, timed: boolean): string | null {
  if (now === undefined || text.length > longestNumber) return null;
  const words = text.trim().replace(/[.!]+$/, '');
  // The library works in the process's zone: the contact's wall clock is written in UTC and read back so.
  const reference = { instant: new Date(`${now}:00Z`), timezone: 0 };
  for (const known of new Set([primary(language), 'en'])) {
    const day = timed ? null : dayWord(words, known, now);
    const found = day ?? fromLibrary(parsers[known]?.parse(words, reference, { forwardDate: true }) ?? [], words, timed);
    if (found !== null) return found;
  }
  return null;
}

/** What the library found, where the words are the date and do not just hold one. */
function fromLibrary([found, more]: readonly chrono.ParsedResult[], words: string, timed: boolean): string | null {
  if (!found || more || found.end || found.index > 4 || words.length - found.text.length > 6) return null;
  const { start } = found;
  const isDay = start.isCertain('day') || start.isCertain('weekday');
  if (!isDay || (timed && !start.isCertain('hour'))) return null;
  const day = `${start.get('year')}-${two(start.get('month'))}-${two(start.get('day'))}`;
  return timed ? `${day}T${two(start.get('hour'))}:${two(start.get('minute'))}` : day;
}

const two = (value: number | null) => String(value ?? 0).padStart(2, '0');

/** Words for days that the library does not know in every language. */
const dayWords: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  en: { today: 0, tomorrow: 1, yesterday: -1, 'the day after tomorrow': 2 },
  es: { hoy: 0, manana: 1, ayer: -1, 'pasado manana': 2, anteayer: -2 },
  pt: { hoje: 0, amanha: 1, ontem: -1, 'depois de amanha': 2, anteontem: -2 },
  de: { heute: 0, morgen: 1, gestern: -1, ubermorgen: 2, vorgestern: -2 },
  fr: { 'aujourd hui': 0, demain: 1, hier: -1, 'apres demain': 2, 'avant hier': -2 },
};

const weekdayWords: Readonly<Record<string, readonly string[]>> = {
  en: 'monday tuesday wednesday thursday friday saturday sunday'.split(' '),
  es: 'lunes martes miercoles jueves viernes sabado domingo'.split(' '),
  pt: 'segunda terca quarta quinta sexta sabado domingo'.split(' '),
  de: 'montag dienstag mittwoch donnerstag freitag samstag sonntag'.split(' '),
  fr: 'lundi mardi mercredi jeudi vendredi samedi dimanche'.split(' '),
};

const around: Readonly<Record<string, RegExp>> = {
  en: /^(?:(?:on|next|this|coming) )?(\p{L}+)$/u,
  es: /^(?:el )?(?:proximo |este )?(\p{L}+)(?: que viene| proximo)?$/u,
  pt: /^(?:na |no )?(?:proxima |proximo |esta |este )?(\p{L}+?)(?: feira)?(?: que vem)?$/u,
  de: /^(?:am )?(?:nachsten |kommenden |diesen )?(\p{L}+)$/u,
  fr: /^(?:le )?(\p{L}+)(?: prochain)?$/u,
};

/** Days by one word, and weekdays: always the next of its name, today not counted. */
function dayWord(text: string, language: string, now: string): string | null {
  const folded = fold(text);
  const words = dayWords[language] ?? {};
  if (Object.hasOwn(words, folded)) return shifted(now, words[folded] ?? 0);
  const ahead = language === 'pt' ? daysAhead(folded) : null;
  if (ahead !== null) return shifted(now, ahead);
  const weekday = weekdayWords[language]?.indexOf(around[language]?.exec(folded)?.[1] ?? '') ?? -1;
  if (weekday < 0) return null;
  const today = (new Date(`${now.slice(0, 10)}T00:00:00Z`).getUTCDay() + 6) % 7;
  return shifted(now, ((weekday - today + 6) % 7) + 1);
}

/** The days ahead of what the library does not know in Portuguese: "em 3 dias", "daqui a duas semanas". */
function daysAhead(folded: string): number | null {
  const [, count = '', unit = ''] = /^(?:em|daqui a|dentro de) (\p{L}+|\d{1,3}) (dias?|semanas?)$/u.exec(folded) ?? [];
  const number = /^\d/.test(count) ? Number(count) : readNumberWord(count, 'pt');
  return number === null ? null : number * (unit.startsWith('semana') ? 7 : 1);
}

function shifted(now: string, days: number): string {
  return new Date(Date.parse(`${now.slice(0, 10)}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}
