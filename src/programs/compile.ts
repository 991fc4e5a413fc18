/** From a definition to a machine: pure, everything it names registered, so that XState never meets a name it does not know. */
import { type AnyStateMachine, assign, createMachine, fromPromise } from 'xstate';
import { trialsOf } from './buckets.ts';
import { calendarTimer, nextOccurrence } from './calendar.ts';
import { counted } from './changes.ts';
import { wordingFor } from './content.ts';
import type { Definition } from './definition.ts';
import { delayFacts, dueAt } from './delays.ts';
import { createExpressions, ExpressionError, type Expressions } from './expressions.ts';
import { contentHash } from './hash.ts';
import { conversationConfig, stateId, timersOf } from './machine.ts';
import type { DelayFacts, MachineEvent, Program, RenderedContent } from './program.ts';
import { rulesHash } from './progress.ts';
import { durationMs, isZone } from './schedule.ts';
import { type Json, newContact, type Scope } from './scope.ts';
import { fillTemplate, readTemplate } from './templates.ts';
import { emptyValue, namesOf, valueTypeOf, viewOf } from './view.ts';
import {
  type Action,
  actionEntry,
  actions,
  type Guard,
  guards,
  holds,
  type Invoke,
  invokeEntry,
  invokes,
  literalInputs,
  type Setting,
} from './vocabulary.ts';
import { placesOf } from './walk.ts';

/** The most automatic steps one input may cause. */
export const maxAutomaticSteps = 50;

/** What everything in a compiled program works with. */
interface Workshop {
  definition: Definition;
  zoneOf(scope: Scope): string;
  /** @throws ExpressionError */
  evaluate(source: string, scope: Scope, event: MachineEvent): Json;
  /** @throws ExpressionError */
  fill(template: string, scope: Scope, event: MachineEvent): string;
}

/**
 * Compiles a definition that `check` found free of errors.
 *
 * The machine throws nothing but what `asExpressionError` turns into an ExpressionError; `initialTransition` gives a snapshot
 * with status `error` instead.
 */
export function compile(definition: Definition): Program {
  const names = namesOf(definition);
  const workshop = openWorkshop(definition, createExpressions(names), names);
  const delays = definition.delays ?? {};
  const timers = timersOf(definition.machine);
  const facts = new Map(Object.entries(delays).map(([name, delay]) => [name, delayFacts(name, delay)]));
  const due = (name: string, scope: Scope, anchor: number): number => {
    const delay = Object.hasOwn(delays, name) ? delays[name] : undefined;
    if (!delay) throw new ExpressionError(`Cannot find the delay "${name}"`);
    return dueAt(name, delay, workshop.zoneOf(scope), scope, anchor);
  };
  return {
    definition,
    hash: contentHash(definition as unknown as Json),
    machine: createConversation(workshop, Object.keys(delays), due),
    variables: initialVariables(definition),
    stateIds: new Set(placesOf(definition.machine).map(({ path }) => stateId(definition.machine, path))),
    timerIds: new Set(timers.keys()),
    delayOf: (timerId): DelayFacts | undefined => facts.get(timers.get(timerId) ?? ''),
    delayNamed: (name) => facts.get(name),
    dueAt: due,
    render: (content, scope, event) => render(workshop, content, scope, event),
    evaluate: workshop.evaluate,
    zoneOf: workshop.zoneOf,
    trials: trialsOf(definition),
    rules: rulesHash(definition),
    calendar: Object.entries(definition.calendar ?? {}).map(([id, point]) => ({
      id,
      timerId: calendarTimer(id),
      mode: point.mode ?? 'interrupt',
      lateMs: point.late === undefined ? null : durationMs(point.late),
      next: (scope, given) => nextOccurrence(point, workshop.zoneOf(scope), scope, given),
    })),
  };
}

function openWorkshop(definition: Definition, expressions: Expressions, names: ReturnType<typeof namesOf>): Workshop {
  const { zone } = definition.meta;
  const zoneOf = ({ contact }: Scope) => (contact.zone !== null && isZone(contact.zone) ? contact.zone : (zone ?? 'UTC'));
  const evaluate = (source: string, scope: Scope, event: MachineEvent) =>
    expressions.evaluate(source, viewOf(names, definition, zoneOf(scope), scope, event));
  // As many as the definition has.
  const read = new Map<string, ReturnType<typeof readTemplate>>();
  const piecesOf = (template: string) => {
    const pieces = read.get(template) ?? readTemplate(template);
    read.set(template, pieces);
    return pieces;
  };
  return {
    definition,
    zoneOf,
    evaluate,
    fill(template, scope, event) {
      const pieces = piecesOf(template);
      if (!pieces) throw new ExpressionError('Cannot read a template with an open "{{"');
      return fillTemplate(pieces, (source) => evaluate(source, scope, event));
    },
  };
}

function initialVariables(definition: Definition): Readonly<Record<string, Json>> {
  const entries = Object.entries(definition.variables ?? {});
  return Object.fromEntries(entries.map(([name, variable]) => [name, variable.default ?? emptyValue(valueTypeOf(variable.type))]));
}

/** What an implementation is called with. */
interface Call {
  context: Scope;
  event: MachineEvent;
}

function createConversation(workshop: Workshop, delays: readonly string[], due: Program['dueAt']): AnyStateMachine {
  const { definition } = workshop;
  const settingOf = ({ context, event }: Call): Setting => ({
    scope: context,
    definition,
    zone: workshop.zoneOf(context),
    evaluate: (source) => workshop.evaluate(source, context, event),
  });
  const config = conversationConfig(definition, {
    actions: (list, state) => list.flatMap((action) => compileAction(action, state, settingOf)),
    guard: (guard) => guard,
    input: (input, src) => {
      const { resolve } = invokeEntry(src);
      if (resolve) return (call: Call) => resolve(input, settingOf(call));
      return (call: Call) => fillInput(input, src, (template) => workshop.fill(template, call.context, call.event));
    },
    enter: (state) => [
      { type: 'progress', params: { state } },
      ...(isCounted(definition, state) ? [{ type: 'countEntry', params: { state } }] : []),
    ],
  });
  const nobody: Scope = {
    now: 0,
    contact: newContact('' as Scope['contact']['id']),
    vars: initialVariables(definition),
    conversation: { channel: '', lastInboundAt: null, tries: 0 },
  };
  const implementations = {
    actions: {
      ...Object.fromEntries([...Object.keys(actions), 'progress'].map((name) => [name, noop])),
      ...changes(settingOf),
      countEntry: assign(({ context }: Call, { state }: { state: string }) =>
        counted(definition, context, workshop.zoneOf(context), { entered: state }),
      ),
    },
    guards: Object.fromEntries(
      [...Object.keys(guards), 'all', 'any', 'not'].map((type) => [
        type,
        (call: Call, params: unknown) => holds({ type, params } as Guard, settingOf(call)),
      ]),
    ),
    delays: Object.fromEntries(delays.map((name) => [name, ({ context }: Call) => due(name, context, context.now) - context.now])),
    actors: Object.fromEntries(Object.keys(invokes).map((src) => [src, nobodyRuns])),
  };
  const root = { ...config, context: ({ input }: { input?: Scope }) => input ?? nobody, options: { maxIterations: maxAutomaticSteps } };
  return createMachine(root as never, implementations as never) as AnyStateMachine;
}

const nobodyRuns = fromPromise(() => Promise.reject(new Error('Invokes are run from their rows')));

/** Whether the rules of progress look at a state being entered. */
function isCounted({ progress }: Definition, state: string): boolean {
  const { streak, points = [], milestones = {} } = progress ?? {};
  return (
    streak?.event === state || points.some((rule) => rule.state === state) || Object.values(milestones).some((rule) => rule.state === state)
  );
}

/** The texts of an invoke's input filled in; in an address each value is escaped, so that none can lead elsewhere. */
function fillInput(
  input: Readonly<Record<string, unknown>>,
  src: Invoke['src'],
  fill: (template: string) => string,
): Record<string, unknown> {
  const deep = (value: unknown): unknown => {
    if (typeof value === 'string') return fill(value);
    if (Array.isArray(value)) return value.map(deep);
    return typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, deep(inner)]))
      : value;
  };
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => {
      if (literalInputs.has(name)) return [name, value];
      return [name, src === 'http' && name === 'url' ? fillAddress(String(value), fill) : deep(value)];
    }),
  );
}

function fillAddress(template: string, fill: (template: string) => string): string {
  const pieces = readTemplate(template) ?? [];
  return pieces
    .map((piece) => {
      if ('text' in piece) return piece.text;
      const { expression, fallback } = piece;
      return encodeURIComponent(fill(`{{ ${expression}${fallback === null ? '' : ` | ${fallback}`} }}`));
    })
    .join('');
}

/** Recording actions do nothing: `transition()` gives them back as data. */
function noop(): void {}

/** The name of the assign behind an action. */
const changeOf = (name: string) => `change.${name}`;

function changes(settingOf: (call: Call) => Setting): Record<string, unknown> {
  const changing = (Object.keys(actions) as Action['type'][]).filter((name) => actionEntry(name).change);
  return Object.fromEntries(
    changing.map((name) => [
      changeOf(name),
      assign((call: Call, params: unknown) => actionEntry(name).change?.(params, settingOf(call)) ?? call.context),
    ]),
  );
}

/** First the record, then the change, so that both are seen at their place. */
function compileAction({ type, params }: Action, state: string, settingOf: (call: Call) => Setting): unknown[] {
  const entry = actionEntry(type);
  const written = type === 'ask' ? { ...params, state } : params;
  const resolve = entry.resolve;
  const given = resolve ? (call: Call) => resolve(params, settingOf(call)) : written;
  return [...(entry.silent ? [] : [{ type, params: given }]), ...(entry.change ? [{ type: changeOf(type), params }] : [])];
}

const longestText = 16_000;

function render({ definition, fill }: Workshop, name: string, scope: Scope, event: MachineEvent): RenderedContent {
  const languages = Object.hasOwn(definition.content, name) ? definition.content[name] : undefined;
  const content = languages && wordingFor(name, languages, scope, definition.meta.languages);
  if (!content) throw new ExpressionError(`Cannot find the content "${name}"`);
  const filled = (template: string) => fill(template, scope, event).slice(0, longestText);
  const titled = ({ id, title }: { id: string; title: string }) => ({ id, title: filled(title) });
  const { media, list, hint } = content;
  const template = content.template ?? definition.policies?.windowFallback;
  return {
    text: filled(content.text),
    buttons: [...(content.buttons ?? []), ...(list?.sections ?? []).flatMap(({ rows }) => rows)].map(titled),
    list: list
      ? {
          title: list.title,
          sections: list.sections.map(({ title, rows }) => ({
            title: title ?? '',
            rows: rows.map((row) => ({ ...titled(row), description: filled(row.description ?? '') })),
          })),
        }
      : null,
    hint: hint === undefined ? null : filled(hint),
    media: media ? { url: media.url, kind: media.kind, alt: media.alt ?? '' } : null,
    template: template ? { name: template.name, language: template.language, variables: (template.variables ?? []).map(filled) } : null,
  };
}
