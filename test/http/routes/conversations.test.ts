/** Conversations and contacts over HTTP, and that nothing of another creator can be told. */
import { describe, expect, test } from 'vitest';
import type { ConversationId } from '../../../src/ids.ts';
import { setAside } from '../../../src/store/turns.ts';
import { testApp } from '../../support/app.ts';
import { testDatabase } from '../../support/database.ts';
import { makeRuntime, openTestConversation, publish } from '../../support/runtime.ts';

const database = await testDatabase();
const { clock, mailboxes } = makeRuntime(database);
const { app, newMember, ids } = await testApp(database, clock, { mailboxes });
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const root = '/api/v1/creators/conversations';

async function conversationOf(member: Awaited<ReturnType<typeof newMember>>): Promise<string> {
  await publish(database, member.creatorId);
  const key = await openTestConversation(database, member.creatorId);
  const messageId = ids.uuid();
  await mailboxes.deliver(key, { id: `msg:${messageId}`, kind: 'message', messageId, text: 'sleep' });
  return key.conversationId;
}

describe('a conversation', async () => {
  const ana = await newMember();
  const id = await conversationOf(ana);

  test('shows where it is', async () => {
    const { conversation } = await read(await ana.call('GET', `${root}/${id}`));
    expect(conversation).toMatchObject({
      id,
      status: 'active',
      control: 'bot',
      channel: 'widget',
      variables: { nights: 0 },
      contact: { name: '' },
    });
    expect(conversation.timers.length).toBeGreaterThan(0);
    expect((await read(await ana.call('GET', `${root}?control=bot&channel=widget`))).items).toMatchObject([{ id }]);
    expect((await read(await ana.call('GET', `${root}?control=human`))).items).toEqual([]);
  });

  test('gives its messages and turns in parts', async () => {
    const all = (await read(await ana.call('GET', `${root}/${id}/messages`))).items;
    expect(all[0]).toMatchObject({ seq: 1, role: 'contact', body: { text: 'sleep' } });
    const after = (await read(await ana.call('GET', `${root}/${id}/messages?after=1&limit=1`))).items;
    expect(after).toEqual([all[1]]);
    const before = (await read(await ana.call('GET', `${root}/${id}/messages?before=2`))).items;
    expect(before).toEqual([all[0]]);
    expect((await read(await ana.call('GET', `${root}/${id}/turns`))).items[0]).toMatchObject({
      turn: 1,
      kind: 'message',
      trace: expect.any(Object),
    });
  });

  test('is found among those set aside once it is, and taken up', async () => {
    const member = await newMember();
    const conversationId = (await conversationOf(member)) as ConversationId;
    const aside = async () => (await read(await member.call('GET', `${root}?status=set-aside`))).items;
    expect(await aside()).toEqual([]);
    await setAside(database, { creatorId: member.creatorId, conversationId });
    expect(await aside()).toMatchObject([{ id: conversationId, status: 'set-aside' }]);
    expect((await read(await member.call('POST', `${root}/${conversationId}/resume`))).conversation.status).toBe('active');
    expect(await aside()).toEqual([]);
  });

  test('gives every input of a turn, newest first, however small the parts', async () => {
    const member = await newMember();
    await publish(database, member.creatorId);
    const key = await openTestConversation(database, member.creatorId);
    const inputs = ['b', 'c', 'a'].map((name) => ({ id: `event:${name}`, kind: 'event' as const, name, data: {} }));
    await Promise.all(inputs.map((input) => mailboxes.deliver(key, input)));
    const seen: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path = `${root}/${key.conversationId}/turns?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page = await read(await member.call('GET', path));
      for (const { turn, input_id: inputId } of page.items) seen.push([turn, inputId]);
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(inputs.map(({ id: inputId }) => [1, inputId]).reverse());
  });

  test('is taken over, written to once a key, and given back', async () => {
    expect((await read(await ana.call('POST', `${root}/${id}/takeover`))).conversation.control).toBe('human');
    const write = () => ana.call('POST', `${root}/${id}/messages`, { text: 'Hello, this is Ana' }, { 'Idempotency-Key': 'one' });
    const first = await write();
    expect(first.status).toBe(201);
    expect(await read(await write())).toEqual(await read(first));
    const other = await ana.call('POST', `${root}/${id}/messages`, { text: 'Other words' }, { 'Idempotency-Key': 'one' });
    expect([other.status, (await read(other)).error.code]).toEqual([409, 'CONFLICT']);
    // So that an erasure reaches what was answered.
    const kept = await database.tenant(ana.creatorId, (sql) => sql('select conversation_id from idempotency_keys'));
    expect(kept).toEqual([{ conversation_id: id }]);
    const written = (await read(await ana.call('GET', `${root}/${id}/messages`))).items.filter(
      (message: { role: string }) => message.role === 'person',
    );
    expect(written).toMatchObject([{ body: { text: 'Hello, this is Ana' } }]);
    expect((await read(await ana.call('POST', `${root}/${id}/release`))).conversation.control).toBe('bot');
  });

  test('takes a key for each act by itself, and again once a day has passed', async () => {
    const act = (name: string) => ana.call('POST', `${root}/${id}/${name}`, undefined, { 'Idempotency-Key': 'same' });
    const controlAfter = async (name: string) => (await read(await act(name))).conversation.control;
    expect(await controlAfter('takeover')).toBe('human');
    expect(await controlAfter('release')).toBe('bot');
    await database.tenant(ana.creatorId, (sql) => sql(`update idempotency_keys set claimed_at = claimed_at - interval '25 hours'`));
    expect(await controlAfter('takeover')).toBe('human');
    // Cut off after the act and before its answer was kept: it is not done again.
    await database.tenant(ana.creatorId, (sql) =>
      sql(`update idempotency_keys set status = null, claimed_at = claimed_at - interval '3 minutes' where route like '%takeover'`),
    );
    await ana.call('POST', `${root}/${id}/release`);
    expect(await controlAfter('takeover')).toBe('bot');
    expect((await read(await ana.call('POST', `${root}/${id}/pause`))).conversation.control).toBe('paused');
    expect((await read(await ana.call('POST', `${root}/${id}/resume`))).conversation.control).toBe('bot');
  });

  test('hears of events', async () => {
    expect((await ana.call('POST', `${root}/${id}/events`, { name: 'paid', data: { amount: 1 } })).status).toBe(201);
    for (const name of ['xstate.init', '', 'a b', 1]) expect((await ana.call('POST', `${root}/${id}/events`, { name })).status).toBe(400);
  });

  test('refuses what cannot be written', async () => {
    for (const text of ['', '   ', 'x'.repeat(4_097), null])
      expect((await ana.call('POST', `${root}/${id}/messages`, { text })).status).toBe(400);
    const key = await ana.call('POST', `${root}/${id}/messages`, { text: 'x' }, { 'Idempotency-Key': 'x'.repeat(256) });
    expect(key.status).toBe(400);
  });
});

test('a contact is read and changed', async () => {
  const ana = await newMember();
  await conversationOf(ana);
  const { items } = await read(await ana.call('GET', '/api/v1/creators/contacts'));
  const path = `/api/v1/creators/contacts/${items[0].id}`;
  const patched = await ana.call('PATCH', path, {
    name: 'Maria',
    zone: 'Africa/Maputo',
    language: 'pt',
    fields: { wakeTime: '07:00' },
    tags: ['new'],
  });
  expect(patched.status).toBe(200);
  expect((await read(await ana.call('GET', path))).contact).toMatchObject({
    name: 'Maria',
    zone: 'Africa/Maputo',
    fields: { wakeTime: '07:00' },
    tags: ['new'],
  });
  expect((await read(await ana.call('PATCH', path, { fields: { wakeTime: null } }))).contact.fields).toEqual({});
  for (const bad of [
    { zone: 'Mars/Base' },
    { language: 'x' },
    { tags: 'a' },
    { consent: {} },
    { version: 1 },
    { fields: { a: { b: 1 } } },
  ]) {
    expect((await ana.call('PATCH', path, bad)).status).toBe(400);
  }
});

test('nothing of another creator can be told from nothing at all', async () => {
  const [ana, ben] = [await newMember(), await newMember()];
  const conversationId = await conversationOf(ana);
  const { conversation } = await read(await ana.call('GET', `${root}/${conversationId}`));
  const { items } = await read(await ana.call('GET', '/api/v1/creators/programs'));
  const foreign = { conversations: conversationId, contacts: conversation.contact.id, programs: items[0].id };
  const attempts: [keyof typeof foreign, string, string, unknown?][] = [
    ['conversations', 'GET', ''],
    ['conversations', 'GET', '/messages'],
    ['conversations', 'GET', '/turns'],
    ['conversations', 'POST', '/messages', { text: 'x' }],
    ['conversations', 'POST', '/events', { name: 'x' }],
    ...['takeover', 'release', 'pause', 'resume', 'restart', 'end'].map(
      (act) => ['conversations', 'POST', `/${act}`] as [keyof typeof foreign, string, string],
    ),
    ['contacts', 'GET', ''],
    ['contacts', 'PATCH', '', { name: 'Eve' }],
    ['programs', 'GET', ''],
    ['programs', 'PUT', '', { definition: { meta: { id: 'x' } } }],
    ['programs', 'DELETE', ''],
    ['programs', 'POST', '/check'],
    ['programs', 'POST', '/publish'],
    ['programs', 'GET', '/versions'],
    ['programs', 'GET', '/versions/1'],
    ['programs', 'POST', '/versions/1/live'],
    ['programs', 'GET', '/machine'],
  ];
  for (const [noun, method, rest, json] of attempts) {
    const answer = async (id: string) => {
      const response = await ben.call(method, `/api/v1/creators/${noun}/${id}${rest}`, json, { 'If-Match': '"1"' });
      const { request_id: _, timestamp: __, ...error } = (await read(response)).error;
      return JSON.stringify([response.status, error]).replaceAll(id, '…');
    };
    const theirs = await answer(foreign[noun]);
    expect(theirs).toContain('[404,');
    expect(theirs).toBe(await answer(ids.uuid()));
  }
  for (const noun of Object.keys(foreign)) expect((await read(await ben.call('GET', `/api/v1/creators/${noun}`))).items).toEqual([]);
  expect((await read(await ana.call('GET', `${root}/${conversationId}`))).conversation).toEqual(conversation);
});

test('a member sends a file to a conversation, whatever its channel, and only one that was given to it', async () => {
  const ana = await newMember();
  const id = await conversationOf(ana);
  const give = (conversationId: string) => {
    const form = new FormData();
    form.set('file', new Blob(['Breathe in for four seconds.']), 'breathing.txt');
    form.set('conversation_id', conversationId);
    const headers = { authorization: `Bearer ${ana.pair.access_token}` };
    return app.request('/api/v1/creators/media', { method: 'POST', headers, body: form });
  };
  const given = await give(id);
  expect(given.status).toBe(201);
  const file = await read(given);
  expect((await ana.call('POST', `${root}/${id}/messages`, { text: '', attachments: [file.id] })).status).toBe(201);
  const { items } = await read(await ana.call('GET', `${root}/${id}/messages`));
  const { url: _, ...attachment } = file;
  expect(items.at(-1)).toMatchObject({ role: 'person', body: { text: '', attachments: [attachment] } });

  expect((await give(ids.uuid())).status).toBe(404);
  expect((await give('all')).status).toBe(400);
  for (const body of [
    { text: '', attachments: [] },
    { text: 'x', attachments: ['x'] },
    { text: 'x', attachments: [ids.uuid()] },
  ]) {
    expect((await ana.call('POST', `${root}/${id}/messages`, body)).status).toBe(400);
  }
  await database.tenant(ana.creatorId, (sql) =>
    sql(`update conversations set channel = 'whatsapp' where creator_id = $1`, [ana.creatorId]),
  );
  expect((await ana.call('POST', `${root}/${id}/messages`, { text: 'x', attachments: [file.id] })).status).toBe(201);
});
