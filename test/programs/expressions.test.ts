import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asExpressionError, createExpressions, ExpressionError } from '../../src/programs/expressions.ts';
import { newContact, type Scope } from '../../src/programs/scope.ts';
import { builtInFields, viewOf } from '../../src/programs/view.ts';

const names = {
  contact: { ...builtInFields, wakeTime: 'string', age: 'double', toString: 'string' },
  vars: { nights: 'double', done: 'bool', picks: 'list<string>', hasOwnProperty: 'double' },
} as const;
const contact = newContact('c' as never);
const scope: Scope = {
  now: Date.parse('2026-03-29T09:05:00Z'),
  contact: { ...contact, name: 'Ana', tags: ['vip'], fields: { wakeTime: '07:00' }, progress: { ...contact.progress, points: 12 } },
  vars: { nights: 6, done: false, picks: ['a', 'b'] },
  conversation: { channel: 'widget', lastInboundAt: Date.parse('2026-03-29T07:05:00Z'), tries: 1 },
};
const event = {
  type: 'ANSWER',
  question: 'age',
  value: 30,
  data: { deep: { list: [1, 2] } },
  attachments: [{ id: 'f', kind: 'image', type: 'image/png', name: 'shoes.png', bytes: 3 }],
};
const program = {
  meta: { id: 'p', specVersion: 1 as const, title: 'P', languages: ['en'] },
  progress: {
    levels: [
      { id: 'first', title: 'First', from: 0 },
      { id: 'second', title: 'Second', from: 10 },
      { id: 'third', title: 'Third', from: 100 },
    ],
  },
};
const view = viewOf(names, program, 'Europe/Lisbon', scope, event);
const expressions = createExpressions(names);

describe('numbers are doubles everywhere', () => {
  test.each([
    ['vars.nights + 1', 7],
    ['vars.nights >= 7', false],
    ['contact.points > 10', true],
    ['7 / 2', 3.5],
    ['7 % 2', 1],
    ['-vars.nights', -6],
    ['size(vars.picks) + 1', 3],
    ['vars.picks.size() == 2', true],
    ['vars.picks[0]', 'a'],
    ['event.value + 1', 31],
    ['event.value == 30', true],
    ['event.attachments.size()', 1],
    ['event.attachments[0].kind', 'image'],
    ['event.attachments.exists(a, a.kind == "audio")', false],
    ['program.level', 'second'],
    ['event.data.deep.list[1]', 2],
    ['2 in [1, 2, 3]', true],
    ['[1, 2].map(n, n * 2)', [2, 4]],
    ['vars.picks.map(p, 1)', [1, 1]],
    ['vars.done ? 1 : vars.nights', 6],
    ['round(vars.nights / 4)', 2],
    ['max(vars.nights, 9)', 9],
    ['number("7.5")', 7.5],
    ['string(vars.nights)', '6'],
    ['0 * -1', 0],
  ])('%s', (source, value) => {
    expect(expressions.check(source).ok).toBe(true);
    expect(expressions.evaluate(source, view)).toEqual(value);
  });
});

describe('everything has a value before anybody gave one', () => {
  test.each([
    ['contact.age', 0],
    ['contact.toString', ''],
    ['vars.hasOwnProperty', 0],
    ['event.text', ''],
    ['contact.zone', ''],
    ['event.output.text', ''],
    ['event.output.grounded', false],
    ['"age" in contact.known', false],
    ['"wakeTime" in contact.known', true],
    ['has(event.data.deep)', true],
    ['has(event.data.nothing)', false],
  ])('%s', (source, value) => {
    expect(expressions.evaluate(source, view)).toEqual(value);
  });
});

describe('the contact sees its own clock', () => {
  test.each([
    ['now.date', '2026-03-29'],
    ['now.time', '10:05'],
    ['now.hour', 10],
    ['now.weekday', 7],
    ['conversation.hoursSilent', 2],
    ['contact.wakeTime < now.time', true],
  ])('%s', (source, value) => {
    expect(expressions.evaluate(source, view)).toEqual(value);
  });
});

const long = (part: string, times: number) => part.repeat(times);

describe('rows 38, 39 and 40: hostile and mistaken expressions are refused before they run', () => {
  test.each([
    ['constructor.constructor("return 1")()'],
    ['this'],
    ['globalThis'],
    ['import("fs")'],
    ['process.exit()'],
    ['contact.constructor'],
    ['contact.__proto__'],
    ['contact["__proto__"]'],
    ['vars.constructor.constructor'],
    ['event.toString'],
    ['event.text.matches("(a+)+$")'],
    ['cel.bind(x, 1, x)'],
    ['timestamp("2026-01-01T00:00:00Z")'],
    ['b"abc"[0]'],
    ['"a" * 1e9'],
    ['9**9**9'],
    ['contact.name > 1'],
    ['vars.unknown'],
    ['unknown'],
    ['vars.picks[0.5]'],
    ['1 = 1'],
    [''],
    [long('(', 1_000_000)],
    [long('(', 500) + long(')', 500)],
    [long('!', 1999)],
    [`${long('1+', 500)}1`],
    [`[${long('1,', 900)}]`],
    ['vars.picks.map(a, vars.picks.map(b, vars.picks.map(c, a + b + c)))'],
  ])('%s', (source) => {
    expect(expressions.check(source)).toMatchObject({ ok: false, problem: expect.any(String) });
    expect(() => expressions.evaluate(source, view)).toThrow(ExpressionError);
  });
});

describe('what cannot be computed is an ExpressionError', () => {
  test.each([
    ['1 / 0'],
    ['0 / 0'],
    ['1 / 0 > 3 ? contact : contact'],
    ['number("seven")'],
    ['number("")'],
    ['event.data.nothing'],
    ['event.data.constructor'],
    ['event.data.__proto__'],
    ['event.value.x'],
    ['event.value + "text"'],
    ['vars.picks[9]'],
    ['vars.picks[-1]'],
    ['type(1)'],
  ])('%s', (source) => {
    expect(() => {
      const value = expressions.evaluate(source, view);
      // A whole contact is plain data at most, never something to call.
      expect(JSON.parse(JSON.stringify(value))).toEqual(value);
      throw new ExpressionError('plain');
    }).toThrow(ExpressionError);
  });

  test('a text grows no longer than 16,000 characters', () => {
    const grown = { ...scope, contact: { ...scope.contact, name: 'x'.repeat(9000) } };
    const large = viewOf(names, program, 'UTC', grown, event);
    expect(() => expressions.evaluate('contact.name + contact.name', large)).toThrow(ExpressionError);
    expect(() => expressions.evaluate('contact.name.split("")', large)).toThrow(ExpressionError);
  });

  test('whatever is written, nothing but an ExpressionError comes out', () => {
    const words = [
      'contact',
      '.name',
      'vars',
      '.nights',
      '[',
      ']',
      '(',
      ')',
      '+',
      '==',
      '?',
      ':',
      '1',
      '"a"',
      'size',
      '&&',
      '!',
      ',',
      '{',
      '}',
      '.map(x, x)',
      ' ',
    ];
    const written = fc.oneof(
      fc.string({ maxLength: 60 }),
      fc.array(fc.constantFrom(...words), { maxLength: 20 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(written, (source) => {
        try {
          const value = expressions.evaluate(source, view);
          return JSON.stringify(value) !== undefined;
        } catch (error) {
          return error instanceof ExpressionError;
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('what a step throws becomes one, with its words', () => {
    expect(asExpressionError(new Error('Infinite loop'))).toMatchObject({ name: 'ExpressionError', message: 'Infinite loop' });
    const own = new ExpressionError('own');
    expect(asExpressionError(own)).toBe(own);
  });
});
