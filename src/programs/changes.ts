/** What actions change in a scope: variables, fields, tags, points, consent. Pure; the given scope stays as it is. */
import type { Definition } from './definition.ts';
import { ExpressionError } from './expressions.ts';
import { advance, type Fact } from './progress.ts';
import { isZone, localDate } from './schedule.ts';
import type { Contact, Json, Scope } from './scope.ts';
import { builtInFields, fits, valueTypeOf, writableFields } from './view.ts';

/** Where a value is kept. */
export interface Place {
  root: 'contact' | 'vars';
  name: string;
}

/** Reads `contact.<field>` or `vars.<variable>`. */
export function placeOf(path: string): Place {
  const [root, name] = path.split('.', 2) as [string, string];
  return { root: root === 'contact' ? 'contact' : 'vars', name };
}

/** The value kept at a place; undefined where none is. */
export function valueAt(scope: Scope, place: Place): Json | undefined {
  if (place.root === 'vars') return Object.hasOwn(scope.vars, place.name) ? scope.vars[place.name] : undefined;
  const { contact } = scope;
  if (writableFields.has(place.name)) return contact[place.name as 'name' | 'zone' | 'language'] ?? undefined;
  return Object.hasOwn(contact.fields, place.name) ? contact.fields[place.name] : undefined;
}

/**
 * Keeps a value at a place.
 *
 * @throws ExpressionError when the place is not declared or the value is not of its type
 */
export function save(definition: Definition, scope: Scope, place: Place, value: Json): Scope {
  if (place.root === 'contact' && writableFields.has(place.name))
    return { ...scope, contact: withBuiltIn(scope.contact, place.name, value) };
  const declared = place.root === 'vars' ? definition.variables : definition.fields;
  const entry = declared && Object.hasOwn(declared, place.name) ? declared[place.name] : undefined;
  if (!entry || (place.root === 'contact' && Object.hasOwn(builtInFields, place.name))) {
    throw new ExpressionError(`Cannot set "${place.root}.${place.name}", which is not declared`);
  }
  if (!fits(value, valueTypeOf(entry.type)))
    throw new ExpressionError(`Cannot set "${place.root}.${place.name}" to a value of another type`);
  if ('options' in entry && entry.options && !entry.options.includes(String(value))) {
    throw new ExpressionError(`Cannot set "${place.root}.${place.name}" to what is none of its options`);
  }
  if (place.root === 'vars') return { ...scope, vars: { ...scope.vars, [place.name]: value } };
  return { ...scope, contact: { ...scope.contact, fields: { ...scope.contact.fields, [place.name]: value } } };
}

function withBuiltIn(contact: Contact, name: string, value: Json): Contact {
  if (typeof value !== 'string') throw new ExpressionError(`Cannot set "contact.${name}" to a value that is no text`);
  if (name === 'name') return { ...contact, name: value.slice(0, 200) };
  if (name === 'zone' && !isZone(value)) throw new ExpressionError('Cannot set "contact.zone" to a zone nobody knows');
  return { ...contact, [name]: value.slice(0, 64) };
}

/** The scope with a tag more, at most 100 of them. */
export function tagged(scope: Scope, tag: string): Scope {
  const { contact } = scope;
  if (contact.tags.includes(tag) || contact.tags.length >= 100) return scope;
  return { ...scope, contact: { ...contact, tags: [...contact.tags, tag] } };
}

/** The scope with a tag less. */
export function untagged(scope: Scope, tag: string): Scope {
  const { contact } = scope;
  return { ...scope, contact: { ...contact, tags: contact.tags.filter((other) => other !== tag) } };
}

/** The scope with a consent given or withdrawn. */
export function grantConsent(scope: Scope, kind: string, granted: boolean): Scope {
  return { ...scope, contact: { ...scope.contact, consent: { ...scope.contact.consent, [kind]: granted } } };
}

/** The scope with a fact counted towards the contact's progress. */
export function counted(definition: Definition, scope: Scope, zone: string, fact: Fact): Scope {
  const { now, contact } = scope;
  const moment = { program: definition.meta.id, at: now, day: localDate(now, zone) };
  const progress = advance(contact.progress, fact, definition.progress ?? {}, moment);
  return progress === contact.progress ? scope : { ...scope, contact: { ...contact, progress } };
}
