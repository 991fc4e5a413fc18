import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Input, readAnswer } from '../../src/programs/inputs.ts';

type Row = [text: string, value: unknown, language?: string];

const options = [
  { id: 'run', title: 'Go for a run' },
  { id: 'rest', title: 'Rest' },
  { id: 'cafe', title: 'Café' },
];

const tables: Record<string, { input: Input; rows: Row[] }> = {
  time: {
    input: { type: 'time' },
    rows: [
      ['7:00', '07:00'],
      ['7', '07:00'],
      ['07.30', '07:30'],
      ['0730', '07:30'],
      ['7am', '07:00'],
      ['7 a.m.', '07:00'],
      ['7:15 pm', '19:15'],
      ['12am', '00:00'],
      ['12 pm', '12:00'],
      ['19h30', '19:30'],
      ['at 7:45', '07:45'],
      ['٧:٣٠', '07:30'],
      ['half past seven', '07:30'],
      ['Half seven', '07:30'],
      ['quarter to eight', '07:45'],
      ['a quarter past 6', '06:15'],
      ['seven', '07:00'],
      ["seven o'clock", '07:00'],
      ['seven in the evening', '19:00'],
      ['noon', '12:00'],
      ['midnight', '00:00'],
      ['halb acht', '07:30', 'de'],
      ['7 Uhr', '07:00', 'de'],
      ['viertel vor acht', '07:45', 'de'],
      ['7 e meia', '07:30', 'pt'],
      ['sete e meia', '07:30', 'pt-BR'],
      ['às 7', '07:00', 'pt'],
      ['las siete y media', '07:30', 'es'],
      ['a las 7', '07:00', 'es'],
      ['7 de la tarde', '19:00', 'es'],
      ['ocho menos cuarto', '07:45', 'es'],
      ['7h', '07:00', 'fr'],
      ['sept heures et demie', '07:30', 'fr'],
      ['midi', '12:00', 'fr'],
      ['quarter past six, please', '06:15'],
      ['7:00 please.', '07:00'],
      ['7pm, thank you!', '19:00'],
      ['a las siete, por favor', '07:00', 'es'],
      ['às 7h, obrigada', '07:00', 'pt'],
      ['halb acht bitte', '07:30', 'de'],
      ['7h s’il vous plaît', '07:00', 'fr'],
      ['please', null],
      ['25:00, please', null],
      ['25:00', null],
      ['7:60', null],
      ['13pm', null],
      ['0am', null],
      ['soon', null],
      ['7:00:00', null],
      ['', null],
      ['-7', null],
    ],
  },
  number: {
    input: { type: 'number', min: 0, max: 5000 },
    rows: [
      ['7', 7],
      ['7.5', 7.5],
      ['7,5', 7.5],
      ['7,5', 7.5, 'pt'],
      ['1,000', 1000],
      ['1.000', 1000, 'de'],
      ['1.000', 1, 'en'],
      ['1 000', 1000, 'fr'],
      ['70 kg', 70],
      ['seven, please', 7],
      ['٧', 7],
      ['seven', 7],
      ['sete', 7, 'pt'],
      ['5001', null],
      ['-1', null],
      ['1e3', null],
      ['0x10', null],
      ['Infinity', null],
      ['1,2,3', null],
      ['many', null],
      ['9'.repeat(400), null],
    ],
  },
  integer: {
    input: { type: 'number', integer: true },
    rows: [
      ['7', 7],
      ['-3', -3],
      ['7.5', null],
    ],
  },
  date: {
    input: { type: 'date' },
    rows: [
      ['2026-11-21', '2026-11-21'],
      ['21.11.2026', '2026-11-21'],
      ['21/11/2026', '2026-11-21'],
      ['11/21/2026', '2026-11-21', 'en-US'],
      ['21 November 2026', '2026-11-21'],
      ['November 21st, 2026', '2026-11-21'],
      ['21 de novembro de 2026', '2026-11-21', 'pt'],
      ['21. März 2026', '2026-03-21', 'de'],
      ['1er août 2026', '2026-08-01', 'fr'],
      ['29.02.2027', null],
      ['31.04.2026', null],
      ['00.01.2026', null],
      ['1 Foo 2026', null],
      ['21.11.26', null],
      ['9999-01-01', null],
    ],
  },
  datetime: {
    input: { type: 'datetime' },
    rows: [
      ['2026-11-21 7:30', '2026-11-21T07:30'],
      ['2026-11-21T07:30', '2026-11-21T07:30'],
      ['21 November 2026 at 7pm', '2026-11-21T19:00'],
      ['2026-11-21', null],
      ['7:30', null],
    ],
  },
  yesNo: {
    input: { type: 'yesNo' },
    rows: [
      ['Yes!', true],
      ['y', true],
      ['👍🏽', true],
      ['no', false],
      ['No thanks.', false],
      ['sí', true, 'es'],
      ['Não', false, 'pt'],
      ['ja', true, 'de'],
      ['d’accord', true, 'fr'],
      ['ja', null, 'en'],
      ['maybe', null],
    ],
  },
  phone: {
    input: { type: 'phone' },
    rows: [
      ['+351 912 345 678', '+351912345678'],
      ['00351912345678', '+351912345678'],
      ['(020) 7946-0958', '02079460958'],
      ['12', null],
      ['+0351912345678', null],
      ['call me', null],
    ],
  },
  email: {
    input: { type: 'email' },
    rows: [
      ['Ana@Example.org', 'ana@example.org'],
      ['ana', null],
      ['ana@example.org\r\nBcc: x@example.org', null],
    ],
  },
  choice: {
    input: { type: 'choice', options },
    rows: [
      ['rest', 'rest'],
      ['GO FOR A RUN', 'run'],
      ['cafe', 'cafe'],
      ['2', 'rest'],
      ['4', null],
      ['0', null],
      ['sleep', null],
      ['__proto__', null],
    ],
  },
  choices: {
    input: { type: 'choices', options, max: 2 },
    rows: [
      ['rest', ['rest']],
      ['1, 2', ['run', 'rest']],
      ['rest and café', ['rest', 'cafe']],
      ['rest, rest', ['rest']],
      ['1,2,3', null],
      ['1, sleep', null],
      [',rest,', ['rest']],
      ['', null],
      [', ,', null],
    ],
  },
  'choices that look like lists': {
    input: {
      type: 'choices',
      options: [
        { id: 'salt', title: 'Salt & pepper' },
        { id: 'pepper', title: 'Pepper' },
        { id: 'ride', title: 'Cycle to work and back, every day' },
      ],
    },
    rows: [
      ['Salt & pepper', ['salt']],
      ['Cycle to work and back, every day, Salt & pepper', ['ride', 'salt']],
      ['salt & pepper and pepper', ['salt', 'pepper']],
      ['ride, salt', ['ride', 'salt']],
      ['Salt', ['salt']],
      ['Cycle to work and pepper', null],
    ],
  },
  scale: {
    input: { type: 'scale', min: 1, max: 5, labels: { 1: 'Awful', 5: 'Great' } },
    rows: [
      ['3', 3],
      ['great', 5],
      ['five', 5],
      ['0', null],
      ['6', null],
      ['2.5', null],
    ],
  },
  mood: {
    input: { type: 'mood' },
    rows: [
      ['🙂', 4],
      ['5', 5],
      ['😢', 1],
      ['6', null],
      ['fine', null],
    ],
  },
  text: {
    input: { type: 'text', minLength: 2, maxLength: 5 },
    rows: [
      [' hello ', 'hello'],
      ['٧٧', '٧٧'],
      ['x', null],
      ['longer', null],
      ['   ', null],
    ],
  },
};

for (const [type, { input, rows }] of Object.entries(tables)) {
  describe(`an answer to ${type}`, () => {
    test.each(rows.map(([text, value, language = 'en']) => [text.slice(0, 40), language, value, text] as const))(
      '"%s" in %s is %j',
      (_shown, language, value, text) => {
        expect(readAnswer(input, text, language)).toEqual(value === null ? { ok: false } : { ok: true, value });
      },
    );
  });
}

test('whatever is written, reading it ends quickly and gives plain data', () => {
  const inputs = Object.values(tables).map(({ input }) => input);
  fc.assert(
    fc.property(
      fc.constantFrom(...inputs),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom('en', 'de', 'xx', ''),
      (input, text, language) => {
        const answer = readAnswer(input, text, language);
        return answer.ok === false || JSON.stringify(answer.value) !== undefined;
      },
    ),
  );
  const before = performance.now();
  for (const input of inputs) for (const part of ['1 ', '1,', 'a ', '7 e ', ' and ', '-']) readAnswer(input, part.repeat(5000), 'pt');
  expect(performance.now() - before).toBeLessThan(1000);
});
