import { describe, expect, test } from 'vitest';
import type { CreatorId } from '../../src/ids.ts';
import { createFindAnswering } from '../../src/rag/answering.ts';
import { questionTerms } from '../../src/rag/lexemes.ts';
import { rankByWords } from '../../src/rag/lexical.ts';
import { testCreator, vectorDatabase } from '../support/database.ts';
import { watching } from '../support/faulty-database.ts';
import { learn, testKnowledge } from '../support/knowledge.ts';
import { startOllama } from '../support/ollama.ts';

describe('retrieval', async () => {
  const db = await vectorDatabase();
  const knowledge = await testKnowledge(db);
  const creator = await testCreator(db);
  const other = await testCreator(db);
  const never = new AbortController().signal;

  await learn(knowledge, creator, 'Breathing: breathe in for four seconds and out for six seconds, twice a day.', 'breathing.txt');
  await learn(
    knowledge,
    creator,
    'Walking: walk for thirty minutes a day, best in the morning, and breathe calmly. '.repeat(4),
    'walking.txt',
  );
  await learn(knowledge, creator, 'La respiración: inspira cuatro segundos por la nariz y espira en seis segundos.', 'respiracion.txt');
  await learn(knowledge, other, 'The secret breathing method is called blue lantern.', 'secret.txt');

  const titles = async (who: CreatorId, question: string, k = 5) =>
    (await knowledge.retriever.retrieve(who, [question], null, k, never)).passages.map((passage) => passage.title);

  test.each([
    ['How long do I breathe out?', 'breathing'],
    ['minutes of walking', 'walking'],
    ['¿Cuántos segundos inspiro?', 'respiracion'],
    ['breething secnds', 'breathing'],
    ['waking for thirty minuets', 'walking'],
  ])('%s finds %s first', async (question, title) => {
    expect((await titles(creator, question))[0]).toBe(title);
  });

  test.each([
    [
      'that is made of two',
      'Wie führe ich ein Schlaftagebuch?',
      'Ein Tagebuch über den Schlaf hilft. Es liegt neben dem Bett und ist kurz.',
    ],
    [
      'that is made of two with a letter between',
      'Wie ist mein Arbeitsplatz?',
      'Der Platz für die Arbeit ist hell und die Lampe ist nicht zu nah.',
    ],
    ['that begins another', 'Who does acupuncture?', 'Ask our acupuncturist for the needles that she has in the room.'],
    ['that another begins', 'Who are the acupuncturists?', 'We have acupuncture in the room that is above the garden.'],
  ])('a word %s finds what holds those where nothing holds it', async (_, question, text) => {
    const reader = await testCreator(db);
    await learn(knowledge, reader, text, 'wanted.txt');
    await learn(knowledge, reader, 'Der Garten ist nicht da. The garden is not there, and that is that.', 'other.txt');
    expect((await titles(reader, question))[0]).toBe('wanted');
  });

  test('a word that stands in a document is taken for no other', async () => {
    const reader = await testCreator(db);
    await learn(knowledge, reader, 'Das Schlaftagebuch ist ein Heft und liegt neben dem Bett.', 'whole.txt');
    await learn(knowledge, reader, 'Der Schlaf und das Tagebuch sind nicht das, was du suchst.', 'parts.txt');
    expect(await titles(reader, 'Schlaftagebuch')).toEqual(['whole']);
  });

  test('a rare word outweighs a common one, and a short passage a long one', async () => {
    const { hits, rarity } = await db.tenant(creator, async (sql) =>
      rankByWords(sql, creator, questionTerms('six breaths', ['en', 'es']), await createFindAnswering()(sql, creator, null), 10),
    );
    expect(hits).toHaveLength(2);
    expect(rarity.get('six')).toBeGreaterThan(rarity.get('breath') ?? 0);
  });

  test('one document of another language makes no stop word worth finding', async () => {
    const mixed = await testCreator(db);
    await learn(knowledge, mixed, 'The habit that stays is the one that is small.', 'habit.txt');
    await learn(knowledge, mixed, 'Sleep is better for those who get up at the same time.', 'sleep.txt');
    await learn(knowledge, mixed, `Kaizen: the for who what. ${'改善 '.repeat(60)}`, 'kaizen.txt');
    expect(await titles(mixed, 'What is the habit for those who stay?')).toEqual(['habit', 'kaizen']);
    expect(await titles(mixed, '改善?')).toEqual(['kaizen']);
  });

  test('row 34: never sees the passages of another creator, by any words', async () => {
    expect(await titles(creator, 'the secret breathing method blue lantern', 20)).not.toContain('secret');
    expect(await titles(other, 'breathe four seconds walking', 20)).toEqual(['secret']);
  });

  test('asks only the collections named', async () => {
    const found = await knowledge.retriever.retrieve(creator, ['breathe'], ['nothing here'], 5, never);
    expect(found.passages).toEqual([]);
  });

  test('what is deleted is found no more, and what is moved is found in its new collection', async () => {
    const { id } = await learn(knowledge, creator, 'Humming calms the throat.', 'humming.txt');
    expect(await titles(creator, 'humming')).toEqual(['humming']);
    await knowledge.documents.update(creator, id, { collection: 'voice' });
    const found = async (collection: string) => (await knowledge.retriever.retrieve(creator, ['humming'], [collection], 5, never)).passages;
    expect([(await found('default')).length, (await found('voice')).length]).toEqual([0, 1]);
    await knowledge.documents.remove(creator, id);
    expect(await titles(creator, 'humming')).toEqual([]);
  });

  test('a document that is read anew between the search and the reading of its passages is found all the same', async () => {
    const reader = await testCreator(db);
    const { id } = await learn(knowledge, reader, 'Humming calms the throat.', 'humming.txt');
    const readAnew = async () => {
      await knowledge.documents.reindex(reader, id);
      await knowledge.ingest.drain();
    };
    const { retriever } = await testKnowledge(watching(db, /from unnest/, readAnew));
    expect((await retriever.retrieve(reader, ['humming'], null, 5, never)).passages).toHaveLength(1);
  });

  test('vectors find what words do not, and both together put first what both find', async () => {
    const ollama = await startOllama();
    const fused = await testKnowledge(db, { ollamaUrl: ollama.url });
    const reader = await testCreator(db);
    // To the stand-in a stop word is as good as any; to the ranking by words it is none.
    await learn(fused, reader, 'What is to be will be.', 'being.txt');
    await learn(fused, reader, 'Walking: what is to be walked is walked.', 'walking.txt');
    const found = async ({ retriever }: typeof fused, question: string) =>
      (await retriever.retrieve(reader, [question], null, 5, never)).passages.map((passage) => passage.title);
    expect(await found(knowledge, 'what is to be')).toEqual([]);
    expect(await found(fused, 'what is to be')).toEqual(['being', 'walking']);
    expect(await found(knowledge, 'what is to be walked')).toEqual(['walking']);
    expect(await found(fused, 'what is to be walked')).toEqual(['walking', 'being']);
  });

  test('an aborted search rejects with the reason', async () => {
    await expect(knowledge.retriever.retrieve(creator, ['breathe'], null, 5, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  });
});
