/** Scripted conversations: who writes, the steps with a clock that can be turned, and what is to come of it. */
import * as v from 'valibot';
import {
  customEventSchema,
  durationSchema,
  expressionSchema,
  hasKey,
  idSchema,
  labelSchema,
  languageSchema,
  nameSchema,
  oneOf,
  placeSchema,
  textSchema,
  zoneSchema,
} from './names.ts';

const valueSchema = v.union([
  v.pipe(v.string(), v.maxLength(4096)),
  v.pipe(v.number(), v.finite()),
  v.boolean(),
  v.pipe(v.array(v.pipe(v.string(), v.maxLength(200))), v.maxLength(100)),
]);

/** Somebody who is simulated. Left out is what is not known of them yet. */
export const personaSchema = v.strictObject({
  name: v.optional(labelSchema),
  zone: v.optional(zoneSchema),
  language: v.optional(languageSchema),
  channel: v.optional(idSchema),
  fields: v.optional(v.record(nameSchema, valueSchema)),
  tags: v.optional(v.pipe(v.array(idSchema), v.maxLength(100))),
  consent: v.optional(v.record(idSchema, v.boolean())),
});

const count = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)));
const pieces = v.optional(v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(400))), v.maxLength(50)));

/**
 * What the world answers a program: `answer` from the documents (null where they hold none), the label of `classify`, the values of `extract` by
 * their places, the text of `summarize`, and what a called service says. What is left out fails, but for answers.
 */
export const worldSchema = v.strictObject({
  answer: v.optional(v.nullable(textSchema)),
  classify: v.optional(labelSchema),
  extract: v.optional(v.record(placeSchema, valueSchema)),
  summarize: v.optional(textSchema),
  http: v.optional(v.strictObject({ status: v.optional(v.pipe(v.number(), v.integer())), data: v.record(labelSchema, valueSchema) })),
});

/** What is to have come of a conversation so far. `said` and `notSaid` name content, or words of a message. */
export const expectationSchema = v.strictObject({
  outboundAtMost: count,
  outboundAtLeast: count,
  state: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(1000))),
  status: v.optional(v.picklist(['open', 'active', 'ended'])),
  outcome: v.optional(idSchema),
  control: v.optional(v.picklist(['bot', 'human', 'paused'])),
  said: pieces,
  notSaid: pieces,
  points: v.optional(v.pipe(v.number(), v.integer())),
  badges: v.optional(v.pipe(v.array(idSchema), v.maxLength(100))),
  holds: v.optional(expressionSchema),
});

/** One thing that happens in a script. */
export const stepSchema = oneOf(
  [
    v.strictObject({ say: textSchema }),
    v.strictObject({ press: idSchema }),
    v.strictObject({ advance: v.union([v.literal('next'), durationSchema], 'Write a duration such as PT20H or P8W, or "next"') }),
    v.strictObject({ event: customEventSchema, data: v.optional(v.record(nameSchema, valueSchema)) }),
    v.strictObject({ start: v.literal(true) }),
    v.strictObject({ expect: expectationSchema }),
  ],
  (value) =>
    Math.max(
      0,
      ['say', 'press', 'advance', 'event', 'start', 'expect'].findIndex((key) => hasKey(value, key)),
    ),
);

/** The steps of a script, in order. */
export const stepsSchema = v.pipe(v.array(stepSchema), v.maxLength(1000, 'Use at most 1,000 steps'));

/** The instant a script begins. */
export const startSchema = v.pipe(
  v.string(),
  v.isoTimestamp('Write an instant such as 2026-01-05T09:00:00Z'),
  v.check((text) => text >= '1970' && text < '2200' && !Number.isNaN(Date.parse(text)), 'Write an instant between 1970 and 2199'),
);

/** A test of a program: a script that must come true before the program is published. */
export const testSchema = v.strictObject({
  id: idSchema,
  persona: v.optional(personaSchema),
  start: v.optional(startSchema),
  world: v.optional(worldSchema),
  steps: stepsSchema,
  expect: expectationSchema,
});

/** What the world answers a program. */
export type World = v.InferOutput<typeof worldSchema>;
/** One thing that happens in a script. */
export type Step = v.InferOutput<typeof stepSchema>;
/** What is to have come of a conversation so far. */
export type Expectation = v.InferOutput<typeof expectationSchema>;
