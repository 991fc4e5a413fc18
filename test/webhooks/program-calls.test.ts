/** A program that calls a service with a secret and is called back, through the whole runtime. */
import { afterAll, describe, expect, test } from 'vitest';
import { httpRunner } from '../../src/actors/run-http.ts';
import { callbacksRoutes } from '../../src/http/routes/callbacks.ts';
import { programSecretsRoutes } from '../../src/http/routes/program-secrets.ts';
import { systemIds } from '../../src/ids.ts';
import { createSeal } from '../../src/seal.ts';
import { createProgramSecrets } from '../../src/secrets/program-secrets.ts';
import { getConversation } from '../../src/store/conversations.ts';
import { callbackMs, createCallbacks } from '../../src/webhooks/callbacks.ts';
import { testApp } from '../support/app.ts';
import { manualClock } from '../support/clock.ts';
import { testDatabase } from '../support/database.ts';
import { evening, makeRuntime, openTestConversation, publish } from '../support/runtime.ts';

const db = await testDatabase();
const clock = manualClock(evening);
const seal = await createSeal(new Uint8Array(32).fill(7));
const programSecrets = createProgramSecrets({ db, seal, ids: systemIds });
const callbacks = createCallbacks(await seal.mac('callbacks', new Uint8Array()), 'https://coach.example', clock);
const calls: { url: string; headers: Headers }[] = [];
const runtime = makeRuntime(db, {
  clock,
  runners: {
    http: httpRunner({
      fetch: async (url, init) => {
        calls.push({ url, headers: new Headers(init.headers) });
        return Response.json({ id: 'p1' });
      },
      secretOf: programSecrets.open,
      callbackOf: (key, effectId, event) => callbacks.address({ ...key, effectId, event }),
    }),
  },
});
const { app, newMember } = await testApp(db, clock, {
  mailboxes: runtime.mailboxes,
  mounts: ({ member, audit }) => [
    { path: '/api/v1/creators/secrets', routes: programSecretsRoutes({ database: db, programSecrets, audit, member }) },
    { path: '/api/v1/callbacks', routes: callbacksRoutes({ callbacks, mailboxes: runtime.mailboxes }) },
  ],
});
runtime.effects.start();
afterAll(() => runtime.stop());

const paying = {
  meta: { id: 'paying', specVersion: 1, title: 'Paying', languages: ['en'] },
  entry: [{ id: 'first', on: 'first-message' }],
  variables: { amount: { type: 'number' } },
  content: { thanks: { en: { text: 'Thank you for {{ vars.amount }}' } } },
  delays: { day: { for: 'P1D' }, limit: { for: 'PT60S' } },
  machine: {
    id: 'paying',
    initial: 'asking',
    states: {
      asking: {
        invoke: {
          src: 'http',
          input: { url: 'https://pay.example.org/orders', method: 'POST', body: { plan: 'gold' }, secret: 'pay', callback: 'EVENT.paid' },
          onDone: 'waiting',
          onError: 'failed',
        },
        after: { limit: 'failed' },
      },
      waiting: {
        on: { 'EVENT.paid': { target: 'done', actions: [{ type: 'set', params: { amount: 'event.data.amount' } }] } },
        after: { day: 'failed' },
      },
      done: { entry: [{ type: 'say', params: { content: 'thanks' } }], type: 'final' },
      failed: { type: 'final' },
    },
  },
};

async function follow(creatorId: Parameters<typeof publish>[1]) {
  const key = await openTestConversation(db, creatorId);
  await runtime.mailboxes.deliver(key, { id: 'msg:1', kind: 'message', messageId: systemIds.uuid(), text: 'hi' });
  const state = async () => (await getConversation(db, key)).state;
  await expect.poll(state).not.toBe('asking');
  return { key, state };
}

describe('a program that calls a service', () => {
  test('sends its secret, and goes on when it is called back, once', async () => {
    const { creatorId, call } = await newMember();
    const kept = await call('PUT', '/api/v1/creators/secrets/pay', { host: 'pay.example.org', value: 'Bearer top-secret' });
    expect(kept.status).toBe(200);
    await publish(db, creatorId, paying);
    const { key, state } = await follow(creatorId);
    expect(await state()).toBe('waiting');
    const made = calls.at(-1);
    expect(made?.headers.get('authorization')).toBe('Bearer top-secret');
    const address = new URL(made?.headers.get('companero-callback') ?? '');
    expect(address.origin).toBe('https://coach.example');
    const tell = (path: string, json: unknown = { amount: 30 }) =>
      app.request(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(json) });
    const path = address.pathname + address.search;

    expect((await tell(path.replace('/paid?', '/cancelled?'))).status).toBe(403);
    expect((await tell(path.replace(key.conversationId, systemIds.uuid()))).status).toBe(403);
    expect((await tell(path.replace(/signature=(.)/, (_, first) => `signature=${first === '_' ? '-' : '_'}`))).status).toBe(403);
    expect((await tell(path, 'no object')).status).toBe(400);
    expect(await state()).toBe('waiting');
    expect((await tell(path)).status).toBe(202);
    expect(await getConversation(db, key)).toMatchObject({ state: 'done', status: 'ended' });
    expect((await tell(path, { amount: 99 })).status).toBe(202);
    expect((await getConversation(db, key)).snapshot).toContain('"amount":30');
    clock.advance(callbackMs + 1000);
    expect((await tell(path)).status).toBe(403);
  });

  test.each([
    ['to another host than it is for', { host: 'other.example.org', value: 'x' }],
    ['where there is none', null],
  ])('does not call with a secret %s', async (_name, secret) => {
    const { creatorId, call } = await newMember();
    if (secret) await call('PUT', '/api/v1/creators/secrets/pay', secret);
    await publish(db, creatorId, paying);
    const before = calls.length;
    expect(await (await follow(creatorId)).state()).toBe('failed');
    expect(calls.length).toBe(before);
  });
});

describe('the secrets of programs', () => {
  test('are listed without what they say, replaced and forgotten', async () => {
    const { call, creatorId } = await newMember();
    const path = '/api/v1/creators/secrets';
    await call('PUT', `${path}/crm`, { host: 'crm.example.org', header: 'X-Api-Key', value: 'first-value' });
    await call('PUT', `${path}/crm`, { host: 'crm.example.com', header: 'X-Api-Key', value: 'second-value' });
    const listed = await (await call('GET', path)).text();
    expect(JSON.parse(listed).items).toMatchObject([{ name: 'crm', host: 'crm.example.com', header: 'X-Api-Key' }]);
    expect(listed).not.toContain('value');
    const stored = await db.tenant(creatorId, (sql) => sql('select * from program_secrets'));
    expect(JSON.stringify(stored)).not.toContain('second-value');
    expect(await programSecrets.open(creatorId, 'crm')).toMatchObject({ value: 'second-value' });
    expect((await call('DELETE', `${path}/crm`)).status).toBe(204);
    expect((await call('DELETE', `${path}/crm`)).status).toBe(404);
    expect(await programSecrets.open(creatorId, 'crm')).toBeNull();
  });

  test.each([
    ['an address instead of a host', { host: 'https://x.example.org/', value: 'v' }],
    ['a header of the request', { host: 'x.example.org', header: 'Host', value: 'v' }],
    ['a header in a header', { host: 'x.example.org', value: 'v\r\nX: y' }],
    ['nothing', { host: 'x.example.org', value: '' }],
    ['a key nobody knows', { host: 'x.example.org', value: 'v', more: 1 }],
  ])('refuse %s', async (_name, secret) => {
    const { call } = await newMember();
    expect((await call('PUT', '/api/v1/creators/secrets/crm', secret)).status).toBe(400);
  });
});
