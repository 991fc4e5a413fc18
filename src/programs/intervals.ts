/** Spans of time that are not known exactly: between at least and at most so many milliseconds. */
import { type Delay, longestMs } from './delays.ts';
import { durationMs } from './schedule.ts';

/** At least and at most, milliseconds; `max` may be Infinity. */
export interface Interval {
  min: number;
  max: number;
}

/** No time at all. */
export const noTime: Interval = { min: 0, max: 0 };

/** One span after another. */
export function plus(a: Interval, b: Interval): Interval {
  return { min: a.min + b.min, max: a.max + b.max };
}

/** What is left of a span when another has gone by. */
export function minus(left: Interval, gone: Interval): Interval {
  return { min: Math.max(0, left.min - gone.max), max: Math.max(0, left.max - gone.min) };
}

const dayMs = 86_400_000;
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** How long a named delay may take, whoever the contact is. */
export function intervalOf(delay: Delay | undefined): Interval {
  if (delay && 'for' in delay) return { min: durationMs(delay.for), max: durationMs(delay.for) };
  if (delay && 'until' in delay) return { min: 0, max: longestGap(delay.until.weekdays) * dayMs };
  if (delay && 'between' in delay) return betweenOf((delay as { between: readonly [string, string] }).between);
  return { min: 0, max: longestMs };
}

function betweenOf([from, to]: readonly [string, string]): Interval {
  return { min: durationMs(from), max: durationMs(to) };
}

/** The most days between two of the named weekdays. */
function longestGap(named: readonly string[] | undefined): number {
  if (!named || named.length === 0) return 1;
  const days = named.map((day) => weekdays.indexOf(day)).sort((a, b) => a - b);
  return Math.max(...days.map((day, index) => (index === 0 ? day + 7 - (days.at(-1) as number) : day - (days[index - 1] as number))));
}

const hourMs = 3_600_000;

/** A span in words: `31 h`, `90 s`, `3 days`. */
export function spanInWords(ms: number): string {
  if (!Number.isFinite(ms)) return 'any time';
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 2 * hourMs) return `${Math.round(ms / 60_000)} min`;
  return ms <= 3 * dayMs ? `${Math.ceil(ms / hourMs)} h` : `${Math.ceil(ms / dayMs)} days`;
}
