/** Tokens as GPT-4's tokenizer counts them: the numbers are those of OpenAI's cookbook for cl100k_base. */
import { expect, test } from 'vitest';
import { defaultSizes } from '../../src/rag/chunk.ts';
import { countTokens } from '../../src/rag/tokens.ts';

test.each([
  ['', 0],
  ['tiktoken is great!', 6],
  ['antidisestablishmentarianism', 6],
  ['2 + 2 = 4', 7],
  ['お誕生日おめでとう', 9],
  ['<|endoftext|>', 7],
])('%j has %d tokens', (text, tokens) => expect(countTokens(text)).toBe(tokens));

test('a run without spaces is counted in time', () => {
  expect(countTokens('x'.repeat(200_000))).toBeGreaterThan(10_000);
});

test('a chunk has 1000 tokens, of which 200 are those of the one before', () => {
  expect(defaultSizes).toEqual({ tokens: 1000, overlap: 200 });
});
