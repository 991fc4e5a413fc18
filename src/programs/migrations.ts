/** What a new version of a program says about the people who follow an older one. */
import * as v from 'valibot';
import { nameSchema } from './names.ts';

const stateName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,400}$/, 'Write the name of a state'));
const valueSchema = v.union([v.pipe(v.string(), v.maxLength(4096)), v.pipe(v.number(), v.finite()), v.boolean(), v.array(v.string())]);

/**
 * How people come over from version `from`: `states` says where those go whose state is gone or means something else, `variables` what they
 * bring along. `policy`: `stay` on their version, `next-quiet-state` when nothing is asked of them, or `move` with their next turn.
 */
export const migrationSchema = v.strictObject({
  from: v.pipe(v.number(), v.integer(), v.minValue(1)),
  states: v.optional(v.record(stateName, stateName)),
  variables: v.optional(v.record(nameSchema, valueSchema)),
  policy: v.optional(v.picklist(['stay', 'next-quiet-state', 'move'])),
});

/** How people come over from an older version. */
export type MigrationDefinition = v.InferOutput<typeof migrationSchema>;
