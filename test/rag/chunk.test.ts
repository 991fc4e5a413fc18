import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Chunk, chunksOf } from '../../src/rag/chunk.ts';
import { type Block, type DocumentText, joinBlocks } from '../../src/rag/document-text.ts';
import { countTokens } from '../../src/rag/tokens.ts';

const words = fc.oneof(
  fc.constantFrom('sleep', 'Coaching', 'Übung', '睡眠', 'นอนหลับ', '🧘‍♀️', 'e.g.', '3.14', 'x'.repeat(300), 'don’t', '\u0000', '—'),
  fc.string({ maxLength: 12, unit: 'grapheme' }),
);
const sentence = fc.array(words, { minLength: 1, maxLength: 40 }).map((list) => `${list.join(' ')}. `);
const block: fc.Arbitrary<Block> = fc.record({
  text: fc.array(sentence, { minLength: 1, maxLength: 8 }).map((list) => list.join('')),
  page: fc.constant(null),
  level: fc.constantFrom(0, 0, 0, 1, 2),
});
const documents = fc.array(block, { minLength: 1, maxLength: 12 }).map((blocks): DocumentText | null => {
  try {
    return joinBlocks(blocks, 1_000_000);
  } catch {
    // nothing visible was drawn
    return null;
  }
});
const sizes = fc.constantFrom({ tokens: 400, overlap: 80 }, { tokens: 1000, overlap: 200 });

describe('chunks of any document', () => {
  test('are exact slices that cover all of it, in order, within the token caps, each overlapping the one before', () => {
    fc.assert(
      fc.property(documents, sizes, (document, size) => {
        if (document === null) return;
        const chunks = chunksOf(document, size);
        expect(chunks[0]?.start).toBe(0);
        expect(chunks.at(-1)?.end).toBe(document.text.length);
        for (const [at, chunk] of chunks.entries()) {
          expect(chunk).toMatchObject({ position: at, text: document.text.slice(chunk.start, chunk.end), tokens: countTokens(chunk.text) });
          expect(chunk.tokens).toBeLessThanOrEqual(size.tokens);
          expect(chunk.text.isWellFormed()).toBe(true);
        }
        for (const [before, chunk] of pairs(chunks)) {
          expect(chunk.start).toBeGreaterThan(before.start);
          expect(chunk.start).toBeLessThanOrEqual(before.end);
          expect(chunk.end).toBeGreaterThan(before.end);
          expect(countTokens(document.text.slice(chunk.start, before.end))).toBeLessThanOrEqual(size.overlap);
        }
      }),
      { numRuns: 100, endOnFailure: true },
    );
  });

  test('repeat the last sentences of the chunk before', () => {
    const text = Array.from({ length: 300 }, (_, at) => `Sentence number ${at} speaks of sleep and rest.`).join(' ');
    const chunks = chunksOf(joinBlocks([{ text, page: null, level: 0 }], 1_000_000));
    expect(chunks.length).toBeGreaterThan(2);
    for (const [before, chunk] of pairs(chunks)) {
      const shared = text.slice(chunk.start, before.end);
      expect(countTokens(shared)).toBeGreaterThan(150);
      expect(shared).toMatch(/^Sentence/);
    }
  });

  test('begin at a heading rather than in the middle of a section', () => {
    const section = (name: string): Block[] => [
      { text: name, page: null, level: 2 },
      { text: `${name} matters to everyone who wants to rest. `.repeat(60), page: null, level: 0 },
    ];
    const chunks = chunksOf(joinBlocks([...section('Breathing'), ...section('Walking'), ...section('Eating')], 1_000_000));
    expect(chunks.map((chunk) => chunk.heading)).toEqual(['Breathing', 'Walking', 'Eating']);
    expect(chunks[1]?.text).toContain('\n\nWalking\n\n');
  });

  test('know the page they begin on', () => {
    const pages = [1, 2, 3].map((page) => ({ text: `Page ${page} is about something else. `.repeat(85), page, level: 0 }));
    expect(chunksOf(joinBlocks(pages, 1_000_000)).map((chunk) => chunk.page)).toEqual([1, 2, 3]);
  });
});

function pairs(chunks: readonly Chunk[]): [Chunk, Chunk][] {
  return chunks.slice(1).map((chunk, at) => [chunks[at] as Chunk, chunk]);
}
