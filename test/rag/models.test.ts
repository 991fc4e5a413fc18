/** The registry of models, each creator's share of them, and the order they give. */
import { describe, expect, test } from 'vitest';
import type { CreatorId } from '../../src/ids.ts';
import { isFetchable } from '../../src/rag/model-names.ts';
import { createModelShare } from '../../src/rag/model-share.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import { listAnswers } from '../../src/store/answers.ts';
import { manualClock } from '../support/clock.ts';
import { testCreator, testDatabase, vectorDatabase } from '../support/database.ts';
import { learn, testKnowledge } from '../support/knowledge.ts';
import { type OllamaFault, startOllama } from '../support/ollama.ts';

const never = new AbortController().signal;

describe('models', async () => {
  const db = await testDatabase();
  const vectors = await vectorDatabase();

  async function setUp() {
    const ollama = await startOllama();
    return { ollama, knowledge: await testKnowledge(db, { ollamaUrl: ollama.url }), creator: await testCreator(db) };
  }

  test('are told with what they do, and whether their server answers', async () => {
    const { ollama, knowledge, creator } = await setUp();
    expect(await knowledge.models.inUse(creator, never)).toMatchObject({
      answers: { model: 'test-chat', available: true, installed: true },
      rerank: false,
      installed: expect.arrayContaining([{ name: 'other-chat:latest', digest: 'a1b2', bytes: 274_000_000, parameters: '137M' }]),
      reachable: true,
    });
    await ollama.close();
    expect(await knowledge.models.inUse(creator, never)).toMatchObject({ answers: { available: false }, installed: [], reachable: false });
  });

  test('are chosen by each creator alone', async () => {
    const { ollama, knowledge, creator } = await setUp();
    const other = await testCreator(db);
    await knowledge.models.choose(creator, { answers: 'other-chat' }, never);
    for (const who of [creator, other]) {
      await learn(knowledge, who, 'You can cancel up to 24 hours before.');
      await knowledge.answers.answer(request(who, 'When can I cancel?'), never, () => {});
    }
    expect(ollama.calls.filter(({ path }) => path === '/api/chat').map(({ body }) => body.model)).toEqual(['other-chat', 'test-chat']);
    await knowledge.models.choose(creator, { answers: null }, never);
    expect((await knowledge.models.inUse(creator, never)).answers.model).toBe('test-chat');
  });

  test.each([false, true])(
    'fetched anew under their name are noticed: documents answer by words until they are embedded anew (by itself: %s)',
    async (reembed) => {
      const clock = manualClock(Date.now());
      const ollama = await startOllama();
      const knowledge = await testKnowledge(vectors, { ollamaUrl: ollama.url, clock, reembed });
      const creator = await testCreator(vectors);
      const { id } = await learn(knowledge, creator, 'You can cancel up to 24 hours before.');
      const later = async () => {
        await clock.advance(61_000);
        await knowledge.ingest.drain();
      };
      const embeddings = async () => (await knowledge.models.inUse(creator, never)).embeddings;
      const makes = () =>
        vectors.tenant(creator, (sql) => sql<{ model: string }>('select distinct model from embeddings where creator_id = $1', [creator]));
      await later();
      expect(await embeddings()).toMatchObject({ status: 'current', waiting: 0, changed: 0, model: 'nomic-embed-text-1-768@a1b2' });
      ollama.changeDigest('c3d4');
      await later();
      if (!reembed) {
        expect(await embeddings()).toMatchObject({ status: 'changed', waiting: 0, changed: 1, model: 'nomic-embed-text-1-768@c3d4' });
        expect((await knowledge.retriever.retrieve(creator, ['cancel'], null, 5, never)).passages).toHaveLength(1);
        expect(await knowledge.models.reembed(creator, never)).toBe(1);
        await knowledge.ingest.drain();
      }
      expect(await embeddings()).toMatchObject({ status: 'current', waiting: 0, changed: 0 });
      expect((await knowledge.documents.get(creator, id)).embedded_by).toBe('nomic-embed-text-1-768@c3d4');
      expect(await makes()).toEqual([{ model: 'nomic-embed-text-1-768@c3d4' }]);
      expect(await knowledge.models.reembed(creator, never)).toBe(0);
    },
  );

  test('that embed shorter texts than a chunk get its beginning, and what is too long for them is no outage', async () => {
    const ollama = await startOllama({ longest: 600 });
    const knowledge = await testKnowledge(vectors, { ollamaUrl: ollama.url });
    const creator = await testCreator(vectors);
    const long = `You can cancel up to 24 hours before. ${'Then rest for eight hours. '.repeat(60)}`;
    const [first, second] = [await learn(knowledge, creator, long), await learn(knowledge, creator, `# Rest\n\n${long}`, 'rest.md')];
    for (const { id } of [first, second]) {
      expect((await knowledge.documents.get(creator, id)).embedded_by).toBe('nomic-embed-text-1-768@a1b2');
    }
    expect((await knowledge.models.inUse(creator, never)).embeddings).toMatchObject({ available: true, waiting: 0 });
    const { withoutVectors } = await knowledge.retriever.retrieve(creator, ['cancel '.repeat(200)], null, 5, never);
    expect(withoutVectors).toBe(false);
  });

  test('that are busy are asked again after a moment, and again after a longer one', async () => {
    const clock = manualClock(Date.now());
    const ollama = await startOllama();
    const knowledge = await testKnowledge(vectors, { ollamaUrl: ollama.url, clock });
    const creator = await testCreator(vectors);
    await learn(knowledge, creator, 'You can cancel up to 24 hours before.');
    ollama.setFault('busy', ['/api/embed']);
    const begun = clock.wall();
    /** Turns the clock until it is asked so often, and says how far that was. */
    const asked = async (times: number) => {
      while (ollama.calls.filter(({ path }) => path === '/api/embed').length <= times) {
        await new Promise((resolve) => setImmediate(resolve));
        clock.advance(1);
      }
      return clock.wall() - begun;
    };
    const found = knowledge.retriever.retrieve(creator, ['cancel'], null, 5, never);
    expect(await asked(2)).toBeGreaterThanOrEqual(150);
    ollama.setFault(null);
    expect(await asked(3)).toBeGreaterThanOrEqual(600);
    expect((await found).withoutVectors).toBe(false);
  });

  test('that are not installed cannot be chosen, and not all may be fetched', async () => {
    const { knowledge, creator } = await setUp();
    await expect(knowledge.models.choose(creator, { answers: 'mistral' }, never)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    await expect(knowledge.models.pull('evil.example/model', never).next()).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('are fetched one at a time, told as it goes', async () => {
    const { ollama, knowledge } = await setUp();
    const first = knowledge.models.pull('llama3.2', never);
    expect((await first.next()).value).toEqual({ status: 'pulling manifest', completed: 0, total: 0 });
    await expect(knowledge.models.pull('mistral', never).next()).rejects.toMatchObject({ code: 'CONFLICT' });
    expect((await Array.fromAsync(first)).at(-1)).toMatchObject({ status: 'success' });
    ollama.setFault('mid-stream-error');
    await expect(Array.fromAsync(knowledge.models.pull('mistral', never))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('order passages where that is wanted, and nonsense changes nothing', async () => {
    const replies = ['2, 1, 99, banana', 'Answered [1].'];
    const ollama = await startOllama({ reply: () => replies.shift() ?? 'Answered [1].' });
    const knowledge = await testKnowledge(db, { ollamaUrl: ollama.url });
    const creator = await testCreator(db);
    await learn(knowledge, creator, 'Cancel a session, cancel it early, a session is easy to cancel.', 'first.txt');
    await learn(knowledge, creator, 'To cancel a session takes 24 hours.', 'second.txt');
    await knowledge.models.choose(creator, { rerank: true }, never);
    const [best] = (await knowledge.retriever.retrieve(creator, ['cancel a session'], null, 2, never)).passages;
    const answer = await knowledge.answers.answer(request(creator, 'cancel a session'), never, () => {});
    expect(answer.citations[0]?.document_id).not.toBe(best?.document_id);
  });

  test('without a server answers are quoted, and nothing can be fetched', async () => {
    const knowledge = await testKnowledge(db);
    const creator = await testCreator(db);
    expect(await knowledge.models.inUse(creator, never)).toMatchObject({
      answers: { model: 'extractive', available: true },
      embeddings: null,
      reachable: null,
    });
    await expect(knowledge.models.pull('mistral', never).next()).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('the share of a creator', () => {
  const [ana, ben] = ['ana' as CreatorId, 'ben' as CreatorId];

  test('is so many answers at once, whatever others do', async () => {
    const share = createModelShare(createMemoryCache(manualClock(0)), { atOnce: 1, tokensPerDay: 1_000 });
    const place = await share.take(ana);
    expect(await share.take(ana)).toBeNull();
    expect(await share.take(ben)).not.toBeNull();
    await place?.done();
    expect(await share.take(ana)).not.toBeNull();
  });

  test('is so many tokens a day', async () => {
    const clock = manualClock(0);
    const share = createModelShare(createMemoryCache(clock), { atOnce: 4, tokensPerDay: 1_000 });
    const place = await share.take(ana);
    place?.spend(600);
    place?.spend(400);
    await place?.done();
    expect(await share.take(ana)).toBeNull();
    clock.advance(86_400_001);
    expect(await share.take(ana)).not.toBeNull();
  });

  test('is not refused and not counted while the cache is down, but for answers at once', async () => {
    const down = () => Promise.reject(new Error('down'));
    const share = createModelShare(
      { get: down, set: down, take: down, delete: down, count: down, keys: down, close: down },
      { atOnce: 1, tokensPerDay: 1 },
    );
    const place = await share.take(ana);
    expect(place).not.toBeNull();
    expect(await share.take(ana)).toBeNull();
    place?.spend(10);
    await place?.done();
    expect(await share.take(ana)).not.toBeNull();
  });

  test.each(['mid-stream-error', 'stalls'] satisfies OllamaFault[])('counts what was written before a model failed: %s', async (fault) => {
    const db = await testDatabase();
    const clock = manualClock(Date.now());
    const ollama = await startOllama({ fault });
    const knowledge = await testKnowledge(db, { ollamaUrl: ollama.url, clock, share: { atOnce: 4, tokensPerDay: 1 } });
    const creator = await testCreator(db);
    await learn(knowledge, creator, 'You can cancel a session up to 24 hours before. Groups meet on Mondays.');
    const chats = () => ollama.calls.filter(({ path }) => path === '/api/chat').length;
    const late = (text: string) => void (text.trim() === 'You' && fault === 'stalls' && clock.advance(60_000));
    expect(
      await knowledge.answers.answer({ ...request(creator, 'When can I cancel a session?'), withinMs: 30_000 }, never, late),
    ).toMatchObject({
      degraded: true,
    });
    expect(chats()).toBe(1);
    ollama.setFault(null);
    expect(await knowledge.answers.answer(request(creator, 'When do groups meet?'), never, () => {})).toMatchObject({
      model: 'extractive',
    });
    expect(chats()).toBe(1);
  });

  test('once used up, answers are quoted', async () => {
    const db = await testDatabase();
    const ollama = await startOllama();
    const knowledge = await testKnowledge(db, { ollamaUrl: ollama.url, share: { atOnce: 4, tokensPerDay: 1 } });
    const creator = await testCreator(db);
    await learn(knowledge, creator, 'You can cancel a session up to 24 hours before. Groups meet on Mondays.');
    const ask = (question: string) => knowledge.answers.answer(request(creator, question), never, () => {});
    expect((await ask('When can I cancel a session?')).model).toBe('test-chat');
    expect(await ask('When do groups meet?')).toMatchObject({ model: 'extractive', degraded: true, grounded: true });
    const [record] = await db.tenant(creator, (sql) => listAnswers(sql, creator, { unanswered: false, after: null, most: 1 }));
    expect(record?.faults).toEqual(['share']);
  });
});

test.each(['llama3.2', 'mistral', 'llama2:7b-chat', 'nomic-embed-text'])('%s may be fetched', (name) => {
  expect(isFetchable(name)).toBe(true);
});

function request(creatorId: CreatorId, question: string) {
  return { creatorId, question, history: [], language: null, instructions: null, collections: null };
}
