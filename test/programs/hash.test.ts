import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, contentHash } from '../../src/programs/hash.ts';
import type { Json } from '../../src/programs/scope.ts';

test('keys are ordered, the empty object and list are themselves', () => {
  expect(canonicalJson({ b: 1, a: [true, null, 'é\n'], '': {} })).toBe('{"":{},"a":[true,null,"é\\n"],"b":1}');
});

test('the hash is SHA-256 in hexadecimal', () => {
  expect(contentHash({})).toBe('44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a');
});

/** The same value with the keys of every object the other way round. */
function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item as Json)]),
  );
}

test('the order of keys does not change the hash, another value does', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const json = value as Json;
      expect(contentHash(reversed(json))).toBe(contentHash(json));
      expect(contentHash([json])).not.toBe(contentHash(json));
    }),
  );
});
