/** Whatever a model writes: markers name what was retrieved, quotes stand in their passage, links come from passages. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DocumentId } from '../../src/ids.ts';
import { checkCitations, onlyKnownLinks } from '../../src/rag/citations.ts';
import type { Passage } from '../../src/rag/retrieve.ts';

const sentence = fc.constantFrom(
  'You can cancel a session up to 24 hours before.',
  'Late sessions are charged in full!',
  'Is that so?',
  '取消预约须提前24小时。',
  '# A heading',
  '- an item of a list',
  'See https://example.org/cancel for more.',
  '\u{1F600} smile',
);
const passage = fc.record({ text: fc.array(sentence, { minLength: 1, maxLength: 6 }), page: fc.option(fc.integer({ min: 1, max: 9 })) });
const passages = fc.array(passage, { maxLength: 5 }).map((all) =>
  all.map(
    ({ text, page }, at): Passage => ({
      document_id: `d${at}` as DocumentId,
      title: `t${at}`,
      position: at,
      score: 1,
      text: text.join(at % 2 === 0 ? ' ' : '\n\n'),
      page,
      heading: '',
      language: 'en',
    }),
  ),
);
const marker = fc.constantFrom(' [1]', '[2]', ' [1, 3]', '[7]', '[0]', '[999]', '[1][1]', ' [2,9]', '[x]', '[]');
const written = fc.array(fc.oneof(sentence, marker, fc.string()), { maxLength: 12 }).map((parts) => parts.join(''));

const one: Passage = {
  ...{ document_id: 'd' as DocumentId, title: 't', position: 0, score: 1, page: null, heading: '', language: 'en' },
  text: 'You can cancel a session up to 24 hours before.',
};

describe('citations of any text', () => {
  test('number what was retrieved in the order of its use, with exact quotes and the page', () => {
    fc.assert(
      fc.property(written, passages, (text, retrieved) => {
        const { text: checked, citations } = checkCitations(text, retrieved);
        const used = [...checked.matchAll(/\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g)].flatMap(([, list = '']) => list.split(',').map(Number));
        expect([...new Set(used)]).toEqual(citations.map((_, at) => at + 1));
        for (const { document_id, chunk_index, quote, page } of citations) {
          const cited = retrieved.find((one) => one.document_id === document_id);
          expect(cited?.position).toBe(chunk_index);
          expect(cited?.text).toContain(quote);
          expect(quote).not.toBe('');
          expect(page ?? null).toBe(cited?.page ?? null);
        }
      }),
    );
  });

  test('leave no link that stands in no passage, no picture and no markup', () => {
    const hostile = fc.constantFrom(
      'https://evil.example/x',
      'HTTP://EVIL.example',
      'www.evil.example/a?b=c',
      '![x](https://evil.example/leak.png)',
      '[click](https://evil.example)',
      'javascript:alert(1)',
      'data:text/html,x',
      'mailto:a@evil.example',
      '<img src=https://evil.example/a.png>',
      '<script>',
      'https://example.org/cancel',
    );
    const text = fc.array(fc.oneof(hostile, sentence), { maxLength: 8 }).map((parts) => parts.join(' '));
    fc.assert(
      fc.property(text, passages, (said, retrieved) => {
        const plain = onlyKnownLinks(said, retrieved);
        expect(plain).not.toMatch(/evil\.example|javascript:\S|data:\S|!\[|<\/?[a-z]/i);
        if (!retrieved.some((one) => one.text.includes('https://example.org/cancel'))) expect(plain).not.toContain('example.org/cancel');
      }),
    );
  });

  test.each([
    ['https:<b></b>//evil.example/x [1]', ' [1]'],
    ['www<i>.evil.example', ''],
    ['<<b>script>alert(1)</<b>script>', 'alert(1)'],
    ['java<b>script:alert(1)', ')'],
    [`${'<'.repeat(20)}${'b>'.repeat(20)}`, ''],
    ['[x](https[y](z)://evil.example)', 'x https y z'],
  ])('leave nothing that comes about by the taking out: %j', (said, plain) => {
    const found = onlyKnownLinks(said, []);
    expect(found).not.toMatch(/evil|javascript:|<[a-z/]/i);
    if (plain !== 'x https y z') expect(found).toBe(plain);
  });

  test('leave no marker that comes about by the taking out of another', () => {
    expect(checkCitations('Up to 24 hours [[7]3]. Or [ [9][8]2].', [one])).toEqual({ text: 'Up to 24 hours. Or.', citations: [] });
    expect(checkCitations('Up to 24 hours [[7]1].', [one]).citations).toHaveLength(1);
  });
});
