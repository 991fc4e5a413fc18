/** Every action of the vocabulary. */
import * as v from 'valibot';
import { counted, grantConsent, placeOf, save, tagged, untagged } from './changes.ts';
import { inputSchema, valueTypeOfInput } from './inputs.ts';
import { customEventSchema, durationSchema, expressionSchema, idSchema, labelSchema, nameSchema, placeSchema } from './names.ts';
import { durationMs } from './schedule.ts';
import type { Scope } from './scope.ts';
import type { ActionEntry, Setting, Use } from './vocabulary-entry.ts';

const none = () => [];
const action = <Params>(entry: ActionEntry<Params>) => entry;

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
    does: 'Sends content and waits for an answer; ANSWER {question, value} follows, or INVALID {question, tries} for what is no answer, when `hint` (content) is said, else what the input takes in the language the program speaks to the contact, at most `retries` times.',
    params: v.strictObject({
      content: idSchema,
      question: idSchema,
      input: inputSchema,
      saveTo: v.optional(placeSchema),
      retries: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10))),
      hint: v.optional(idSchema),
    }),
    uses: ({ content, saveTo, input, hint }) => [
      { kind: 'content', name: content, at: '/content' },
      ...(hint === undefined ? [] : [{ kind: 'content' as const, name: hint, at: '/hint' }]),
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
    change: ({ points, reason }, { scope, definition, zone }) => counted(definition, scope, zone, { award: points, reason }),
  }),
  badge: action({
    does: 'Gives a badge to the contact, once.',
    params: v.strictObject({ id: idSchema }),
    uses: ({ id }) => [{ kind: 'badge', name: id, at: '/id' }],
    change: ({ id }, { scope, definition, zone }) => counted(definition, scope, zone, { badge: id }),
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
  notify: action({
    does: "Tells the creator's people, in the words of a content; the contact sees nothing of it.",
    params: v.strictObject({ content: idSchema }),
    uses: ({ content }) => [{ kind: 'content', name: content, at: '/content' }],
  }),
  emit: action({
    does: 'Sends an event to the outgoing webhooks; the values of `data` are expressions.',
    params: v.strictObject({ event: idSchema, data: v.optional(v.pipe(v.record(nameSchema, expressionSchema), v.maxEntries(50))) }),
    uses: ({ data = {} }) =>
      Object.entries(data).map(([name, source]) => ({ kind: 'expression' as const, source, gives: 'any' as const, at: `/data/${name}` })),
    resolve: ({ event, data = {} }, { evaluate }) => ({
      event,
      data: Object.fromEntries(Object.entries(data).map(([name, source]) => [name, evaluate(source)])),
    }),
  }),
  startProgram: action({
    does: 'Starts another program of the creator: `now` in place of this run, `after-end` once this run has ended.',
    params: v.strictObject({ program: idSchema, mode: v.optional(v.picklist(['now', 'after-end'])) }),
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
