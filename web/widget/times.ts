/** Days and times of day as the person's locale writes them. */
import type { Words } from './words.ts';

/** Hour and minute. */
export function timeOfDay(at: number, language: string): string {
  return Number.isNaN(at) ? '' : new Intl.DateTimeFormat(locale(language), { timeStyle: 'short' }).format(at);
}

/** Today, yesterday, the weekday within a week, else the date. Days are the browser's own. */
export function dayName(at: number, now: number, language: string, words: Words): string {
  const days = Math.round((startOfDay(now) - startOfDay(at)) / 86_400_000);
  if (days === 0) return words.today;
  if (days === 1) return words.yesterday;
  const form: Intl.DateTimeFormatOptions = days > 1 && days < 7 ? { weekday: 'long' } : { day: 'numeric', month: 'long', year: 'numeric' };
  return new Intl.DateTimeFormat(locale(language), form).format(at);
}

function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}

/** The tag when the browser knows its shape; a creator may have configured anything. */
export function locale(language: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(language)[0];
  } catch {
    return undefined;
  }
}
