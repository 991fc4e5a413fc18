/** What the declared fields of contacts may hold, in the form in which programs themselves write it. */
import type { Definition, FieldType } from './definition.ts';
import { isZone } from './schedule.ts';
import type { Json } from './scope.ts';

type Field = NonNullable<Definition['fields']>[string];

/** Field name → its declarations, one for each program that has it. */
export type DeclaredFields = ReadonlyMap<string, readonly Field[]>;

/** The fields that these programs declare. */
export function declaredFields(programs: readonly Definition[]): DeclaredFields {
  const declared = new Map<string, Field[]>();
  for (const { fields = {} } of programs) {
    for (const [name, field] of Object.entries(fields)) declared.set(name, [...(declared.get(name) ?? []), field]);
  }
  return declared;
}

/** Why a field cannot hold a value: nobody declares it, or no declaration takes it. Null for one it can; null as a value removes the field. */
export function fieldProblem(declared: DeclaredFields, name: string, value: Json): string | null {
  if (value === null) return null;
  const fields = declared.get(name);
  if (fields === undefined) return `No live program declares the field "${name}"`;
  if (fields.some((field) => takes(field, value))) return null;
  return `Cannot put ${JSON.stringify(value)?.slice(0, 100)} into the field "${name}": expected ${fields.map(expectationOf).join(' or ')}`;
}

/** The value that a text of a table stands for, of the first declared type; a text that is none stays what it is. */
export function fieldFromText(declared: DeclaredFields, name: string, text: string): Json {
  const type = declared.get(name)?.[0]?.type;
  if (type === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (type === 'boolean' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  if (type === 'list') return listFromText(text);
  return text;
}

/** The items of a text that lists them with semicolons. */
export function listFromText(text: string): string[] {
  return text
    .split(';')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

const patterns: Partial<Record<FieldType, RegExp>> = {
  time: /^([01]\d|2[0-3]):[0-5]\d$/,
  phone: /^(\+?[1-9]|0)\d{6,14}$/,
  email: /^[^\s@]{1,64}@[^\s@]{1,255}$/,
  language: /^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/,
};

function takes({ type, options }: Field, value: Json): boolean {
  if (type === 'number') return typeof value === 'number' && Number.isFinite(value);
  if (type === 'boolean') return typeof value === 'boolean';
  if (type === 'list') return Array.isArray(value) && value.every((item) => typeof item === 'string' && (options?.includes(item) ?? true));
  return typeof value === 'string' && takesText(type, options, value);
}

function takesText(type: FieldType, options: Field['options'], text: string): boolean {
  if (type === 'enum') return options?.includes(text) ?? true;
  if (type === 'zone') return isZone(text);
  if (type === 'date') return isDate(text);
  if (type === 'datetime')
    return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?$/.test(text) && isDate(text.slice(0, 10));
  return patterns[type]?.test(text) ?? true;
}

/** Whether the calendar has the day: `Date` would make 30 February one of March. */
function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function expectationOf({ type, options }: Field): string {
  if (options !== undefined) return `${type} of ${options.join(', ').slice(0, 200)}`;
  if (type === 'date') return 'a date such as 2026-11-24';
  if (type === 'time') return 'a time such as 07:00';
  return type;
}
