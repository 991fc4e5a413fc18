/**
 * The vocabulary of programs: every action, guard, invoke and delay by name, with the shape of its parameters, one line for the
 * documentation, what it refers to, and what it does. Schema, compiler and checks are made from these tables.
 */
import * as v from 'valibot';
import { grantConsent, type Place, placeOf, reward, save, tagged, untagged } from './changes.ts';

import type { Definition } from './definition.ts';
import type { ValueType } from './expressions.ts';
import { inputSchema, valueTypeOfInput } from './inputs.ts';
import {
  customEventSchema,
  durationSchema,
  expressionSchema,
  idSchema,
  labelSchema,
  nameSchema,
  placeSchema,
  textSchema,
} from './names.ts';
import { durationMs, isQuiet } from './schedule.ts';
import type { Json, Scope } from './scope.ts';

/** What parameters refer to, for the checks; `at` is a JSON pointer within the parameters. */
export type Use =
  | { kind: 'content' | 'delay' | 'badge'; name: string; at: string }
  | { kind: 'expression'; source: string; gives: ValueType | 'any'; at: string }
  | { kind: 'save'; place: Place; at: string; source: string | null; gives: ValueType | null };

/** What is at hand where an action or guard stands. */
export interface Setting {
  scope: Scope;
  definition: Definition;
  zone: string;
  /** @throws ExpressionError */
  evaluate(source: string): Json;
}

/** An action. Without `change` it only comes out of a step; with `silent` it does not come out. */
export interface ActionEntry<Params = never> {
  does: string;
  params: v.GenericSchema<unknown, Params>;
  uses(params: Params): readonly Use[];
  change?(params: Params, setting: Setting): Scope;
  silent?: true;
  /** The parameters as they come out, where something in them is computed first. */
  resolve?(params: Params, setting: Setting): Readonly<Record<string, unknown>>;
}

/** A named test. Trees of tests are `all`, `any` and `not`. */
export interface GuardEntry<Params = never> {
  does: string;
  params: v.GenericSchema<unknown, Params>;
  uses(params: Params): readonly Use[];
  test(params: Params, setting: Setting): boolean;
}

const none = () => [];
const action = <Params>(entry: ActionEntry<Params>) => entry;
const guard = <Params>(entry: GuardEntry<Params>) => entry;

/** What a message is, which decides what may hold it back; `reply` where the contact just wrote, else `nudge`, when left out. */
export const messageClassSchema = v.picklist(['reply', 'safety', 'transactional', 'nudge', 'promo']);

const assignments = (root: 'vars' | 'contact', params: Readonly<Record<string, string>>): Use[] =>
  Object.entries(params).map(([name, source]) => ({ kind: 'save', place: { root, name }, at: `/${name}`, source, gives: null }));

function assign(root: 'vars' | 'contact', params: Readonly<Record<string, string>>, { scope, definition, evaluate }: Setting): Scope {
  const values = Object.entries(params).map(([name, source]) => ({ place: { root, name }, value: evaluate(source) }));
  return values.reduce((next, { place, value }) => save(definition, next, place, value), scope);
}

/** Every action. */
export const actions = {
  say: action({
    does: 'Sends content to the contact.',
    params: v.strictObject({ content: idSchema, class: v.optional(messageClassSchema) }),
    uses: ({ content }) => [{ kind: 'content', name: content, at: '/content' }],
  }),
  ask: action({
    does: 'Sends content and waits for an answer; ANSWER {question, value} follows, or INVALID {question, tries} after `retries` misunderstandings.',
    params: v.strictObject({
      content: idSchema,
      question: idSchema,
      input: inputSchema,
      saveTo: v.optional(placeSchema),
      retries: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10))),
    }),
    uses: ({ content, saveTo, input }) => [
      { kind: 'content', name: content, at: '/content' },
      ...(saveTo === undefined
        ? []
        : [{ kind: 'save' as const, place: placeOf(saveTo), at: '/saveTo', source: null, gives: valueTypeOfInput(input) }]),
    ],
  }),
  set: action({
    does: 'Sets variables of this run; all expressions see the values from before.',
    params: v.record(nameSchema, expressionSchema),
    uses: (params) => assignments('vars', params),
    change: (params, setting) => assign('vars', params, setting),
    silent: true,
  }),
  setField: action({
    does: 'Sets fields of the contact.',
    params: v.record(nameSchema, expressionSchema),
    uses: (params) => assignments('contact', params),
    change: (params, setting) => assign('contact', params, setting),
    silent: true,
  }),
  tag: action({
    does: 'Puts a tag on the contact.',
    params: v.strictObject({ tag: idSchema }),
    uses: none,
    change: ({ tag }, { scope }) => tagged(scope, tag),
    silent: true,
  }),
  untag: action({
    does: 'Takes a tag off the contact.',
    params: v.strictObject({ tag: idSchema }),
    uses: none,
    change: ({ tag }, { scope }) => untagged(scope, tag),
    silent: true,
  }),
  award: action({
    does: 'Gives points to the contact.',
    params: v.strictObject({ points: v.pipe(v.number(), v.integer(), v.minValue(-10_000), v.maxValue(10_000)), reason: labelSchema }),
    uses: none,
    change: ({ points }, { scope }) => reward(scope, { points: scope.contact.progress.points + points }),
  }),
  badge: action({
    does: 'Gives a badge to the contact, once.',
    params: v.strictObject({ id: idSchema }),
    uses: ({ id }) => [{ kind: 'badge', name: id, at: '/id' }],
    change: ({ id }, { scope }) => reward(scope, { badges: [...new Set([...scope.contact.progress.badges, id])] }),
  }),
  setTimer: action({
    does: 'Arms a timer that outlives the state: after `delay` the program gets `event`.',
    params: v.strictObject({ id: idSchema, delay: idSchema, event: customEventSchema }),
    uses: ({ delay }) => [{ kind: 'delay', name: delay, at: '/delay' }],
  }),
  cancelTimer: action({
    does: 'Disarms a timer of setTimer.',
    params: v.strictObject({ id: idSchema }),
    uses: none,
  }),
  typing: action({
    does: 'Shows that an answer is being written, at most 30 seconds.',
    params: v.strictObject({
      for: v.pipe(
        durationSchema,
        v.check((text) => durationMs(text) <= 30_000, 'Write at most PT30S'),
      ),
    }),
    uses: none,
  }),
  handoff: action({
    does: 'Hands the conversation over to a person; the program waits until they give it back.',
    params: v.strictObject({ reason: v.optional(labelSchema), queue: v.optional(idSchema) }),
    uses: none,
  }),
  consent: action({
    does: 'Records that the contact gave or withdrew consent.',
    params: v.strictObject({ kind: idSchema, granted: v.boolean() }),
    uses: none,
    change: ({ kind, granted }, { scope }) => grantConsent(scope, kind, granted),
  }),
  metric: action({
    does: 'Counts something for the analytics; `value` is an expression that gives a number.',
    params: v.strictObject({ name: idSchema, value: v.optional(expressionSchema) }),
    uses: ({ value }) => (value === undefined ? [] : [{ kind: 'expression', source: value, gives: 'double', at: '/value' }]),
    resolve: ({ name, value }, { evaluate }) => ({ name, value: value === undefined ? 1 : evaluate(value) }),
  }),
  end: action({
    does: 'Ends this run with an outcome.',
    params: v.strictObject({ outcome: v.optional(idSchema) }),
    uses: none,
  }),
} as const;

const hour = 3_600_000;
/** Channels that take free text only for a while after the contact wrote. */
const windows: Readonly<Record<string, number>> = { whatsapp: 24 * hour };

/** Every named test but the trees. */
export const guards = {
  when: guard({
    does: 'An expression that gives true or false.',
    params: v.strictObject({ expr: expressionSchema }),
    uses: ({ expr }) => [{ kind: 'expression', source: expr, gives: 'bool', at: '/expr' }],
    test: ({ expr }, { evaluate }) => evaluate(expr) === true,
  }),
  inWindow: guard({
    does: 'The channel takes free text now (WhatsApp: 24 hours after the last message of the contact; others: always).',
    params: v.strictObject({}),
    uses: none,
    test: (_params, { scope: { conversation, now } }) => {
      const windowMs = Object.hasOwn(windows, conversation.channel) ? windows[conversation.channel] : undefined;
      return windowMs === undefined || (conversation.lastInboundAt !== null && now - conversation.lastInboundAt < windowMs);
    },
  }),
  hasConsent: guard({
    does: 'The contact gave this consent.',
    params: v.strictObject({ kind: idSchema }),
    uses: none,
    test: ({ kind }, { scope }) => Object.hasOwn(scope.contact.consent, kind) && scope.contact.consent[kind] === true,
  }),
  inQuietHours: guard({
    does: 'It is within the quiet hours of the policies, in the zone of the contact.',
    params: v.strictObject({}),
    uses: none,
    test: (_params, { scope, zone, definition }) => {
      const quiet = definition.policies?.quiet;
      return quiet !== undefined && isQuiet(scope.now, zone, quiet);
    },
  }),
  channelIs: guard({
    does: 'The conversation runs on this channel.',
    params: v.strictObject({ channel: idSchema }),
    uses: none,
    test: ({ channel }, { scope }) => scope.conversation.channel === channel,
  }),
  hasTag: guard({
    does: 'The contact has this tag.',
    params: v.strictObject({ tag: idSchema }),
    uses: none,
    test: ({ tag }, { scope }) => scope.contact.tags.includes(tag),
  }),
  triesAtLeast: guard({
    does: 'The question was misunderstood at least n times.',
    params: v.strictObject({ n: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)) }),
    uses: none,
    test: ({ n }, { scope }) => scope.conversation.tries >= n,
  }),
} as const;

/** Every invoke: awaited work whose result comes back as done or error. `input` may hold templates. */
export const invokes = {
  answer: {
    does: "Answers from the creator's documents, streamed to the contact with citations; `message` is what to answer, else the last message.",
    input: v.strictObject({ message: v.optional(textSchema), instructions: v.optional(textSchema) }),
  },
} as const;

type ParamsOf<Entry> = Entry extends { params: v.GenericSchema<unknown, infer Params> } ? Params : never;

/** An action as a creator writes it. */
export type Action = { [Name in keyof typeof actions]: { type: Name; params: ParamsOf<(typeof actions)[Name]> } }[keyof typeof actions];

/** A guard as a creator writes it. */
export type Guard =
  | { [Name in keyof typeof guards]: { type: Name; params?: ParamsOf<(typeof guards)[Name]> } }[keyof typeof guards]
  | { type: 'all' | 'any'; params: { guards: readonly Guard[] } }
  | { type: 'not'; params: { guard: Guard } };

type Option = v.StrictObjectSchema<{ type: v.LiteralSchema<string, undefined>; params: v.GenericSchema }, undefined>;

function option(type: string, params: v.GenericSchema): Option {
  const isEmpty = v.is(params, {});
  return v.strictObject({ type: v.literal(type), params: isEmpty ? v.optional(params, {}) : params }) as Option;
}

/** The schema of an action. */
export const actionSchema = v.variant(
  'type',
  Object.entries(actions).map(([type, { params }]) => option(type, params)) as unknown as [Option, ...Option[]],
) as unknown as v.GenericSchema<unknown, Action>;

/** The schema of a guard, trees included. */
export const guardSchema: v.GenericSchema<unknown, Guard> = v.lazy(() => guardVariant);

const guardVariant = v.variant('type', [
  ...(Object.entries(guards).map(([type, { params }]) => option(type, params)) as unknown as [Option, ...Option[]]),
  ...['all', 'any'].map((type) =>
    option(type, v.strictObject({ guards: v.pipe(v.array(guardSchema), v.minLength(1, 'Name at least one guard')) })),
  ),
  option('not', v.strictObject({ guard: guardSchema })),
]) as unknown as v.GenericSchema<unknown, Guard>;

/** The entry of an action, its parameters taken as checked. */
export function actionEntry(name: Action['type']): ActionEntry<unknown> {
  return actions[name] as unknown as ActionEntry<unknown>;
}

/** Whether a guard holds. @throws ExpressionError */
export function holds(tested: Guard, setting: Setting): boolean {
  switch (tested.type) {
    case 'all':
      return tested.params.guards.every((inner) => holds(inner, setting));
    case 'any':
      return tested.params.guards.some((inner) => holds(inner, setting));
    case 'not':
      return !holds(tested.params.guard, setting);
    default:
      return (guards[tested.type] as unknown as GuardEntry<unknown>).test(tested.params ?? {}, setting);
  }
}

/** What a guard refers to, with pointers from the guard. */
export function usesOfGuard(tested: Guard): readonly Use[] {
  switch (tested.type) {
    case 'all':
    case 'any':
      return tested.params.guards.flatMap((inner, index) => usesOfGuard(inner).map((use) => within(use, `/params/guards/${index}`)));
    case 'not':
      return usesOfGuard(tested.params.guard).map((use) => within(use, '/params/guard'));
    default:
      return (guards[tested.type] as unknown as GuardEntry<unknown>).uses(tested.params ?? {}).map((use) => within(use, '/params'));
  }
}

function within(use: Use, pointer: string): Use {
  return { ...use, at: `${pointer}${use.at}` };
}
