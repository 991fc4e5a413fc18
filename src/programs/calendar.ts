/** Points of a program's calendar: days counted from a date the contact gave or a milestone, or days of a recurrence rule. */
import * as v from 'valibot';
import { placeOf, valueAt } from './changes.ts';
import { dateSchema, durationSchema, hasKey, idSchema, nameSchema, oneOf, timeOrPlaceSchema, timeSchema } from './names.ts';
import { daysOf, readRecurrence } from './recurrence.ts';
import { addDuration, instantOf, localDate, shiftLocalDate, weekdayOf } from './schedule.ts';
import type { Scope } from './scope.ts';

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const offsetSchema = v.pipe(
  v.string(),
  v.regex(/^-?P(?:\d{1,3}Y)?(?:\d{1,4}M)?(?:\d{1,4}W)?(?:\d{1,5}D)?$/, 'Write whole days such as P7D, -P1D or P2W'),
  v.check((text) => !text.endsWith('P'), 'Write whole days such as P7D, -P1D or P2W'),
);

const ruleSchema = v.pipe(
  v.string(),
  v.maxLength(500),
  v.check(
    (text) => typeof readRecurrence(text) !== 'string',
    ({ input }) => String(readRecurrence(input as string)),
  ),
);

const common = {
  localTime: v.optional(timeOrPlaceSchema),
  weekdays: v.optional(v.pipe(v.array(v.picklist(weekdays)), v.minLength(1), v.maxLength(7))),
  mode: v.optional(v.picklist(['interrupt', 'skip', 'passive'])),
  late: v.optional(durationSchema),
};

/** A point of the calendar; which of `field`, `milestone`, `rrule` stands there says its kind. `start` of a rule is a date, or the day the run began. */
export const calendarPointSchema = oneOf(
  [
    v.strictObject({ field: nameSchema, offset: v.optional(offsetSchema), ...common }),
    v.strictObject({ milestone: idSchema, offset: v.optional(offsetSchema), ...common }),
    v.strictObject({ rrule: ruleSchema, start: v.optional(dateSchema), ...common }),
  ],
  (value) => (hasKey(value, 'rrule') ? 2 : hasKey(value, 'milestone') ? 1 : 0),
);

/** A point of the calendar. */
export type CalendarPoint = v.InferOutput<typeof calendarPointSchema>;

/** The timer and the event of a point. */
export const calendarTimer = (id: string): string => `calendar:${id}`;

/** One moment of a point: its instant, milliseconds since 1970, and the same on the wall, YYYY-MM-DDTHH:MM. */
export interface Occurrence {
  at: number;
  local: string;
}

const defaultTime = '09:00';
/** What is further away than ten years is not waited for. */
const horizonDays = 10 * 366;

/**
 * The first moment of a point strictly after `after`, and after the moment last given, by the contact's wall clock: a zone that
 * changes gives no moment twice. Null where there is none, or where what it counts from is not known.
 *
 * @param began when the run began, milliseconds since 1970
 */
export function nextOccurrence(
  point: CalendarPoint,
  zone: string,
  scope: Scope,
  { after, began, last }: { after: number; began: number; last: string | null },
): Occurrence | null {
  const time = clockOf(point.localTime, scope);
  const end = shiftLocalDate(localDate(after, zone), horizonDays);
  for (const day of candidates(point, zone, scope, began)) {
    if (day > end) return null;
    const local = `${day}T${time}`;
    if (last !== null && local <= last) continue;
    const at = instantOf(day, time, zone);
    if (at > after) return { at, local };
  }
  return null;
}

/** The days of a point in order. */
function* candidates(point: CalendarPoint, zone: string, scope: Scope, began: number): Generator<string> {
  const allowed = point.weekdays?.map((day) => weekdays.indexOf(day) + 1);
  const isAllowed = (day: string) => allowed === undefined || allowed.includes(weekdayOf(day));
  if ('rrule' in point) {
    const rule = readRecurrence(point.rrule);
    if (typeof rule === 'string') return;
    for (const day of daysOf(rule, point.start ?? localDate(began, zone))) if (isAllowed(day)) yield day;
    return;
  }
  const start = startOf(point, zone, scope);
  if (start === null) return;
  let day = moved(start, point.offset ?? 'P0D');
  while (!isAllowed(day)) day = shiftLocalDate(day, 1);
  yield day;
}

/** The local day a relative point counts from. */
function startOf(point: Exclude<CalendarPoint, { rrule: string }>, zone: string, scope: Scope): string | null {
  const reached = 'milestone' in point;
  const { milestones } = scope.contact.progress;
  const value = reached
    ? Object.hasOwn(milestones, point.milestone) && milestones[point.milestone]
    : valueAt(scope, { root: 'contact', name: point.field });
  if (typeof value !== 'string' || Number.isNaN(Date.parse(value))) return null;
  return /^\d{4}-\d{2}-\d{2}$/.test(value) || !/(?:Z|[+-]\d{2}:\d{2})$/.test(value)
    ? value.slice(0, 10)
    : localDate(Date.parse(value), zone);
}

function moved(day: string, offset: string): string {
  if (!offset.startsWith('-')) return localDate(addDuration(Date.parse(day), offset, 'UTC'), 'UTC');
  return localDate(addDuration(Date.parse(day), offset.slice(1), 'UTC', -1), 'UTC');
}

function clockOf(time: string | undefined, scope: Scope): string {
  if (time === undefined) return defaultTime;
  if (!time.includes('.')) return time;
  const value = valueAt(scope, placeOf(time));
  return typeof value === 'string' && v.is(timeSchema, value) ? value : defaultTime;
}
