import { describe, expect, test } from 'vitest';
import { type Input, isSkipped, readAnswer } from '../../src/programs/inputs.ts';

/** A Saturday. */
const now = '2026-11-21T23:50';
const read = (type: string, text: string, language: string) => {
  const answer = readAnswer({ type } as Input, text, language, { now });
  return answer.ok ? answer.value : null;
};

describe('days are named from the contact’s today', () => {
  test.each([
    ['en', 'tomorrow', '2026-11-22'],
    ['en', 'next monday', '2026-11-23'],
    ['en', 'Saturday', '2026-11-28'],
    ['en', 'in three weeks', '2026-12-12'],
    ['en', '3 days ago', '2026-11-18'],
    ['es', 'mañana', '2026-11-22'],
    ['es', 'pasado mañana', '2026-11-23'],
    ['es', 'el próximo lunes', '2026-11-23'],
    ['es', 'en dos semanas', '2026-12-05'],
    ['es', '5 de diciembre', '2026-12-05'],
    ['pt', 'amanhã', '2026-11-22'],
    ['pt', 'segunda-feira', '2026-11-23'],
    ['pt', 'daqui a duas semanas', '2026-12-05'],
    ['pt-BR', '5 de dezembro', '2026-12-05'],
    ['de', 'morgen', '2026-11-22'],
    ['de', 'nächsten Montag', '2026-11-23'],
    ['de', 'in drei Wochen', '2026-12-12'],
    ['fr', 'demain', '2026-11-22'],
    ['fr', 'lundi prochain', '2026-11-23'],
    ['fr', 'dans trois semaines', '2026-12-12'],
    ['en', '2026-12-24', '2026-12-24'],
  ])('%s: %s', (language, text, date) => {
    expect(read('date', text, language)).toBe(date);
  });

  test.each([
    ['en', 'tomorrow half past seven', '2026-11-22T07:30'],
    ['en', 'next monday 08:30', '2026-11-23T08:30'],
    ['es', 'mañana a las siete y media', '2026-11-22T07:30'],
    ['pt', 'amanhã às 7 e meia', '2026-11-22T07:30'],
    ['de', 'morgen um 7 Uhr', '2026-11-22T07:00'],
    ['fr', 'demain à 7h', '2026-11-22T07:00'],
  ])('with a time, %s: %s', (language, text, moment) => {
    expect(read('datetime', text, language)).toBe(moment);
  });

  test.each(['blah', 'I do not know', 'maybe monday or tuesday', 'x'.repeat(5000), 'tomorrow '.repeat(50), 'constructor', ''])(
    'and "%.20s" names none',
    (text) => {
      expect(read('date', text, 'en')).toBeNull();
      expect(read('datetime', text, 'en')).toBeNull();
    },
  );
});

const image = { id: 'a', kind: 'image', type: 'image/png', name: 'a.png', bytes: 1 } as const;

describe('what is no text is read from what came with it', () => {
  test.each([
    ['file', 'a'],
    ['image', 'a'],
    ['voice', null],
  ])('%s', (type, value) => {
    const answer = readAnswer({ type } as Input, '', 'en', { attachments: [image] });
    expect(answer.ok ? answer.value : null).toBe(value);
    expect(readAnswer({ type } as Input, 'here it is', 'en').ok).toBe(false);
  });

  test.each([
    ['38.7223, -9.1393', '38.7223,-9.1393'],
    ['geo:38.7223,-9.1393;u=35', '38.7223,-9.1393'],
    ['91, 0', null],
    ['at home', null],
  ])('the place %s', (text, value) => {
    expect(read('location', text, 'en')).toBe(value);
  });

  test('consent is a yes or a no', () => {
    const input: Input = { type: 'consent', kind: 'promo' };
    expect(readAnswer(input, 'sim', 'pt')).toEqual({ ok: true, value: true });
    expect(readAnswer(input, 'nein', 'de')).toEqual({ ok: true, value: false });
    expect(readAnswer(input, 'maybe', 'en')).toEqual({ ok: false });
  });
});

test('a question that may be skipped is skipped in words of the language, or in its own', () => {
  expect(isSkipped({ type: 'date', skip: true }, 'Überspringen', 'de')).toBe(true);
  expect(isSkipped({ type: 'date', skip: true }, 'skip', 'de')).toBe(true);
  expect(isSkipped({ type: 'date', skip: ['later'] }, 'Later!', 'en')).toBe(true);
  expect(isSkipped({ type: 'date', skip: ['later'] }, 'skip', 'en')).toBe(false);
  expect(isSkipped({ type: 'date' }, 'skip', 'en')).toBe(false);
});
