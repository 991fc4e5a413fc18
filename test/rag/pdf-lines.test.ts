import { describe, expect, test } from 'vitest';
import { linesOf, type TextPiece, withoutHidden } from '../../src/rag/pdf-lines.ts';

/** Pieces of one line as they stand from left to right, each with its direction. */
function pieces(...texts: string[]): TextPiece[] {
  return texts.map((str, at) => ({
    ...{ str, width: 15, height: 10, fontName: 'f', hasEOL: false, transform: [10, 0, 0, 10, at * 20, 700] },
    dir: /[\u0590-\u06FF\uFB1D-\uFEFC]/.test(str) ? 'rtl' : 'ltr',
  }));
}
const textOf = (line: TextPiece[]) => linesOf(line, 1, () => false).map(({ text }) => text);

describe('a line of a PDF', () => {
  test.each([
    ['from left to right stays', pieces('Sleep ', 'well', '.'), 'Sleep well.'],
    ['from right to left is read so', pieces('.', 'יום', ' ', 'בכל', ' ', 'לישון'), 'לישון בכל יום.'],
    ['is read so where it is drawn so already', pieces('יום', ' ', 'בכל').reverse(), 'בכל יום'],
    [
      'keeps words and numbers in it that run the other way',
      pieces('New', ' ', 'York', ' ', 'ב', ' ', 'לישון', ' ', '8', ' ', 'שעות'),
      'שעות 8 לישון ב New York',
    ],
    ['is made of letters, not of their drawn forms', pieces('م', 'ﻮ', 'ﻳ', ' ', 'ﻞ', 'ﻛ'), 'كل يوم'],
    ['loses ligatures', pieces('ﬁ', 'nd'), 'find'],
    ['of little that runs the other way stays', pieces('The word ', 'שלום', ' means peace'), 'The word שלום means peace'],
  ])('%s', (_, line, text) => {
    expect(textOf(line)).toEqual([text]);
  });

  test.each([
    ['drawn first', ['M¨', 'unchen, ´', 'el`', 'eve, na¨', 'ıve'], 8, 'München, élève, naïve'],
    ['drawn after', ['bas', '¸ka deg', '˘er'], 8, 'başka değer'],
    ['that stands by itself', ['2 ˆ', 'n'], 20, '2 ˆn'],
  ])('has its accents on their letters: one %s', (_, drawn, step, text) => {
    const line = pieces(...drawn).map((piece, at) => ({ ...piece, transform: [10, 0, 0, 10, at * step, 700] }));
    expect(textOf(line)).toEqual([text]);
  });

  test('ends where the next one is lower, whatever the file says', () => {
    const [first, second] = [pieces('Sleep'), pieces('well')];
    const lower = second.map((piece) => ({ ...piece, transform: [10, 0, 0, 10, 0, 688] }));
    expect(textOf([...first, ...lower])).toEqual(['Sleep', 'well']);
  });

  test('loses what is hidden, also where the letters were drawn from the right', () => {
    const shown = [
      { text: 'Rest', hidden: false },
      { text: ' TEAM ', hidden: true },
      { text: 'םוי', hidden: true },
      { text: 'well', hidden: false },
    ];
    expect(withoutHidden(pieces('Re', 'st TEA', 'M', 'יום', 'well'), shown).map(({ str }) => str)).toEqual(['Re', 'st ', '', '', 'well']);
  });
});
