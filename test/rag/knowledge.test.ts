import { describe, expect, test } from 'vitest';
import type { CreatorId } from '../../src/ids.ts';
import type { Knowledge } from '../../src/rag/knowledge.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { learn, testKnowledge } from '../support/knowledge.ts';

const handbook = `# Coaching handbook

Welcome to eight weeks of better sleep.

## Cancelling

You can cancel a session up to 24 hours before it begins. Later cancellations are charged in full.

## Refunds

We refund the program within 14 days of the purchase. Write to help@example.org with your order number.

## Sleep diary

Keep a diary every morning: when you went to bed, how often you woke up, and how rested you feel. Dr. Okafor reads it on Fridays.
`;

describe('knowledge, end to end', async () => {
  const db = await testDatabase();
  const knowledge = await testKnowledge(db);
  const creator = await testCreator(db);
  const other = await testCreator(db);
  const document = await learn(knowledge, creator, handbook, 'handbook.md');

  test('an uploaded text becomes ready, with chunks', async () => {
    expect(document).toMatchObject({ status: 'ready', progress: 1, kind: 'markdown', language: 'en', title: 'handbook', reason: null });
    const chunks = await knowledge.documents.chunks(creator, document.id, -1, 10);
    expect(chunks.length).toBe(document.chunks);
    expect(chunks[0]?.text).toContain('24 hours');
  });

  test.each([
    ['How late can I cancel a session?', '24 hours'],
    ['Do I get a refund?', '14 days'],
    ['What belongs in the sleep diary?', 'every morning'],
    ['Who reads my diary?', 'Dr. Okafor'],
    ['Does coffee after lunch or a glass of wine matter?\nHow late can I cancel a session?', '24 hours'],
    ['Is there an elevator, a garage or a playground? And how late can I cancel a session? Thanks', '24 hours'],
  ])('%s is answered with a quote that holds %j', async (question, expected) => {
    const answer = await ask(knowledge, creator, question);
    expect(answer).toMatchObject({ grounded: true, degraded: true, model: 'extractive' });
    expect(answer.text).toContain(expected);
    expect(answer.citations[0]).toMatchObject({ document_id: document.id, title: 'handbook' });
    for (const citation of answer.citations) expect(handbook.replaceAll('\n', ' ')).toContain(citation.quote.replaceAll('\n', ' '));
  });

  test.each([
    ['of something else', 'Who won the football world cup in 1998?'],
    ['about a place', 'What is the capital of Mongolia?'],
    ['that is none', 'Bake sourdough bread'],
    ['and another word', 'Who won the football world cup in 1998?\nDiary?'],
    ['without a word', '?'],
    ['of common words', 'the of and'],
    ['of nothing', ''],
    ['in Thai', 'ฉันจะยกเลิกนัดได้เมื่อไร'],
    ['in Chinese', '取消预约要提前多久？'],
    ['in Arabic', 'مرحبا كيف حالك'],
    ['of 100 kB', 'word '.repeat(20_000)],
    ['of one endless word', 'x'.repeat(100_000)],
  ])('a question %s finds nothing', async (_, question) => {
    expect(await ask(knowledge, creator, question)).toMatchObject({ grounded: false, text: '', citations: [] });
  });

  test('another creator finds nothing', async () => {
    expect(await ask(knowledge, other, 'How late can I cancel a session?')).toMatchObject({ grounded: false, text: '' });
  });
});

function ask(knowledge: Knowledge, creatorId: CreatorId, question: string) {
  const request = { creatorId, question, history: [], language: null, instructions: null, collections: null };
  return knowledge.answers.answer(request, new AbortController().signal, () => {});
}
