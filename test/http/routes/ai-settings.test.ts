/** Models, prompts and evaluations over HTTP. */
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { memberGate } from '../../../src/http/auth.ts';
import type { MemberEnv } from '../../../src/http/env.ts';
import { aiEvaluationsRoutes } from '../../../src/http/routes/ai-evaluations.ts';
import { aiModelsRoutes } from '../../../src/http/routes/ai-models.ts';
import { aiPromptsRoutes } from '../../../src/http/routes/ai-prompts.ts';
import { testAccounts } from '../../support/accounts.ts';
import { testApp } from '../../support/app.ts';
import { testDatabase } from '../../support/database.ts';
import { learn, testKnowledge } from '../../support/knowledge.ts';
import { startOllama } from '../../support/ollama.ts';
import { quietLog } from '../../support/quiet-log.ts';

const path = '/api/v1/ai';

describe('settings of answers over HTTP', async () => {
  const db = await testDatabase();
  const clock = systemClock();
  const knowledge = await testKnowledge(db);
  const member = memberGate(await testAccounts(db, clock));
  const { newMember } = await testApp(db, clock, {
    mounts: [
      { path, routes: aiModelsRoutes({ models: knowledge.models, member, clock, log: quietLog }) },
      { path, routes: aiPromptsRoutes({ database: db, member, clock }) },
      { path, routes: aiEvaluationsRoutes({ knowledge, member, clock, log: quietLog }) },
    ],
  });
  const ana = await newMember();
  const ben = await newMember();

  test('models are told and chosen', async () => {
    expect(await (await ana.call('GET', `${path}/models`)).json()).toMatchObject({ answers: { model: 'extractive' }, embeddings: null });
    const chosen = await ana.call('PATCH', `${path}/models`, { rerank: true });
    expect(await chosen.json()).toMatchObject({ rerank: true });
    expect(await (await ben.call('GET', `${path}/models`)).json()).toMatchObject({ rerank: false });
    expect((await ana.call('PATCH', `${path}/models`, { answers: 'mistral' })).status).toBe(409);
    expect((await ana.call('PATCH', `${path}/models`, { answers: '../../x y' })).status).toBe(400);
    expect(await (await ana.call('POST', `${path}/models/pull`, { model: 'mistral' })).text()).toContain('event: error');
  });

  test('prompts are added, activated and rolled back', async () => {
    const list = async () =>
      (await (await ana.call('GET', `${path}/prompts`)).json()).items.map(({ version, active }: { version: number; active: boolean }) => [
        version,
        active,
      ]);
    expect(await list()).toEqual([[0, true]]);
    expect((await ana.call('POST', `${path}/prompts`, { template: 'Be kind.' })).status).toBe(201);
    expect(await (await ana.call('POST', `${path}/prompts`, { template: 'Be brief.' })).json()).toMatchObject({
      version: 2,
      active: false,
    });
    expect((await ana.call('POST', `${path}/prompts/2/activate`)).status).toBe(204);
    expect(await list()).toEqual([
      [2, true],
      [1, false],
      [0, false],
    ]);
    expect((await ana.call('POST', `${path}/prompts/1/activate`)).status).toBe(204);
    expect((await ana.call('POST', `${path}/prompts/0/activate`)).status).toBe(204);
    expect((await list()).at(-1)).toEqual([0, true]);
    expect((await ana.call('POST', `${path}/prompts/9/activate`)).status).toBe(404);
    const unknown = await ana.call('POST', `${path}/prompts`, { template: 'Be {{ persona }}, {{mood}}.' });
    expect([unknown.status, ((await unknown.json()) as { error: { message: string } }).error.message]).toEqual([
      422,
      'Cannot fill in "{{mood}}": use {{persona}} or {{language}}',
    ]);
    expect((await ben.call('POST', `${path}/prompts/1/activate`)).status).toBe(404);
    expect((await ana.call('POST', `${path}/prompts`, { template: ' ' })).status).toBe(400);
  });

  test('golden questions are measured, told as it goes', async () => {
    const document = await learn(knowledge, ana.creatorId, 'A session lasts fifty minutes. Bring your diary.');
    const questions = [
      { question: 'How long is a session?', documents: [document.id] },
      { question: 'Who won the world cup?', documents: [] },
    ];
    const text = await (await ana.call('POST', `${path}/evaluations`, { questions })).text();
    expect(text).toContain('event: progress\ndata: {"done":1,"questions":2}');
    const [, data = '{}'] = /event: evaluation\ndata: (.*)/.exec(text) ?? [];
    expect(JSON.parse(data)).toEqual({
      questions: 2,
      recall_at_5: 1,
      recall_at_10: 1,
      ndcg_at_10: 1,
      groundedness: 1,
      answered: 1,
      abstained: 1,
    });
    expect((await ana.call('POST', `${path}/evaluations`, { questions: [] })).status).toBe(400);
  });

  test('a model is fetched as its server tells', async () => {
    const ollama = await startOllama();
    const { models } = await testKnowledge(db, { ollamaUrl: ollama.url });
    const app = new Hono<MemberEnv>().route('/', aiModelsRoutes({ models, member, clock, log: quietLog }));
    const text = await (
      await app.request('/models/pull', {
        method: 'POST',
        body: JSON.stringify({ model: 'llama2:7b-chat' }),
        headers: { Authorization: `Bearer ${ana.pair.access_token}`, 'Content-Type': 'application/json' },
      })
    ).text();
    expect(text).toContain('event: progress\ndata: {"status":"pulling a1b2","completed":40,"total":100}');
    expect(text).toContain('event: done');
  });
});
