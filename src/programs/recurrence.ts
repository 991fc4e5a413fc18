/** Recurrence rules of RFC 5545 §3.3.10 over local dates: which days a rule names. The time of day is not part of them. */

const frequencies = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] as const;
const dayNames = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const;
const dayMs = 86_400_000;

/** A rule as read. Days are numbers of the epoch (1970-01-01 is 0), weekdays 0 (Monday) – 6. */
export interface Recurrence {
  frequency: (typeof frequencies)[number];
  interval: number;
  count: number | null;
  /** The last day there may be, inclusive. */
  until: number | null;
  /** Weekdays, with the place in the month or year where one is named: `-1FR` is the last Friday. */
  byDay: readonly { weekday: number; nth: number | null }[];
  byMonthDay: readonly number[];
  byMonth: readonly number[];
  bySetPos: readonly number[];
  weekStart: number;
}

/** No rule is followed further than this from its start. */
const mostDays = 40 * 366;

/** Reads a rule such as `FREQ=WEEKLY;BYDAY=MO,TH`; a text that says what is wrong with it where it is none we follow. */
export function readRecurrence(text: string): Recurrence | string {
  const parts = new Map<string, string>();
  for (const part of text.replace(/^RRULE:/, '').split(';')) {
    const [name = '', value = ''] = part.split('=', 2);
    if (!/^[A-Z]+$/.test(name) || value === '' || parts.has(name)) return `Cannot read "${part.slice(0, 40)}" in the rule`;
    parts.set(name, value);
  }
  const unknown = [...parts.keys()].find((name) => !Object.hasOwn(readers, name));
  if (unknown !== undefined)
    return `Cannot follow "${unknown}": use FREQ, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, WKST`;
  const rule: Recurrence = { ...nothing };
  for (const [name, value] of parts) {
    const read = (readers[name] as Reader)(value);
    if (read === null) return `Cannot read ${name}=${value.slice(0, 40)} in the rule`;
    Object.assign(rule, read);
  }
  return parts.has('FREQ') ? (problemOf(rule) ?? rule) : 'Name how often as FREQ';
}

const nothing: Recurrence = {
  frequency: 'DAILY',
  interval: 1,
  count: null,
  until: null,
  byDay: [],
  byMonthDay: [],
  byMonth: [],
  bySetPos: [],
  weekStart: 0,
};

type Reader = (value: string) => Partial<Recurrence> | null;

const readers: Readonly<Record<string, Reader>> = {
  FREQ: (value) => one(frequencies, value, (frequency) => ({ frequency })),
  INTERVAL: (value) => whole(value, 1, 1000, (interval) => ({ interval })),
  COUNT: (value) => whole(value, 1, 10_000, (count) => ({ count })),
  UNTIL: (value) => {
    const match = /^(\d{4})(\d{2})(\d{2})(?:T\d{6}Z?)?$/.exec(value);
    const until = match ? dayOf(`${match[1]}-${match[2]}-${match[3]}`) : Number.NaN;
    return Number.isNaN(until) ? null : { until };
  },
  BYDAY: (value) => list(value, readDay, (byDay) => ({ byDay })),
  BYMONTHDAY: (value) => list(value, signed(31), (byMonthDay) => ({ byMonthDay })),
  BYMONTH: (value) =>
    list(
      value,
      (item) => (/^(?:[1-9]|1[0-2])$/.test(item) ? Number(item) : null),
      (byMonth) => ({ byMonth }),
    ),
  BYSETPOS: (value) => list(value, signed(366), (bySetPos) => ({ bySetPos })),
  WKST: (value) => one(dayNames, value, (day) => ({ weekStart: dayNames.indexOf(day) })),
};

function one<Name extends string>(names: readonly Name[], value: string, make: (name: Name) => Partial<Recurrence>) {
  const name = names.find((candidate) => candidate === value);
  return name === undefined ? null : make(name);
}

function whole(value: string, least: number, most: number, make: (number: number) => Partial<Recurrence>) {
  const number = /^\d{1,5}$/.test(value) ? Number(value) : Number.NaN;
  return number >= least && number <= most ? make(number) : null;
}

function list<Item>(value: string, read: (item: string) => Item | null, make: (items: Item[]) => Partial<Recurrence>) {
  const items = value.split(',').map(read);
  return items.length > 62 || items.some((item) => item === null) ? null : make(items as Item[]);
}

const signed = (most: number) => (item: string) => {
  const number = /^[+-]?\d{1,3}$/.test(item) ? Number(item) : 0;
  return number !== 0 && Math.abs(number) <= most ? number : null;
};

function readDay(item: string): { weekday: number; nth: number | null } | null {
  const match = /^([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)$/.exec(item);
  const nth = match?.[1] === undefined ? null : Number(match[1]);
  if (!match || nth === 0 || Math.abs(nth ?? 0) > 53) return null;
  return { weekday: dayNames.indexOf(match[2] as (typeof dayNames)[number]), nth };
}

/** What the standard forbids, or leaves without a meaning. */
function problemOf({ frequency, count, until, byDay, byMonthDay, byMonth, bySetPos }: Recurrence): string | null {
  if (count !== null && until !== null) return 'Use COUNT or UNTIL, not both';
  const isShort = frequency === 'DAILY' || frequency === 'WEEKLY';
  if (isShort && byDay.some(({ nth }) => nth !== null)) return 'Only a monthly or yearly rule can name the place of a weekday';
  if (frequency === 'WEEKLY' && byMonthDay.length > 0) return 'A weekly rule cannot have BYMONTHDAY';
  const by = byDay.length + byMonthDay.length + byMonth.length;
  return bySetPos.length > 0 && by === 0 ? 'BYSETPOS needs another part to choose from' : null;
}

const dayOf = (date: string) => Math.floor(Date.parse(`${date}T00:00:00Z`) / dayMs);
const dateOf = (day: number) => new Date(day * dayMs).toISOString().slice(0, 10);
/** 1970-01-01 was a Thursday. */
const weekdayOf = (day: number) => (((day + 3) % 7) + 7) % 7;

/**
 * The days of a rule from its start on, in order.
 *
 * @param start the first day there may be, YYYY-MM-DD; it counts only where the rule names it
 */
export function* daysOf(rule: Recurrence, start: string): Generator<string> {
  const first = dayOf(start);
  let left = rule.count ?? Number.POSITIVE_INFINITY;
  for (let from = periodStart(rule, first); from - first <= mostDays; from = nextPeriod(rule, from)) {
    for (const day of chosenIn(rule, from, first)) {
      if (day < first) continue;
      if (left === 0 || (rule.until !== null && day > rule.until)) return;
      left -= 1;
      yield dateOf(day);
    }
    if (rule.until !== null && from > rule.until) return;
  }
}

/** The first day of the day, week, month or year that holds a day. */
function periodStart({ frequency, weekStart }: Recurrence, day: number): number {
  if (frequency === 'DAILY') return day;
  if (frequency === 'WEEKLY') return day - ((weekdayOf(day) - weekStart + 7) % 7);
  const date = dateOf(day);
  return dayOf(frequency === 'MONTHLY' ? `${date.slice(0, 7)}-01` : `${date.slice(0, 4)}-01-01`);
}

function nextPeriod({ frequency, interval }: Recurrence, from: number): number {
  if (frequency === 'DAILY') return from + interval;
  if (frequency === 'WEEKLY') return from + 7 * interval;
  return addMonths(from, frequency === 'MONTHLY' ? interval : 12 * interval);
}

function addMonths(day: number, months: number): number {
  const date = new Date(day * dayMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1) / dayMs;
}

/** The days a rule chooses in the period that begins at `from`. */
function chosenIn(rule: Recurrence, from: number, first: number): readonly number[] {
  const end = rule.frequency === 'DAILY' ? from + 1 : nextPeriod({ ...rule, interval: 1 }, from);
  const days: number[] = [];
  for (let day = from; day < end; day += 1) if (names(rule, day, first)) days.push(day);
  if (rule.bySetPos.length === 0) return days;
  const places = new Set(rule.bySetPos.map((place) => (place > 0 ? place - 1 : days.length + place)));
  return days.filter((_, index) => places.has(index));
}

/** Whether a rule names a day, its place in the set left aside. What is not said is taken from the first day. */
function names(rule: Recurrence, day: number, first: number): boolean {
  const { frequency, byDay, byMonthDay, byMonth } = rule;
  const [month, date] = monthAndDate(day);
  if (byMonth.length > 0 && !byMonth.includes(month)) return false;
  if (byMonthDay.length > 0 && !byMonthDay.some((wanted) => wanted === date || wanted === date - monthLength(day) - 1)) return false;
  if (byDay.length > 0) return byDay.some(({ weekday, nth }) => weekday === weekdayOf(day) && (nth === null || isNth(rule, day, nth)));
  if (frequency === 'WEEKLY') return weekdayOf(day) === weekdayOf(first);
  const [firstMonth, firstDate] = monthAndDate(first);
  if (byMonthDay.length > 0 || frequency === 'DAILY') return true;
  return date === firstDate && (frequency === 'MONTHLY' || byMonth.length > 0 || month === firstMonth);
}

function monthAndDate(day: number): readonly [month: number, date: number] {
  const date = new Date(day * dayMs);
  return [date.getUTCMonth() + 1, date.getUTCDate()];
}

const monthStart = (day: number) => dayOf(`${dateOf(day).slice(0, 7)}-01`);
const monthLength = (day: number) => addMonths(monthStart(day), 1) - monthStart(day);

/** Whether a day is the nth of its weekday in its month, or in its year where the rule is yearly and names no month. */
function isNth({ frequency, byMonth }: Recurrence, day: number, nth: number): boolean {
  const ofYear = frequency === 'YEARLY' && byMonth.length === 0;
  const start = ofYear ? dayOf(`${dateOf(day).slice(0, 4)}-01-01`) : monthStart(day);
  const end = addMonths(start, ofYear ? 12 : 1);
  return nth > 0 ? Math.floor((day - start) / 7) + 1 === nth : Math.floor((end - 1 - day) / 7) + 1 === -nth;
}
