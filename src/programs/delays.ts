/** Named delays: for a while, until a local time, or counted from a date the contact gave. */
import * as v from 'valibot';
import { chanceOf } from './chance.ts';
import { placeOf, valueAt } from './changes.ts';
import { durationSchema, hasKey, nameSchema, oneOf, timeOrPlaceSchema, timeSchema } from './names.ts';
import type { DelayFacts, LateRule } from './program.ts';
import { addDuration, durationMs, instantOf, nextMoment, parseDuration } from './schedule.ts';
import type { Json, Scope } from './scope.ts';

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const lateSchema = v.strictObject({ after: durationSchema, do: v.picklist(['send', 'skip', 'fold']) });

/** What every delay may say besides when: its late rule, the class of what is said by it, a spread so that not everybody is written to at once, and what a person's taking over does to it. */
const commonEntries = {
  late: v.optional(lateSchema),
  jitter: v.optional(durationSchema),
  class: v.optional(v.picklist(['transactional', 'nudge', 'promo'])),
  whileHuman: v.optional(v.picklist(['pause', 'keep', 'drop'])),
};

/** A program that goes on every moment would flood whoever follows it. */
const waitSchema = v.pipe(
  durationSchema,
  v.check((text) => parseDuration(text) === null || durationMs(text) >= 1000, 'Wait at least PT1S'),
);

const isDuration = (text: string) => parseDuration(text) !== null;
const kinds = ['for', 'until', 'field', 'between'];

/** A delay as a creator writes it; which of `for`, `until`, `field`, `between` stands there says its kind. */
export const delaySchema = oneOf(
  [
    v.strictObject({ for: waitSchema, ...commonEntries }),
    v.strictObject({
      until: v.strictObject({
        time: timeOrPlaceSchema,
        plus: v.optional(durationSchema),
        weekdays: v.optional(v.pipe(v.array(v.picklist(weekdays)), v.minLength(1), v.maxLength(7))),
      }),
      ...commonEntries,
    }),
    v.strictObject({ field: nameSchema, plus: v.optional(durationSchema), time: v.optional(timeSchema), ...commonEntries }),
    v.strictObject({
      between: v.pipe(
        v.strictTuple([waitSchema, waitSchema]),
        v.check(
          ([least, most]) => !isDuration(least) || !isDuration(most) || durationMs(least) <= durationMs(most),
          'Write the shorter one first',
        ),
      ),
      ...commonEntries,
    }),
  ],
  (value) =>
    Math.max(
      0,
      kinds.findIndex((kind) => hasKey(value, kind)),
    ),
);

/** A named delay. */
export type Delay = v.InferOutput<typeof delaySchema>;

/** What stands in for a time of day that the contact has not given. */
export const defaultTime = '09:00';

/** The longest a delay can be: ten years of 366 days, milliseconds. */
export const longestMs = 10 * 366 * 86_400_000;

/** The facts of a delay that do not hang on a contact. */
export function delayFacts(name: string, delay: Delay): DelayFacts {
  const late: LateRule | null = delay.late ? { afterMs: durationMs(delay.late.after), do: delay.late.do } : null;
  return {
    name,
    calendar: 'until' in delay || 'field' in delay,
    recurring: 'until' in delay,
    late,
    class: delay.class ?? null,
    whileHuman: delay.whileHuman ?? 'keep',
    jitterMs: jitterOf(delay),
  };
}

/** When a delay armed at `anchor` falls due in a zone; one of `between` draws by the scope's chance and the delay's name. Milliseconds since 1970, between anchor and anchor + ten years. A date that is not known is ten years away. */
export function dueAt(name: string, delay: Delay, zone: string, scope: Scope, anchor: number): number {
  const due = 'between' in delay ? drawnDue(name, delay.between, zone, scope, anchor) : rawDue(delay, zone, scope, anchor);
  return Math.min(Math.max(due + spreadMs({ name, jitterMs: jitterOf(delay) }, scope.contact.id), anchor), anchor + longestMs);
}

const jitterOf = ({ jitter }: Delay) => (jitter === undefined ? 0 : durationMs(jitter));

/** A contact's own place within the spread of a delay, in milliseconds: the same every time, so that a daily moment does not wander. */
export function spreadMs({ name, jitterMs }: Pick<DelayFacts, 'name' | 'jitterMs'>, contactId: string): number {
  return jitterMs === 0 ? 0 : Math.floor(chanceOf('jitter', name, contactId) * jitterMs);
}

function drawnDue(name: string, [least, most]: readonly [string, string], zone: string, scope: Scope, anchor: number): number {
  const from = addDuration(anchor, least, zone);
  const chance = chanceOf('between', name, scope.conversation.chance ?? '');
  return Math.round(from + chance * (addDuration(anchor, most, zone) - from));
}

function rawDue(delay: Exclude<Delay, { between: unknown }>, zone: string, scope: Scope, anchor: number): number {
  if ('for' in delay) return addDuration(anchor, delay.for, zone);
  if ('until' in delay) {
    const { time, plus, weekdays: named } = delay.until;
    return nextMoment(anchor, zone, { time: clockOf(time, scope), plus, weekdays: named?.map((day) => weekdays.indexOf(day) + 1) });
  }
  const start = startOf(valueAt(scope, { root: 'contact', name: delay.field }), delay.time, zone);
  return start === null ? anchor + longestMs : addDuration(start, delay.plus ?? 'PT0S', zone);
}

/** The instant a date or datetime field means: with an offset exactly, else in the zone, a date alone at `time`. */
function startOf(value: Json | undefined, time: string | undefined, zone: string): number | null {
  const match = typeof value === 'string' ? /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})[\d:.]*(Z|[+-]\d{2}:\d{2})?)?$/.exec(value) : null;
  if (!match || typeof value !== 'string' || Number.isNaN(Date.parse(value))) return null;
  const [, day = '', clock, offset] = match;
  if (offset !== undefined && time === undefined) return Date.parse(value);
  return instantOf(day, time ?? clock ?? defaultTime, zone);
}

function clockOf(time: string, scope: Scope): string {
  if (!time.includes('.')) return time;
  const value = valueAt(scope, placeOf(time));
  return typeof value === 'string' && v.is(timeSchema, value) ? value : defaultTime;
}
