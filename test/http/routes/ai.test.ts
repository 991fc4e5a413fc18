import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { AppError } from '../../../src/errors.ts';
import { memberGate } from '../../../src/http/auth.ts';
import { aiRoutes } from '../../../src/http/routes/ai.ts';
import { testAccounts } from '../../support/accounts.ts';
import { testApp } from '../../support/app.ts';
import { vectorDatabase } from '../../support/database.ts';
import { learn, testKnowledge } from '../../support/knowledge.ts';
import { quietLog } from '../../support/quiet-log.ts';

describe('questions over HTTP', async () => {
  const db = await vectorDatabase();
  const clock = systemClock();
  const knowledge = await testKnowledge(db);
  const parts = await testAccounts(db, clock);
  const historyOf = () => Promise.reject(new AppError('NOT_FOUND', 'Cannot find what this address names'));
  const mounts = [
    { path: '/api/v1/ai', routes: aiRoutes({ database: db, knowledge, historyOf, member: memberGate(parts), clock, log: quietLog }) },
  ];
  const { app, newMember } = await testApp(db, clock, { mounts });
  const ana = await newMember();
  const ben = await newMember();
  const document = await learn(knowledge, ana.creatorId, 'A session lasts fifty minutes. Bring your diary.');
  const question = 'How long is a session?';

  test('a question is answered with citations', async () => {
    const answer = await ana.call('POST', '/api/v1/ai/query', { question });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      answer: 'A session lasts fifty minutes. [1]',
      citations: [{ document_id: document.id, title: 'notes', chunk_index: 0, quote: 'A session lasts fifty minutes.' }],
      grounded: true,
      degraded: true,
      model: 'extractive',
      prompt_version: 'answer-1',
    });
  });

  test('with Accept: text/event-stream it streams', async () => {
    const answer = await ana.call('POST', '/api/v1/ai/query', { question }, { Accept: 'text/event-stream' });
    expect(answer.headers.get('Content-Type')).toContain('text/event-stream');
    const text = await answer.text();
    expect(text.indexOf('event: delta')).toBeGreaterThanOrEqual(0);
    expect(text.indexOf('event: answer')).toBeGreaterThan(text.indexOf('event: delta'));
  });

  test('another creator gets no answer and no passage', async () => {
    expect(await (await ben.call('POST', '/api/v1/ai/query', { question })).json()).toMatchObject({
      grounded: false,
      answer: '',
      citations: [],
    });
    expect(await (await ben.call('POST', '/api/v1/ai/search', { query: 'session' })).json()).toEqual({ items: [] });
  });

  test('a search gives passages without scores', async () => {
    const { items } = await (await ana.call('POST', '/api/v1/ai/search', { query: 'diary', k: 1 })).json();
    expect(items).toEqual([
      {
        document_id: document.id,
        title: 'notes',
        chunk_index: 0,
        page: null,
        heading: '',
        text: 'A session lasts fifty minutes. Bring your diary.',
      },
    ]);
  });

  test('lists what was asked, and what found no answer', async () => {
    await ana.call('POST', '/api/v1/ai/query', { question: 'Who won the world cup?' });
    const all = await (await ana.call('GET', '/api/v1/ai/answers')).json();
    expect(all.items.map((item: { question: string }) => item.question)).toContain(question);
    const { items } = await (await ana.call('GET', '/api/v1/ai/answers?unanswered=true')).json();
    expect(items).toMatchObject([{ question: 'Who won the world cup?', grounded: false, answer: '' }]);
    expect((await (await ben.call('GET', '/api/v1/ai/answers?unanswered=true')).json()).items).not.toContainEqual(
      expect.objectContaining({ question: 'Who won the world cup?' }),
    );
  });

  test.each([
    ['no question', {}],
    ['an empty question', { question: '  ' }],
    ['a question too long', { question: 'x'.repeat(2001) }],
    ['an unknown key', { question, creator_id: ana.creatorId }],
    ['a question that is no text', { question: { $ne: null } }],
  ])('refuses %s', async (_, json) => {
    expect((await ana.call('POST', '/api/v1/ai/query', json)).status).toBe(400);
  });

  test('a conversation of another creator is not found', async () => {
    const answer = await ana.call('POST', '/api/v1/ai/query', { question, conversation_id: crypto.randomUUID() });
    expect(answer.status).toBe(404);
  });

  test('lets nobody in without a token', async () => {
    expect((await app.request('/api/v1/ai/query', { method: 'POST' })).status).toBe(401);
  });
});
