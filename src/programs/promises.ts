/** Promises: what a program never does, and what follows in time, whatever the contact does. */
import * as v from 'valibot';
import { durationSchema, expressionSchema, hasKey, idSchema, labelSchema, oneOf } from './names.ts';

const stateName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,400}$/, 'Write the name of a state'));

/** A moment: the program is in a state (or one within it), says a content, an expression holds; all that is named together. */
const momentSchema = v.pipe(
  v.strictObject({ state: v.optional(stateName), says: v.optional(idSchema), holds: v.optional(expressionSchema) }),
  v.check((moment) => Object.keys(moment).length > 0, 'Name a state, what is said, or what holds'),
);

/** A promise of a program. */
export const promiseSchema = oneOf(
  [
    v.strictObject({ id: idSchema, title: v.optional(labelSchema), never: momentSchema }),
    v.strictObject({
      id: idSchema,
      title: v.optional(labelSchema),
      after: momentSchema,
      within: durationSchema,
      comes: momentSchema,
    }),
  ],
  (value) => (hasKey(value, 'never') ? 0 : 1),
);

/** A promise of a program: a moment that never comes, or one that follows another within a time. */
export type Promised = v.InferOutput<typeof promiseSchema>;
/** A moment that a promise speaks of. */
export type Moment = v.InferOutput<typeof momentSchema>;
