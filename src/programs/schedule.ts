/** Calendar arithmetic of programs: ISO 8601 durations, local times in IANA zones with daylight saving, weekdays and quiet hours. */

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** An ISO 8601 duration: whole months and days move along the local calendar, the rest is exact. */
export interface Duration {
  months: number;
  days: number;
  ms: number;
}

/** A wall clock reading; `month` 1–12, `weekday` 1 (Monday) – 7 (Sunday). */
export interface LocalTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  weekday: number;
}

/** From when to when nothing proactive is sent, local times HH:MM; `from` after `to` spans midnight. */
export interface QuietHours {
  from: string;
  to: string;
}

const durationPattern =
  /^P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?$/;

/** Reads an ISO 8601 duration of whole units, such as `P1DT2H`, `PT30M` or `P8W`; null when it is none. */
export function parseDuration(text: string): Duration | null {
  const match = durationPattern.exec(text);
  if (!match || text.endsWith('P') || text.endsWith('T')) return null;
  const [years, months, weeks, days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { months: years * 12 + months, days: weeks * 7 + days, ms: hours * hourMs + minutes * minuteMs + seconds * 1000 };
}

/**
 * The length of a duration in milliseconds, a day counted as 24 hours and a month as 30 days.
 *
 * @throws RangeError when `text` is no ISO 8601 duration of whole units
 */
export function durationMs(text: string): number {
  const duration = requireDuration(text);
  return (duration.months * 30 + duration.days) * dayMs + duration.ms;
}

function requireDuration(text: string): Duration {
  const duration = parseDuration(text);
  if (!duration) throw new RangeError(`Cannot parse duration "${text}"`);
  return duration;
}

/**
 * The instant a duration after another, or before it with `sign` -1. Months and days keep the local time of day, hours and less are exact.
 *
 * @throws RangeError when `text` is no ISO 8601 duration of whole units
 */
export function addDuration(instant: number, text: string, zone: string, sign: 1 | -1 = 1): number {
  const duration = requireDuration(text);
  const [months, days, ms] = [sign * duration.months, sign * duration.days, sign * duration.ms];
  if (months === 0 && days === 0) return instant + ms;
  const local = localTime(instant, zone);
  const moved = new Date(Date.UTC(local.year, local.month - 1 + months, 1));
  const lastDay = new Date(Date.UTC(moved.getUTCFullYear(), moved.getUTCMonth() + 1, 0)).getUTCDate();
  moved.setUTCDate(Math.min(local.day, lastDay) + days);
  const date = moved.toISOString().slice(0, 10);
  const withinMinute = instant - Math.floor(instant / minuteMs) * minuteMs;
  return instantOf(date, `${two(local.hour)}:${two(local.minute)}`, zone) + withinMinute + ms;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    // Intl takes names in any case, so that their number is not bounded by the number of zones.
    if (formats.size >= 1000) formats.clear();
    formats.set(zone, format);
  }
  return format;
}

/** Whether the runtime knows `zone` as an IANA time zone. */
export function isZone(zone: string): boolean {
  if (zone.length > 64) return false;
  try {
    formatOf(zone);
    return true;
  } catch {
    // Intl answers an unknown zone with a RangeError and has no other way to ask.
    return false;
  }
}

/** Readings of late: at one moment many conversations ask for the same, and Intl takes microseconds for each. */
const readings = new Map<string, LocalTime>();

/** The wall clock reading of an instant in a zone. @throws RangeError for an unknown zone */
export function localTime(instant: number, zone: string): LocalTime {
  const name = `${Math.floor(instant / 1000)} ${zone}`;
  const known = readings.get(name);
  if (known) return known;
  const reading = readClock(instant, zone);
  if (readings.size >= 1000) readings.clear();
  readings.set(name, reading);
  return reading;
}

function readClock(instant: number, zone: string): LocalTime {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(instant)) if (type !== 'literal') parts[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = parts;
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7;
  return { year, month, day, hour, minute, second, weekday };
}

/** The local date of an instant, YYYY-MM-DD. */
export function localDate(instant: number, zone: string): string {
  const { year, month, day } = localTime(instant, zone);
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
}

/** The local time of day of an instant, HH:MM. */
export function localClock(instant: number, zone: string): string {
  const { hour, minute } = localTime(instant, zone);
  return `${two(hour)}:${two(minute)}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** How far the zone's wall clock is ahead of UTC at an instant, milliseconds. */
function offsetMs(instant: number, zone: string): number {
  const { year, month, day, hour, minute, second } = localTime(instant, zone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1000) * 1000;
}

/**
 * The instant of a local date (YYYY-MM-DD) and time (HH:MM). A time skipped by daylight saving moves forward by the
 * skipped hour, a doubled one is the first of the two (RFC 5545 §3.3.5).
 */
export function instantOf(date: string, time: string, zone: string): number {
  const wall = Date.parse(`${date}T${time}:00Z`);
  const before = offsetMs(wall - dayMs, zone);
  const after = offsetMs(wall + dayMs, zone);
  if (before === after) return wall - before;
  const first = wall - Math.max(before, after);
  if (first + offsetMs(first, zone) === wall) return first;
  const second = wall - Math.min(before, after);
  if (second + offsetMs(second, zone) === wall) return second;
  return wall - before;
}

/** The date `days` later, or earlier when negative, YYYY-MM-DD. */
export function shiftLocalDate(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * dayMs).toISOString().slice(0, 10);
}

/** The weekday of a date, 1 (Monday) – 7 (Sunday). */
export function weekdayOf(date: string): number {
  return new Date(`${date}T00:00:00Z`).getUTCDay() || 7;
}

/** What a moment of every day is: its local time, moved by `plus`, on some weekdays only (1 = Monday). */
export interface DailyRule {
  time: string;
  plus?: string | undefined;
  weekdays?: readonly number[] | undefined;
}

/** The first moment of the rule strictly after `instant`. */
export function nextMoment(instant: number, zone: string, rule: DailyRule): number {
  const plus = rule.plus ?? 'PT0S';
  const today = localDate(instant, zone);
  const reach = Math.ceil(durationMs(plus) / dayMs);
  for (let days = -reach; days <= 8; days += 1) {
    const date = shiftLocalDate(today, days);
    if (rule.weekdays?.length && !rule.weekdays.includes(weekdayOf(date))) continue;
    const moment = addDuration(instantOf(date, rule.time, zone), plus, zone);
    if (moment > instant) return moment;
  }
  return instant + 8 * dayMs;
}

/** Whether an instant lies within the quiet hours of a zone: from `from` up to but not including `to`. */
export function isQuiet(instant: number, zone: string, quiet: QuietHours): boolean {
  const clock = localClock(instant, zone);
  if (quiet.from === quiet.to) return false;
  return quiet.from < quiet.to ? clock >= quiet.from && clock < quiet.to : clock >= quiet.from || clock < quiet.to;
}

/** When the quiet hours around an instant end, milliseconds since 1970; the instant itself where it is not quiet. */
export function quietEnds(instant: number, zone: string, quiet: QuietHours): number {
  return isQuiet(instant, zone, quiet) ? nextMoment(instant, zone, { time: quiet.to }) : instant;
}
