/** How well questions find their passages, held against a reference and against figures. */
import { createRequire } from 'node:module';
import axe from 'axe-core';
import { describe, expect, test } from 'vitest';
import { importPassages } from '../../scripts/import-passages.ts';
import { readBeir } from '../../src/rag/beir.ts';
import { evaluate } from '../../src/rag/evaluate.ts';
import { mean, ndcgAt } from '../../src/rag/measures.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { testKnowledge } from '../support/knowledge.ts';
import { porterStem } from '../support/porter.ts';
import { referenceBm25 } from '../support/reference-bm25.ts';

interface Pair {
  passage: string;
  question: string;
}

const require = createRequire(import.meta.url);

/** Rules of accessibility: each with a description, and the same said otherwise. Open text at hand in many languages. */
function rulesIn(language: string): Pair[] {
  if (language === 'en') return axe.getRules().map(({ description, help }) => ({ passage: description, question: help }));
  const { rules } = require(`axe-core/locales/${language}.json`) as { rules: Record<string, { description: string; help: string }> };
  return Object.values(rules).map(({ description, help }) => ({ passage: description, question: help }));
}

async function example(name: string): Promise<Pair[]> {
  const { corpus, questions } = await readBeir(`examples/eval/${name}`);
  const passages = new Map(corpus.map(({ id, text }) => [id, text]));
  return questions.map(({ text, relevance }) => ({ question: text, passage: passages.get([...relevance.keys()][0] ?? '') ?? '' }));
}

describe('retrieval by words', async () => {
  const db = await testDatabase();
  const knowledge = await testKnowledge(db);

  async function measure(pairs: readonly Pair[], answers = false) {
    const creator = await testCreator(db);
    const ids = await importPassages(
      db,
      creator,
      pairs.map(({ passage }) => passage),
    );
    const golden = pairs.map(({ question }, at) => ({ question, relevance: new Map([[ids[at] ?? '', 1]]) }));
    return evaluate(knowledge, creator, golden, { answers, signal: new AbortController().signal });
  }

  test('a question that is a document itself does not find itself', async () => {
    const creator = await testCreator(db);
    const texts = ['Breathe slowly before you sleep.', 'Before you sleep, breathe out slowly and count.', 'Walk in the morning.'];
    const ids = await importPassages(db, creator, texts);
    const golden = { question: texts[0] ?? '', relevance: new Map([[ids[1] ?? '', 1]]) };
    const measured = async (except?: string) =>
      (await evaluate(knowledge, creator, [{ ...golden, except }], { answers: false, signal: new AbortController().signal })).ndcg_at_10;
    expect(await measured(ids[0])).toBe(1);
    expect(await measured()).toBeLessThan(1);
  });

  test.each([
    ['the examples', () => example('english')],
    ['rules of accessibility', () => Promise.resolve(rulesIn('en'))],
  ])('is no worse than the reference on %s', async (_, load) => {
    const pairs = await load();
    const rank = referenceBm25(pairs.map(({ passage }) => passage));
    const reference = mean(pairs.map(({ question }, at) => ndcgAt(10, rank(question).map(String), new Map([[String(at), 1]]))));
    const ours = await measure(pairs);
    expect(reference).toBeGreaterThan(0.6);
    expect(ours.ndcg_at_10).toBeGreaterThanOrEqual(reference - 0.01);
  });

  test.each(['chinese', 'thai'])('finds short passages in %s', async (language) => {
    expect((await measure(await example(language))).ndcg_at_10).toBeGreaterThanOrEqual(0.93);
  });

  test.each([
    ['zh_CN', 0.84],
    ['ja', 0.82],
    ['de', 0.8],
    ['es', 0.84],
    ['fr', 0.86],
  ])('keeps what it reaches on rules of accessibility in %s', async (language, least) => {
    expect((await measure(rulesIn(language))).ndcg_at_10).toBeGreaterThanOrEqual(least);
  });

  test('quotes only what is there', async () => {
    const evaluation = await measure(await example('english'), true);
    expect(evaluation.groundedness).toBe(1);
    expect(evaluation.answered).toBeGreaterThanOrEqual(0.75);
  });
});

test.each([
  ['caresses', 'caress'],
  ['ponies', 'poni'],
  ['relational', 'relat'],
  ['hopping', 'hop'],
  ['filing', 'file'],
  ['happy', 'happi'],
  ['adjustment', 'adjust'],
  ['controlling', 'control'],
  ['vietnamization', 'vietnam'],
])('the reference stems %s as the paper does', (word, stem) => {
  expect(porterStem(word)).toBe(stem);
});
