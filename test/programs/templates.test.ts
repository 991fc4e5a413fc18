import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../src/programs/scope.ts';
import { fillTemplate, readTemplate } from '../../src/programs/templates.ts';

const fill = (template: string, values: Record<string, Json>) =>
  fillTemplate(readTemplate(template) ?? [], (source) => values[source] ?? null);

describe('templates', () => {
  test.each<[string, Record<string, Json>, string]>([
    ['Hi {{ name }}!', { name: 'Ana' }, 'Hi Ana!'],
    ['Hi {{name|friend}}!', { name: '' }, 'Hi friend!'],
    ['Hi {{ name | "dear friend" }}!', {}, 'Hi dear friend!'],
    ['Hi {{ name }}!', {}, 'Hi !'],
    ['{{ n }} nights', { n: 7 }, '7 nights'],
    ['{{ n }}', { n: 0.1 + 0.2 }, '0.3'],
    ['{{ n | none }}', { n: 0 }, '0'],
    ['{{ b }}', { b: false }, 'false'],
    ['{{ list }}', { list: ['a', 'b'] }, 'a, b'],
    ['{{ a || b }}', { 'a || b': true }, 'true'],
    ["{{ '}}' }}x", { "'}}'": 'in quotes' }, 'in quotesx'],
    ['no slots } {', {}, 'no slots } {'],
    ['', {}, ''],
  ])('%s', (template, values, text) => {
    expect(fill(template, values)).toBe(text);
  });

  test.each(['{{', 'a {{ b', 'a {{ b }', '{{}}', '{{ | x }}', "{{ 'open }}"])('%s is no template', (template) => {
    expect(readTemplate(template)).toBeNull();
  });

  test('values are never parsed again', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, value) => {
        const hostile = `${value}{{ secret }}`;
        const text = before.replaceAll('{', '').replaceAll('}', '');
        return fill(`${text}{{ name }}`, { name: hostile, secret: 'leaked' }) === `${text}${hostile}`;
      }),
    );
  });
});
