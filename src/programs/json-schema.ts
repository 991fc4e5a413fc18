/** The JSON Schema of program definitions, for editors and for `GET /programs/schema.json`. */
import { toJsonSchema } from '@valibot/to-json-schema';
import { definitionSchema } from './definition.ts';

/** JSON Schema (draft-07) of specVersion 1. What only `check` can see, such as unknown states, it accepts. */
export function definitionJsonSchema(): object {
  return { title: 'Program definition, specVersion 1', ...toJsonSchema(definitionSchema, { errorMode: 'ignore', typeMode: 'input' }) };
}
