import { describe, expect, test } from 'vitest';
import { httpRunner } from '../../src/actors/run-http.ts';
import { modelRunner } from '../../src/actors/run-model.ts';
import type { Database } from '../../src/database.ts';
import { AppError } from '../../src/errors.ts';
import type { TextModels } from '../../src/models-text.ts';
import { NotPublicError } from '../../src/public-fetch.ts';

const run = (params: unknown) => ({ key: { creatorId: 'c', conversationId: 'v' } as never, effectId: 'e1', params, attempts: 1 });
const signal = new AbortController().signal;

describe('a call to a service of the creator', () => {
  const calling = (answer: () => Response | Promise<Response>) => {
    const seen: { url: string; init: RequestInit }[] = [];
    const runner = httpRunner({
      fetch: async (url, init) => {
        seen.push({ url, init });
        return answer();
      },
      secretOf: async (_creatorId, name) => (name === 'crm' ? { host: 'api.example.org', header: 'X-Api-Key', value: 'k1' } : null),
      callbackOf: ({ conversationId }, effectId, event) => `https://here/${conversationId}/${effectId}/${event}`,
    });
    return { seen, call: (params: object = {}) => runner(run({ url: 'https://api.example.org/x', ...params }), signal) };
  };

  test('sends JSON under a key of its own and gives status and data back', async () => {
    const { seen, call } = calling(() => Response.json({ plan: 'gold' }));
    const body = { age: 42 };
    expect(await call({ method: 'POST', body })).toMatchObject({
      outcome: 'done',
      result: { output: { status: 200, data: { plan: 'gold' } } },
    });
    expect(seen).toMatchObject([
      { init: { method: 'POST', body: '{"age":42}', headers: { 'idempotency-key': 'e1', 'content-type': 'application/json' } } },
    ]);
  });

  test('carries the secret it names and an address to be called back at', async () => {
    const { seen, call } = calling(() => new Response('ok'));
    await call({ secret: 'crm', callback: 'EVENT.paid', headers: { 'x-api-key': 'of the program' } });
    const sent = new Headers(seen[0]?.init.headers);
    expect(sent.get('x-api-key')).toBe('k1');
    expect(sent.get('companero-callback')).toBe('https://here/v/e1/paid');
  });

  test.each([
    ['crm', 'https://api.example.com/x'],
    ['crm', 'https://api.example.org.evil.example/x'],
    ['unknown', 'https://api.example.org/x'],
  ])('does not send the secret %s to %s, nor anything else', async (secret, url) => {
    const { seen, call } = calling(() => new Response('ok'));
    expect(await call({ secret, url })).toEqual({ outcome: 'failed', result: { reason: 'the secret is not for this address' } });
    expect(seen).toEqual([]);
  });

  test.each([
    ['a bad status', () => new Response('no', { status: 500 }), 'status 500'],
    ['more than 256 kB', () => new Response('x'.repeat(300_000)), 'too large'],
    ['an address that is not public', () => Promise.reject(new NotPublicError('no')), 'the address is not public'],
  ])('fails for %s', async (_name, answer, reason) => {
    expect(await calling(answer).call()).toEqual({ outcome: 'failed', result: { reason } });
  });

  test('takes text that is no JSON as text', async () => {
    expect(await calling(() => new Response('fine')).call()).toMatchObject({ result: { output: { text: 'fine', data: null } } });
  });
});

describe('what a model proposes', () => {
  const none = () => Promise.reject(new AppError('UNAVAILABLE', 'no model'));
  const asking = (models: Partial<TextModels>, params: object) =>
    modelRunner({ db: {} as Database, models: { classify: none, extract: none, summarize: none, ...models } })(
      run({ fields: {}, language: null, ...params }),
      signal,
    );
  const classify = { task: 'classify', text: 'x', labels: ['good', 'bad'], minScore: 0.7 };

  test.each([
    [
      { label: 'good', score: 0.9 },
      { outcome: 'done', result: { output: { text: 'good', score: 0.9 } } },
    ],
    [
      { label: 'good', score: 0.5 },
      { outcome: 'failed', result: { reason: 'not sure enough' } },
    ],
    [
      { label: 'other', score: 1 },
      { outcome: 'failed', result: { reason: 'no declared label' } },
    ],
    [null, { outcome: 'failed', result: { reason: 'no declared label' } }],
  ])('as a label is held against the declared ones: %j', async (proposed, outcome) => {
    expect(await asking({ classify: async () => proposed }, classify)).toEqual(outcome);
  });

  test.each([
    [
      { 'vars.age': 42, 'vars.day': '2026-12-24', other: 1 },
      { 'vars.age': 42, 'vars.day': '2026-12-24' },
    ],
    [{ 'vars.age': '42' }, null],
    [{ 'vars.day': 'soon' }, null],
    [{ constructor: 1 }, null],
    [null, null],
  ])('as values is held against the declared types: %j', async (proposed, data) => {
    const fields = { 'vars.age': 'number', 'vars.day': 'date' };
    const ended = await asking({ extract: async () => proposed }, { task: 'extract', text: 'x', fields });
    expect(ended).toMatchObject(data === null ? { outcome: 'failed' } : { outcome: 'done', result: { output: { data } } });
  });

  test('fails at once where there is no model', async () => {
    expect(await asking({}, classify)).toEqual({ outcome: 'failed', result: { reason: 'no model' } });
  });
});
