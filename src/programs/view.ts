/** What expressions see: `contact`, `vars`, `event`, `now`, `program`, `conversation` as own-key data with nothing missing. */
import type { Definition, FieldType, VariableType } from './definition.ts';
import type { Names, ValueType } from './expressions.ts';
import { plain, valueLimits } from './plain.ts';
import type { MachineEvent } from './program.ts';
import { levelOf } from './progress.ts';
import { localTime } from './schedule.ts';
import type { Json, Scope } from './scope.ts';

/** The six names of an expression. */
export interface View {
  readonly [name: string]: unknown;
}

/** Fields of every contact; a program cannot declare others of these names. */
export const builtInFields: Readonly<Record<string, ValueType>> = {
  name: 'string',
  zone: 'string',
  language: 'string',
  tags: 'list<string>',
  points: 'double',
  streak: 'double',
  badges: 'list<string>',
  known: 'list<string>',
};

/** The built-in fields a program may write. */
export const writableFields: ReadonlySet<string> = new Set(['name', 'zone', 'language']);

/** How a declared type appears in expressions: dates, times and the like are texts, which compare as they should. */
export function valueTypeOf(type: FieldType | VariableType): ValueType {
  if (type === 'number') return 'double';
  if (type === 'boolean') return 'bool';
  return type === 'list' ? 'list<string>' : 'string';
}

/** What stands for a value that is not known yet, so that no expression fails on it. */
export function emptyValue(type: ValueType): Json {
  if (type === 'double') return 0;
  if (type === 'bool') return false;
  return type === 'list<string>' ? [] : '';
}

/** The names of a definition with their types. */
export function namesOf(definition: Definition): Names {
  const types = (declared: Readonly<Record<string, { type: FieldType | VariableType }>> = {}) =>
    Object.entries(declared).map(([name, { type }]): [string, ValueType] => [name, valueTypeOf(type)]);
  return {
    contact: Object.fromEntries([...types(definition.fields), ...Object.entries(builtInFields)]),
    vars: Object.fromEntries(types(definition.variables)),
  };
}

/** What an expression sees of a definition. */
export type ProgramFacts = Pick<Definition, 'meta' | 'progress'>;

/**
 * The view of a scope and event. Most expressions look at one or two of its names: each is made when it is looked at. A class, because
 * getters of a literal are made anew with it, in the old generation of the heap, where they keep alive what they see.
 */
class LazyView implements View {
  readonly [name: string]: unknown;
  readonly #names: Names;
  readonly #program: ProgramFacts;
  readonly #zone: string;
  readonly #scope: Scope;
  readonly #event: MachineEvent;

  constructor(names: Names, program: ProgramFacts, zone: string, scope: Scope, event: MachineEvent) {
    this.#names = names;
    this.#program = program;
    this.#zone = zone;
    this.#scope = scope;
    this.#event = event;
  }

  get contact() {
    return contactView(this.#names, this.#scope);
  }

  get vars() {
    const view = own([]);
    for (const name in this.#names.vars) view[name] = valueIn(this.#scope.vars, name, this.#names.vars[name] as ValueType);
    return view;
  }

  get event() {
    return eventView(this.#event);
  }

  get now() {
    return nowView(this.#scope.now, this.#zone);
  }

  get program() {
    const level = levelOf(this.#scope.contact.progress.points, this.#program.progress?.levels)?.id ?? '';
    return own([
      ['id', this.#program.meta.id],
      ['title', this.#program.meta.title],
      ['level', level],
    ]);
  }

  get conversation() {
    return conversationView(this.#scope);
  }
}

/** The view of a scope and event, `now` in `zone`: `weekday` 1 is Monday, `hoursSilent` counts from the contact's last message. */
export function viewOf(names: Names, program: ProgramFacts, zone: string, scope: Scope, event: MachineEvent): View {
  return new LazyView(names, program, zone, scope, event);
}

/** An object whose only keys are its own. */
function own(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) object[key] = value;
  return object;
}

function valueIn(values: Readonly<Record<string, Json>>, name: string, type: ValueType): Json {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  return value === undefined || !fits(value, type) ? emptyValue(type) : value;
}

/** Whether a value is of a type; a program's newer version may have changed the type of what is stored. */
export function fits(value: Json, type: ValueType): boolean {
  if (type === 'dyn') return true;
  if (type === 'double') return typeof value === 'number';
  if (type === 'bool') return typeof value === 'boolean';
  return type === 'string' ? typeof value === 'string' : Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function contactView(names: Names, { contact }: Scope): Record<string, unknown> {
  const declared = Object.entries(names.contact).filter(([name]) => !Object.hasOwn(builtInFields, name));
  return own([
    ...declared.map(([name, type]) => [name, valueIn(contact.fields, name, type)] as const),
    ['name', contact.name],
    ['zone', contact.zone ?? ''],
    ['language', contact.language ?? ''],
    ['tags', contact.tags],
    ['points', contact.progress.points],
    ['streak', contact.progress.streak.count],
    ['badges', contact.progress.badges],
    ['known', declared.map(([name]) => name).filter((name) => Object.hasOwn(contact.fields, name))],
  ]);
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function eventView(event: MachineEvent): Record<string, unknown> {
  const data = typeof event.data === 'object' && event.data !== null ? event.data : {};
  return own([
    ['type', event.type],
    ...['id', 'title', 'text', 'language', 'question'].map((name) => [name, text(event[name])] as const),
    ['tries', typeof event.tries === 'number' ? event.tries : 0],
    ['attachments', attachmentsView(event.attachments)],
    ['value', plain(event.value ?? null)],
    ['data', own(Object.entries(plain(data) as object))],
    ['output', outputView(event.output)],
  ]);
}

/** Of the files of a message only what a program decides by. */
function attachmentsView(attachments: unknown): readonly Record<string, unknown>[] {
  const list = Array.isArray(attachments) ? (attachments as Readonly<Record<string, unknown>>[]) : [];
  return list.map((one) => own(['id', 'kind', 'type', 'name'].map((name) => [name, text(one[name])])));
}

/** Of what an invoke gave back only what a program decides by. */
function outputView(output: unknown): Record<string, unknown> {
  const given = typeof output === 'object' && output !== null ? (output as Record<string, unknown>) : {};
  return own([
    ['text', text(given.text).slice(0, valueLimits.characters)],
    ['grounded', given.grounded === true],
    ['score', typeof given.score === 'number' ? given.score : 0],
    ['status', typeof given.status === 'number' ? given.status : 0],
    ['data', plain(given.data ?? null)],
  ]);
}

function nowView(instant: number, zone: string): Record<string, unknown> {
  const local = localTime(instant, zone);
  const two = (value: number) => String(value).padStart(2, '0');
  return own([
    ['date', `${String(local.year).padStart(4, '0')}-${two(local.month)}-${two(local.day)}`],
    ['time', `${two(local.hour)}:${two(local.minute)}`],
    ...(['year', 'month', 'day', 'hour', 'minute', 'weekday'] as const).map((name) => [name, local[name]] as const),
  ]);
}

function conversationView({ conversation, now }: Scope): Record<string, unknown> {
  const silentMs = conversation.lastInboundAt === null ? 0 : Math.max(0, now - conversation.lastInboundAt);
  return own([
    ['channel', conversation.channel],
    ['tries', conversation.tries],
    ['hoursSilent', silentMs / 3_600_000],
  ]);
}
