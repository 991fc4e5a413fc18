/** The program definition, specVersion 1: what a creator may write, no key more. `check` adds what a schema cannot say. */
import * as v from 'valibot';
import { calendarPointSchema } from './calendar.ts';
import { contentSchema, templateSchema } from './content.ts';
import { type Delay, delaySchema } from './delays.ts';
import { migrationSchema } from './migrations.ts';
import {
  durationSchema,
  hasKey,
  idSchema,
  labelSchema,
  languageSchema,
  nameSchema,
  oneOf,
  retentionSchema,
  textSchema,
  timeSchema,
  zoneSchema,
} from './names.ts';
import { progressSchema } from './progress.ts';
import { promiseSchema } from './promises.ts';
import { testSchema } from './script.ts';
import { type Action, actionSchema, type Guard, guardSchema, type Invoke, invokeOptions } from './vocabulary.ts';

/** Types a contact field can have. */
const fieldTypes = ['text', 'number', 'boolean', 'date', 'time', 'datetime', 'enum', 'phone', 'email', 'zone', 'language', 'list'] as const;
/** Types a variable can have; a `list` holds texts. */
const variableTypes = ['text', 'number', 'boolean', 'date', 'time', 'datetime', 'list'] as const;

/** Type of a contact field. */
export type FieldType = (typeof fieldTypes)[number];
/** Type of a variable. */
export type VariableType = (typeof variableTypes)[number];

const metaSchema = v.strictObject({
  id: idSchema,
  specVersion: v.literal(1),
  title: labelSchema,
  languages: v.pipe(v.array(languageSchema), v.minLength(1, 'Name at least one language'), v.maxLength(50)),
  zone: v.optional(zoneSchema),
  channels: v.optional(v.pipe(v.array(v.picklist(['widget', 'whatsapp', 'telegram', 'webhook'])), v.minLength(1))),
});

const fieldSchema = v.strictObject({
  type: v.picklist(fieldTypes),
  title: v.optional(labelSchema),
  options: v.optional(v.pipe(v.array(idSchema), v.minLength(1))),
  pii: v.optional(v.boolean()),
  /** How long a value is kept after it last changed; the creator may choose less for all programs. */
  retention: v.optional(retentionSchema),
});

const variableSchema = v.strictObject({
  type: v.picklist(variableTypes),
  default: v.optional(v.union([v.string(), v.number(), v.boolean(), v.array(v.string())])),
});

const reentrySchema = v.picklist(['never', 'after-end', 'always']);
const entryCommon = { id: idSchema, priority: v.optional(v.pipe(v.number(), v.integer())), reentry: v.optional(reentrySchema) };
const keywordSchema = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(60));

const isOfLink = (value: unknown) => (value as { on?: unknown } | null)?.on === 'link';

const entrySchema = oneOf(
  [
    v.strictObject({
      ...entryCommon,
      keywords: v.pipe(v.array(keywordSchema), v.minLength(1, 'Name at least one keyword'), v.maxLength(100)),
      match: v.optional(v.picklist(['only-word', 'first-word', 'contains'])),
    }),
    v.strictObject({ ...entryCommon, on: v.picklist(['first-message', 'api', 'program']) }),
    v.strictObject({ ...entryCommon, on: v.literal('link'), link: idSchema }),
  ],
  (value) => (hasKey(value, 'keywords') ? 0 : hasKey(value, 'link') || isOfLink(value) ? 2 : 1),
);

/** A transition with everything said. */
export interface TransitionDefinition {
  target?: string | undefined;
  guard?: Guard | undefined;
  actions?: readonly Action[] | undefined;
  reenter?: boolean | undefined;
  description?: string | undefined;
}

/** Where an event leads: a state, a transition, or the first of several transitions whose guard holds. */
export type Transitions = string | TransitionDefinition | readonly TransitionDefinition[];

/** The awaited work of a state. */
export type InvokeDefinition = Invoke & { onDone?: Transitions | undefined; onError?: Transitions | undefined };

/** A state; the machine itself is one with an id. */
export interface StateDefinition {
  type?: 'atomic' | 'compound' | 'parallel' | 'final' | 'history' | undefined;
  history?: 'shallow' | 'deep' | undefined;
  target?: string | undefined;
  initial?: string | undefined;
  states?: Readonly<Record<string, StateDefinition>> | undefined;
  on?: Readonly<Record<string, Transitions>> | undefined;
  after?: Readonly<Record<string, Transitions>> | undefined;
  always?: Transitions | undefined;
  onDone?: Transitions | undefined;
  entry?: readonly Action[] | undefined;
  exit?: readonly Action[] | undefined;
  invoke?: InvokeDefinition | undefined;
  tags?: readonly string[] | undefined;
  description?: string | undefined;
  meta?: { timeout?: string | undefined; outcome?: string | undefined } | undefined;
}

/** Names of states and, after dots, of states within; `.x` is below, `#id` from anywhere. */
const targetSchema = v.pipe(v.string(), v.regex(/^[#.]?[A-Za-z0-9][A-Za-z0-9_.-]{0,400}$/, 'Write the name of a state'));
const descriptionSchema = v.pipe(v.string(), v.maxLength(4096));
const actionsSchema = v.pipe(v.array(actionSchema), v.maxLength(50, 'Use at most 50 actions in one place'));

const transitionSchema = v.strictObject({
  target: v.optional(targetSchema),
  guard: v.optional(guardSchema),
  actions: v.optional(actionsSchema),
  reenter: v.optional(v.boolean()),
  description: v.optional(descriptionSchema),
});
const transitionsSchema = oneOf(
  [targetSchema, transitionSchema, v.pipe(v.array(transitionSchema), v.minLength(1), v.maxLength(100))],
  (value) => (Array.isArray(value) ? 2 : typeof value === 'object' ? 1 : 0),
);

/** Events a state can wait for. */
const eventSchema = v.pipe(
  v.string(),
  v.regex(
    /^(?:MESSAGE|ANSWER|INVALID|BUTTON|(?:EVENT|CALENDAR|MILESTONE)\.(?:\*|[A-Za-z0-9][A-Za-z0-9_-]{0,63}))$/,
    'No such event: use MESSAGE, ANSWER, INVALID, BUTTON, EVENT.<name>, CALENDAR.<id>, MILESTONE.<id>, or EVENT.* for every one of a kind',
  ),
);

const stateEntries = {
  type: v.optional(v.picklist(['atomic', 'compound', 'parallel', 'final', 'history'])),
  history: v.optional(v.picklist(['shallow', 'deep'])),
  target: v.optional(targetSchema),
  initial: v.optional(idSchema),
  states: v.optional(
    v.record(
      idSchema,
      v.lazy((): v.GenericSchema<unknown, StateDefinition> => stateSchema),
    ),
  ),
  on: v.optional(v.record(eventSchema, transitionsSchema)),
  after: v.optional(v.record(idSchema, transitionsSchema)),
  always: v.optional(transitionsSchema),
  onDone: v.optional(transitionsSchema),
  entry: v.optional(actionsSchema),
  exit: v.optional(actionsSchema),
  invoke: v.optional(invokeOptions({ onDone: v.optional(transitionsSchema), onError: v.optional(transitionsSchema) })),
  tags: v.optional(v.array(idSchema)),
  description: v.optional(descriptionSchema),
  meta: v.optional(v.strictObject({ timeout: v.optional(idSchema), outcome: v.optional(idSchema) })),
};

const stateSchema = v.strictObject(stateEntries) as v.GenericSchema<unknown, StateDefinition>;

/** The machine: a state that has states, and an id for `#id` targets. */
export type MachineDefinition = StateDefinition & { id: string; states: Readonly<Record<string, StateDefinition>> };

const machineSchema = v.strictObject({
  ...stateEntries,
  id: idSchema,
  states: v.record(
    idSchema,
    v.lazy(() => stateSchema),
  ),
}) as v.GenericSchema<unknown, MachineDefinition>;

const capSchema = v.strictObject({
  max: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100, 'Use at most 100')),
  per: durationSchema,
});

const policiesSchema = v.strictObject({
  quiet: v.optional(v.strictObject({ from: timeSchema, to: timeSchema })),
  caps: v.optional(v.strictObject({ nudge: v.optional(capSchema), promo: v.optional(capSchema), transactional: v.optional(capSchema) })),
  unmatched: v.optional(v.picklist(['answer', 'reprompt', 'ignore', 'human'])),
  whileReplying: v.optional(v.picklist(['queue', 'merge', 'latest', 'drop'])),
  /** The kind of consent without which nothing of a class goes out; `promo` needs "promo" where nothing is said. */
  consent: v.optional(v.strictObject({ nudge: v.optional(idSchema), promo: v.optional(idSchema), transactional: v.optional(idSchema) })),
  /** What is sent outside the WhatsApp window for content without a template of its own. */
  windowFallback: v.optional(templateSchema),
});

/** How a program may send, and what it does with words it did not expect. */
export type Policies = v.InferOutput<typeof policiesSchema>;

const wordsSchema = v.strictObject({ words: v.pipe(v.array(keywordSchema), v.maxLength(100)) });
const globalSchema = v.strictObject({
  optOut: v.optional(wordsSchema),
  optIn: v.optional(wordsSchema),
  restart: v.optional(wordsSchema),
  human: v.optional(wordsSchema),
  /** What is said to whoever asks for help; the words that are valid everywhere where nothing is named. */
  help: v.optional(v.strictObject({ words: v.optional(wordsSchema.entries.words), content: v.optional(idSchema) })),
  /** Words that call a person wherever they stand in a message, and what is said at once. */
  crisis: v.optional(v.strictObject({ ...wordsSchema.entries, content: v.optional(idSchema) })),
});

const knowledgeSchema = v.strictObject({
  /** Only documents of these collections are asked; all without it. */
  collections: v.optional(v.pipe(v.array(labelSchema), v.minLength(1), v.maxLength(20))),
  /** Who answers, and how: orders to the model, never shown. */
  persona: v.optional(textSchema),
  tone: v.optional(labelSchema),
  /** What may be talked about; the model is told to decline the rest. */
  topics: v.optional(v.pipe(v.array(labelSchema), v.minLength(1), v.maxLength(50))),
  /** How much of a question, from 0 to 1, the documents must hold close together to count as an answer; 0.55 unless told. */
  minScore: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  /** Content that is said when the documents hold no answer. */
  noAnswer: v.optional(idSchema),
  /** Whether the sources of an answer are shown with it: `numbered` (the default) or `none`. */
  citations: v.optional(v.picklist(['numbered', 'none'])),
});

/** The schema of a whole definition. */
export const definitionSchema = v.strictObject({
  meta: metaSchema,
  fields: v.optional(v.record(nameSchema, fieldSchema)),
  variables: v.optional(v.record(nameSchema, variableSchema)),
  entry: v.optional(v.pipe(v.array(entrySchema), v.maxLength(50))),
  content: v.record(idSchema, v.record(languageSchema, contentSchema)),
  delays: v.optional(v.record(idSchema, delaySchema as v.GenericSchema<unknown, Delay>)),
  machine: machineSchema,
  global: v.optional(globalSchema),
  calendar: v.optional(v.pipe(v.record(idSchema, calendarPointSchema), v.maxEntries(50, 'Use at most 50 points'))),
  policies: v.optional(policiesSchema),
  knowledge: v.optional(knowledgeSchema),
  progress: v.optional(progressSchema),
  tests: v.optional(v.pipe(v.array(testSchema), v.maxLength(100))),
  promises: v.optional(v.pipe(v.array(promiseSchema), v.maxLength(50))),
  migrations: v.optional(v.pipe(v.array(migrationSchema), v.maxLength(50))),
});

/** A program definition of specVersion 1. */
export type Definition = v.InferOutput<typeof definitionSchema>;
/** A way into a program. */
export type Entry = NonNullable<Definition['entry']>[number];
