/** A value that a JSON schema accepts, as small as the schema allows: to ask routes whose bodies a test does not care about. */

/** The part of JSON Schema that our OpenAPI document uses. */
export interface JsonSchema {
  type?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  format?: string;
  pattern?: string;
  minimum?: number;
  minLength?: number;
  minItems?: number;
  $ref?: string;
}

/** @param hints texts that fit patterns a sample cannot guess, by the name of the property */
export function sampleOf(schema: JsonSchema, hints: Readonly<Record<string, unknown>>, name = ''): unknown {
  if (name in hints) return hints[name];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const choice = schema.anyOf?.[0] ?? schema.oneOf?.[0];
  if (choice !== undefined) return sampleOf(choice, hints, name);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries((schema.required ?? []).map((key) => [key, sampleOf(schema.properties?.[key] ?? {}, hints, key)]));
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => sampleOf(schema.items ?? {}, hints));
    case 'number':
    case 'integer':
      return schema.minimum ?? 1;
    case 'boolean':
      return true;
    case 'string':
      return schema.format === 'uuid' ? crypto.randomUUID() : 'x'.padEnd(schema.minLength ?? 1, 'x');
    default:
      return {};
  }
}

/** Where a schema takes the id of something: paths of property names. */
export function idPlaces(schema: JsonSchema, path: readonly string[] = []): string[][] {
  const own = schema.type === 'string' && (schema.format === 'uuid' || /_id$/.test(path.at(-1) ?? '')) ? [[...path]] : [];
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, child]) => idPlaces(child, [...path, key]));
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((child) => idPlaces(child, path));
  return [...own, ...inner, ...choices];
}

/** A copy of the value with what stands at the path replaced. */
export function withValue(value: unknown, path: readonly string[], placed: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return placed;
  const object = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  return { ...object, [key]: withValue(object[key], rest, placed) };
}
