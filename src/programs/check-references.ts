/** Checks that every name means something and every expression and template can be computed. */
import { placeOf } from './changes.ts';
import { checkCalendar } from './check-calendar.ts';
import { templatesOf, wordingsOf } from './content.ts';
import type { Definition, InvokeDefinition } from './definition.ts';
import { createExpressions, type Expressions, type ValueType } from './expressions.ts';
import { type Finding, pointerTo, problem, warning } from './finding.ts';
import { machineId } from './machine.ts';
import { readTemplate } from './templates.ts';
import { builtInFields, fits, namesOf, valueTypeOf, writableFields } from './view.ts';
import { actionEntry, invokeEntry, literalInputs, type Use, usesOfGuard } from './vocabulary.ts';
import { actionsOf, guardsOf, type Place } from './walk.ts';

interface Library {
  definition: Definition;
  expressions: Expressions;
}

/** Everything that refers to something else. */
export function checkReferences(definition: Definition, places: readonly Place[]): readonly Finding[] {
  const library = { definition, expressions: createExpressions(namesOf(definition)) };
  return [
    ...checkDeclarations(definition),
    ...checkContent(library),
    ...checkDelays(library),
    ...checkCalendar(definition, places),
    ...places.flatMap((place) => checkPlace(library, place)),
  ];
}

function checkPlace(library: Library, place: Place): readonly Finding[] {
  const { invoke, after } = place.state;
  const known = library.definition.delays ?? {};
  const actions = actionsOf(place).flatMap(({ action, pointer }) =>
    actionEntry(action.type)
      .uses(action.params)
      .map((use) => ({ use, pointer: `${pointer}/params${use.at}` })),
  );
  const guards = guardsOf(place).flatMap(({ guard, pointer }) => usesOfGuard(guard).map((use) => ({ use, pointer: pointer + use.at })));
  return [
    ...[...actions, ...guards].flatMap(({ use, pointer }) => checkUse(library, use, pointer)),
    ...Object.keys(after ?? {})
      .filter((name) => !Object.hasOwn(known, name))
      .map((name) => unknownName('delay', name, place.pointer + pointerTo('after', name))),
    ...(invoke ? checkInvoke(library, invoke, place.pointer + pointerTo('invoke')) : []),
  ];
}

/** What an invoke refers to, and the templates in its input. */
function checkInvoke(library: Library, { src, input = {} }: InvokeDefinition, pointer: string): readonly Finding[] {
  const uses = Object.keys(input).length > 0 ? invokeEntry(src).uses(input) : [];
  return [
    ...uses.flatMap((use) => checkUse(library, use, `${pointer}/input${use.at}`)),
    ...textsIn(input, `${pointer}/input`).flatMap(({ text, at }) => checkTemplate(library, text, at)),
  ];
}

/** Every text of an input that may hold templates. */
function textsIn(value: unknown, at: string): readonly { text: string; at: string }[] {
  if (typeof value === 'string') return [{ text: value, at }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (literalInputs.has(key) ? [] : textsIn(inner, at + pointerTo(key))));
}

function namedContent({ content }: Definition, name: string | undefined, pointer: string): readonly Finding[] {
  return name === undefined || Object.hasOwn(content, name) ? [] : [unknownName('content', name, pointer)];
}

function unknownName(kind: string, name: string, pointer: string): Finding {
  return problem('unknown-name', pointer, `There is no ${kind} "${name}"`);
}

function checkUse(library: Library, use: Use, pointer: string): readonly Finding[] {
  const { definition } = library;
  switch (use.kind) {
    case 'content':
      return Object.hasOwn(definition.content, use.name) ? [] : [unknownName('content', use.name, pointer)];
    case 'delay':
      return Object.hasOwn(definition.delays ?? {}, use.name) ? [] : [unknownName('delay', use.name, pointer)];
    case 'badge':
      return Object.hasOwn(definition.progress?.badges ?? {}, use.name) ? [] : [unknownName('badge', use.name, pointer)];
    case 'expression':
      return checkExpression(library, use.source, use.gives, pointer);
    case 'save':
      return checkSave(library, use, pointer);
  }
}

function checkExpression({ expressions }: Library, source: string, gives: ValueType | 'any', pointer: string): readonly Finding[] {
  const checked = expressions.check(source);
  if (!checked.ok) return [problem('expression', pointer, checked.problem)];
  if (gives === 'any' || gives === 'dyn' || checked.type === gives || checked.type === 'dyn') return [];
  return [problem('type-mismatch', pointer, `"${source}" gives ${wordFor(checked.type)}, but ${wordFor(gives)} is needed`)];
}

function checkSave(library: Library, { place, source, gives }: Extract<Use, { kind: 'save' }>, pointer: string): readonly Finding[] {
  const type = typeOfPlace(library.definition, place);
  if (type === null) return [unknownName(place.root === 'vars' ? 'variable' : 'field', place.name, pointer)];
  if (source !== null) return checkExpression(library, source, type, pointer);
  if (gives === null || gives === type) return [];
  return [problem('type-mismatch', pointer, `"${place.name}" takes ${wordFor(type)}, but the answer is ${wordFor(gives)}`)];
}

function typeOfPlace(definition: Definition, { root, name }: { root: 'contact' | 'vars'; name: string }): ValueType | null {
  if (root === 'contact' && writableFields.has(name)) return 'string';
  const declared = root === 'vars' ? definition.variables : definition.fields;
  const entry = declared && Object.hasOwn(declared, name) ? declared[name] : undefined;
  return entry ? valueTypeOf(entry.type) : null;
}

const words: Readonly<Record<string, string>> = {
  double: 'a number',
  string: 'a text',
  bool: 'yes or no',
  'list<string>': 'a list of texts',
  null: 'nothing',
};

function wordFor(type: string): string {
  return words[type] ?? `a ${type}`;
}

function checkTemplate({ expressions }: Library, template: string, pointer: string): readonly Finding[] {
  const pieces = readTemplate(template);
  if (!pieces) return [problem('expression', pointer, 'A "{{" has no "}}", or there is nothing between them')];
  return pieces.flatMap((piece) => {
    if ('text' in piece) return [];
    const checked = expressions.check(piece.expression);
    return checked.ok ? [] : [problem('expression', pointer, checked.problem)];
  });
}

/** Texts in every language, and which languages are there. */
function checkContent(library: Library): readonly Finding[] {
  const { content, meta } = library.definition;
  const [fallback = '', ...others] = meta.languages;
  return Object.entries(content).flatMap(([name, languages]) => {
    const pointer = pointerTo('content', name);
    const missing = others.filter((language) => !Object.hasOwn(languages, language));
    return [
      ...(Object.hasOwn(languages, fallback) ? [] : [problem('missing-content', pointer, `"${name}" has no text in "${fallback}"`)]),
      ...missing.map((language) => warning('missing-translation', pointer, `"${name}" has no text in "${language}"`)),
      ...Object.entries(languages).flatMap(([language, entry]) => checkEntry(library, entry, pointer + pointerTo(language))),
    ];
  });
}

type Content = Definition['content'][string][string];

function checkEntry(library: Library, content: Content, pointer: string): readonly Finding[] {
  return [
    ...wordingsOf(content).flatMap(({ wording, at }) => [
      ...templatesOf(wording).flatMap((template) => checkTemplate(library, template.source, pointer + at + template.at)),
      ...checkChoices(wording, pointer + at),
    ]),
    ...repeated((content.variants ?? []).map(({ id }) => id)).map((index) =>
      problem('duplicate-id', `${pointer}/variants/${index}/id`, `Two variants have the id "${content.variants?.[index]?.id}"`),
    ),
  ];
}

/** Buttons and rows of one wording: each id once. */
function checkChoices({ buttons = [], list }: Pick<Content, 'buttons' | 'list'>, pointer: string): readonly Finding[] {
  const choices = [
    ...buttons.map(({ id }, index) => ({ id, at: `/buttons/${index}/id` })),
    ...(list?.sections ?? []).flatMap(({ rows }, section) =>
      rows.map(({ id }, row) => ({ id, at: `/list/sections/${section}/rows/${row}/id` })),
    ),
  ];
  return repeated(choices.map(({ id }) => id)).map((index) =>
    problem('duplicate-id', pointer + (choices[index]?.at ?? ''), `Two buttons have the id "${choices[index]?.id}"`),
  );
}

/** The places of ids that stood there before. */
function repeated(ids: readonly string[]): number[] {
  return ids.flatMap((id, index) => (ids.indexOf(id) < index ? [index] : []));
}

function checkDelays({ definition }: Library): readonly Finding[] {
  return Object.entries(definition.delays ?? {}).flatMap(([name, delay]) => {
    const pointer = pointerTo('delays', name);
    if ('until' in delay && delay.until.time.includes('.')) {
      const place = placeOf(delay.until.time);
      return requireType(definition, place, ['time', 'text'], `${pointer}/until/time`);
    }
    if ('field' in delay) return requireType(definition, { root: 'contact', name: delay.field }, ['date', 'datetime'], `${pointer}/field`);
    return [];
  });
}

function requireType(
  definition: Definition,
  { root, name }: { root: 'contact' | 'vars'; name: string },
  types: readonly string[],
  pointer: string,
): readonly Finding[] {
  const declared = (root === 'vars' ? definition.variables : definition.fields) ?? {};
  const entry = Object.hasOwn(declared, name) ? declared[name] : undefined;
  if (!entry) return [unknownName(root === 'vars' ? 'variable' : 'field', name, pointer)];
  return types.includes(entry.type) ? [] : [problem('type-mismatch', pointer, `"${name}" is a ${entry.type}, but a ${types[0]} is needed`)];
}

/** Fields, variables, entries, streak: what stands for itself. */
function checkDeclarations(definition: Definition): readonly Finding[] {
  const { meta, fields = {}, variables = {}, entry = [], global, knowledge } = definition;
  return [
    ...(definition.machine.id === machineId
      ? [problem('reserved-name', '/machine/id', `The whole machine is called "${machineId}": choose another id for yours`)]
      : []),
    ...Object.keys(fields)
      .filter((name) => Object.hasOwn(builtInFields, name))
      .map((name) => problem('reserved-name', pointerTo('fields', name), `Every contact has "${name}" already: it needs no declaration`)),
    ...Object.entries(fields)
      .filter(([, { type, options }]) => (type === 'enum') !== (options !== undefined))
      .map(([name, { type }]) =>
        problem(
          'shape',
          pointerTo('fields', name, 'options'),
          type === 'enum' ? `Name the options of "${name}"` : 'Only an enum has options',
        ),
      ),
    ...Object.entries(variables)
      .filter(([, variable]) => variable.default !== undefined && !fits(variable.default, valueTypeOf(variable.type)))
      .map(([name, { type }]) =>
        problem('type-mismatch', pointerTo('variables', name, 'default'), `The default of "${name}" is no ${type}`),
      ),
    ...repeated(entry.map(({ id }) => id)).map((index) =>
      problem('duplicate-id', pointerTo('entry', index, 'id'), `Two entries have the id "${entry[index]?.id}"`),
    ),
    ...repeated(meta.languages).map((index) => problem('duplicate-id', pointerTo('meta', 'languages', index), 'A language is named twice')),
    ...namedContent(definition, global?.crisis?.content, '/global/crisis/content'),
    ...namedContent(definition, global?.help?.content, '/global/help/content'),
    ...namedContent(definition, knowledge?.noAnswer, '/knowledge/noAnswer'),
    ...(entry.length > 0 ? [] : [warning('no-entry', '/entry', 'Nobody can get into this program by writing')]),
  ];
}
