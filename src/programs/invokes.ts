/** Every invoke of the vocabulary: awaited work whose result comes back as done or error. */
import * as v from 'valibot';
import { placeOf } from './changes.ts';
import { customEventSchema, expressionSchema, idSchema, labelSchema, nameSchema, placeSchema, textSchema } from './names.ts';
import type { InvokeEntry, Use } from './vocabulary-entry.ts';

const invoke = <Input>(entry: InvokeEntry<Input>) => entry;
const none = () => [];

const labels = v.pipe(v.array(labelSchema), v.minLength(2, 'Name at least two labels'), v.maxLength(50));
const places = v.pipe(v.array(placeSchema), v.minLength(1, 'Name at least one place'), v.maxLength(30));
const jsonLeaf = v.union([v.null(), v.boolean(), v.number(), textSchema]);

/** What an http invoke may send as JSON: texts in it are templates. */
const bodySchema = v.union([textSchema, v.pipe(v.record(labelSchema, v.union([jsonLeaf, v.array(jsonLeaf)])), v.maxEntries(100))]);

/** Parts of an input that hold no templates. */
export const literalInputs: ReadonlySet<string> = new Set([
  'labels',
  'into',
  'map',
  'method',
  'minScore',
  'secret',
  'callback',
  'program',
  'input',
]);

/** Every invoke. Texts of the input may hold templates, but for labels, places and expressions. */
export const invokes = {
  answer: invoke({
    does: "Answers from the creator's documents, streamed to the contact with citations; `message` is what to answer, else the last message.",
    input: v.strictObject({ message: v.optional(textSchema), instructions: v.optional(textSchema) }),
    uses: none,
  }),
  classify: invoke({
    does: 'Sorts a text under one of the labels; below `minScore` (0–1) it fails. `event.output.text` is the label.',
    input: v.strictObject({ text: textSchema, labels, minScore: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))) }),
    uses: none,
  }),
  extract: invoke({
    does: 'Reads values out of a text into fields and variables; what is not of their type fails, what is not in the text stays as it was.',
    input: v.strictObject({ text: textSchema, into: places }),
    uses: ({ into }) => into.map((path, index) => savedAt(path, `/into/${index}`, null)),
  }),
  summarize: invoke({
    does: 'Sums the conversation up into a text field or variable.',
    input: v.strictObject({ into: placeSchema }),
    uses: ({ into }) => [{ ...savedAt(into, '/into', null), gives: 'string' }],
  }),
  http: invoke({
    does: 'Calls a service of the creator: only public addresses, at most 10 s and 256 kB. `secret` names a secret kept by the creator, sent to its own host only; the header `companero-callback` names an address at which the service can tell the event `callback`, once. `map` keeps expressions over `event.output` {status, data}.',
    input: v.strictObject({
      url: v.pipe(textSchema, v.regex(/^https:\/\/[^/{}\s]+(?:\/.*)?$/, 'Write an https:// address with a fixed host')),
      method: v.optional(v.picklist(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])),
      headers: v.optional(v.pipe(v.record(v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]1,64$/)), textSchema), v.maxEntries(20))),
      body: v.optional(bodySchema),
      secret: v.optional(idSchema),
      callback: v.optional(customEventSchema),
      map: v.optional(v.pipe(v.record(placeSchema, expressionSchema), v.maxEntries(30))),
    }),
    uses: ({ map = {} }) => Object.entries(map).map(([path, source]) => savedAt(path, `/map/${path}`, source)),
  }),
  program: invoke({
    does: 'Runs another live program to its end and waits for it; the values of `input` are expressions for its variables. `event.output.text` is its outcome, `event.output.data` its variables. Timers and the calendar of the program that waits go on; where its state is left, what runs for it is over.',
    input: v.strictObject({ program: idSchema, input: v.optional(v.pipe(v.record(nameSchema, expressionSchema), v.maxEntries(50))) }),
    uses: ({ input = {} }) =>
      Object.entries(input).map(([name, source]) => ({ kind: 'expression' as const, source, gives: 'any' as const, at: `/input/${name}` })),
    resolve: ({ program, input = {} }, { evaluate }) => ({
      program,
      input: Object.fromEntries(Object.entries(input).map(([name, source]) => [name, evaluate(source)])),
    }),
  }),
  person: invoke({
    does: "Asks the creator's people and waits for the event `person-answered` {text}; the program keeps control meanwhile. `event.output.text` is what they say.",
    input: v.strictObject({ question: textSchema }),
    uses: none,
  }),
} as const;

function savedAt(path: string, at: string, source: string | null): Extract<Use, { kind: 'save' }> {
  return { kind: 'save', place: placeOf(path), at, source, gives: null };
}
