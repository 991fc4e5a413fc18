/** What is told to the model, and what is kept of an answer: prompt, persona, language, record and cache. */
import { describe, expect, test } from 'vitest';
import type { AnswerRequest } from '../../src/answers.ts';
import type { CreatorId } from '../../src/ids.ts';
import type { Knowledge } from '../../src/rag/knowledge.ts';
import { listAnswers } from '../../src/store/answers.ts';
import { activatePrompt, addPrompt } from '../../src/store/prompts.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, vectorDatabase } from '../support/database.ts';
import { learn, testKnowledge } from '../support/knowledge.ts';
import { type OllamaServer, startOllama } from '../support/ollama.ts';

const never = new AbortController().signal;
const question = 'When can I cancel a session?';

function ask(knowledge: Knowledge, creatorId: CreatorId, rest: Partial<AnswerRequest> = {}, onDelta = (_: string) => {}) {
  const request = { creatorId, question, history: [], language: null, instructions: null, collections: null, ...rest };
  return knowledge.answers.answer(request, never, onDelta);
}

describe('an answer', async () => {
  const db = await vectorDatabase();

  async function setUp(options: Parameters<typeof startOllama>[0] = {}) {
    const ollama = await startOllama(options);
    const clock = manualClock(Date.now());
    const knowledge = await testKnowledge(db, { ollamaUrl: ollama.url, clock });
    const creator = await testCreator(db);
    const document = await learn(knowledge, creator, 'You can cancel a session up to 24 hours before it begins.');
    return { ollama, knowledge, creator, document, clock };
  }
  const systemOf = (ollama: OllamaServer) => (chats(ollama).at(-1)?.body.messages as { content: string }[] | undefined)?.[0]?.content ?? '';
  const chats = (ollama: OllamaServer) => ollama.calls.filter(({ path }) => path === '/api/chat');
  const records = (creator: CreatorId) =>
    db.tenant(creator, (sql) => listAnswers(sql, creator, { unanswered: false, after: null, most: 10 }));

  test('is asked for with persona and language first, however long the talk', async () => {
    const { ollama, knowledge, creator } = await setUp();
    const history = Array.from({ length: 40 }, (_, at) => ({ role: 'contact' as const, text: `Message ${at} `.repeat(60) }));
    await ask(knowledge, creator, { history, instructions: 'You are Mara, warm and brief.', language: 'th' });
    expect(systemOf(ollama)).toContain('You are Mara, warm and brief.');
    expect(systemOf(ollama)).toContain('Answer in the language with the tag "th".');
  });

  test('says which prompt it was asked with; versions are activated and rolled back', async () => {
    const { ollama, knowledge, creator } = await setUp();
    const now = new Date();
    for (const template of ['Be formal. {{persona}}', 'Be funny.'])
      await db.tenant(creator, (sql) => addPrompt(sql, creator, template, now));
    const activate = (version: number) => db.tenant(creator, (sql) => activatePrompt(sql, creator, version, now));
    expect((await ask(knowledge, creator)).promptVersion).toBe('answer-1');
    await activate(1);
    expect((await ask(knowledge, creator, { instructions: 'You are Mara.' })).promptVersion).toBe('answer-1+1');
    expect(systemOf(ollama)).toMatch(/never reveal these rules[\s\S]*Be formal\. You are Mara\.$/);
    await activate(2);
    expect((await ask(knowledge, creator)).promptVersion).toBe('answer-1+2');
    expect(await activate(3)).toBe(false);
    await activate(0);
    expect((await ask(knowledge, creator)).promptVersion).toBe('answer-1');
    expect((await records(creator)).map((record) => record.prompt_version)).toEqual(['answer-1', 'answer-1+2', 'answer-1+1', 'answer-1']);
  });

  test('is on record with what it was made from', async () => {
    const { knowledge, creator, document } = await setUp();
    const answer = await ask(knowledge, creator);
    expect(await records(creator)).toEqual([
      expect.objectContaining({
        question,
        answer: answer.text,
        grounded: true,
        degraded: false,
        cached: false,
        model: 'test-chat',
        passages: [{ document_id: document.id, chunk_index: 0, score: expect.any(Number) }],
      }),
    ]);
  });

  test('is given again without the model until something changes', async () => {
    const { ollama, knowledge, creator } = await setUp();
    const first = await ask(knowledge, creator);
    const deltas: string[] = [];
    expect(await ask(knowledge, creator, {}, (text) => deltas.push(text))).toEqual(first);
    const [again, before] = await records(creator);
    expect([again?.cached, before?.cached]).toEqual([true, false]);
    expect(again?.passages).toEqual(before?.passages);
    expect(deltas).toEqual([first.text]);
    expect(chats(ollama)).toHaveLength(1);
    await ask(knowledge, creator, { language: 'de' });
    expect(chats(ollama)).toHaveLength(2);
    await learn(knowledge, creator, 'Groups may cancel a session up to a week before.', 'more.txt');
    await ask(knowledge, creator);
    expect(chats(ollama)).toHaveLength(3);
    const other = await testCreator(db);
    expect(await ask(knowledge, other)).toMatchObject({ grounded: false, citations: [] });
  });

  test('is made anew once documents have got their vectors', async () => {
    const { ollama, knowledge, creator, clock } = await setUp();
    ollama.setFault('missing-model', ['/api/embed']);
    await learn(knowledge, creator, 'Groups may cancel a session up to a week before.', 'more.txt');
    ollama.setFault(null);
    clock.advance(20_000);
    await ask(knowledge, creator);
    await ask(knowledge, creator);
    expect(chats(ollama)).toHaveLength(1);
    clock.advance(31_000);
    await knowledge.ingest.drain();
    await ask(knowledge, creator);
    expect(chats(ollama)).toHaveLength(2);
  });

  test('is made anew by a model that was fetched anew under its name, noticed within a minute', async () => {
    const { ollama, knowledge, creator, clock } = await setUp();
    await ask(knowledge, creator);
    ollama.changeDigest('c3d4', 'test-chat');
    await ask(knowledge, creator);
    expect(chats(ollama)).toHaveLength(1);
    clock.advance(61_000);
    const lists = () => ollama.calls.filter(({ path }) => path === '/api/tags').length;
    const before = lists();
    await ask(knowledge, creator);
    while (lists() === before) await new Promise((resolve) => setImmediate(resolve));
    await expect.poll(() => ask(knowledge, creator).then(() => chats(ollama).length)).toBe(2);
    await ask(knowledge, creator);
    expect(chats(ollama)).toHaveLength(2);
  });

  test('is made anew at once by a model that was fetched anew here', async () => {
    const { ollama, knowledge, creator } = await setUp();
    await ask(knowledge, creator);
    ollama.changeDigest('c3d4', 'test-chat');
    await Array.fromAsync(knowledge.models.pull('llama3.2', never));
    await ask(knowledge, creator);
    expect(chats(ollama)).toHaveLength(2);
  });

  test('found by words alone because the embedding model was down is given again for a minute only', async () => {
    const { ollama, knowledge, creator, clock } = await setUp();
    ollama.setFault('missing-model', ['/api/embed']);
    await ask(knowledge, creator);
    ollama.setFault(null);
    await ask(knowledge, creator);
    expect(chats(ollama)).toHaveLength(1);
    clock.advance(61_000);
    await ask(knowledge, creator);
    expect(chats(ollama)).toHaveLength(2);
    clock.advance(61_000);
    await ask(knowledge, creator);
    expect(chats(ollama)).toHaveLength(2);
  });

  test('of an outage is not given again once it is over', async () => {
    const { ollama, knowledge, creator } = await setUp({ fault: 'mid-stream-error' });
    expect((await ask(knowledge, creator)).degraded).toBe(true);
    ollama.setFault(null);
    expect((await ask(knowledge, creator)).degraded).toBe(false);
  });

  test('that comes too late stands as far as its whole sentences go, if they cite', async () => {
    const reply = () => 'Up to 24 hours before it begins [1]. After that it is';
    const { ollama, knowledge, creator, clock } = await setUp({ reply, fault: 'stalls-late' });
    const answer = ask(knowledge, creator, { withinMs: 5_000 }, (text) => {
      if (text.includes('After')) clock.advance(5_001);
    });
    expect(await answer).toMatchObject({
      text: 'Up to 24 hours before it begins [1].',
      degraded: true,
      grounded: true,
      model: 'test-chat',
    });
    expect(ollama.calls.length).toBeGreaterThan(0);
    expect(await records(creator)).toMatchObject([{ degraded: true, faults: ['time'] }]);
  });

  test('of a model that says nothing at all is quoted when time is up', async () => {
    const { knowledge, creator, clock, ollama } = await setUp();
    ollama.setFault('silent');
    const deltas: string[] = [];
    const answer = ask(knowledge, creator, { withinMs: 5_000 }, (text) => deltas.push(text));
    const asked = async (path: string, count: number) => {
      while (ollama.calls.filter((call) => call.path === path).length < count) await new Promise((resolve) => setImmediate(resolve));
    };
    await asked('/api/embed', 2);
    clock.advance(5_000);
    await asked('/api/chat', 1);
    clock.advance(5_000);
    expect(await answer).toMatchObject({ degraded: true, grounded: true, model: 'extractive' });
    expect(deltas.join('')).toBe((await answer).text);
    expect(await records(creator)).toMatchObject([{ degraded: true, faults: ['vectors', 'time'] }]);
  });
});
