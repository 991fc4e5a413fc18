import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { memberGate } from '../../../src/http/auth.ts';
import { collectionsRoutes } from '../../../src/http/routes/collections.ts';
import { documentsRoutes } from '../../../src/http/routes/documents.ts';
import { createPublicFetch } from '../../../src/public-fetch.ts';
import { createFetchPage } from '../../../src/rag/fetch-page.ts';
import { testAccounts } from '../../support/accounts.ts';
import { testApp } from '../../support/app.ts';
import { testDatabase } from '../../support/database.ts';
import { testKnowledge } from '../../support/knowledge.ts';
import { makePdf } from '../../support/make-pdf.ts';
import { quietLog } from '../../support/quiet-log.ts';
import { startSite } from '../../support/site.ts';

const base = '/api/v1/creators/documents';

describe('documents over HTTP', async () => {
  const db = await testDatabase();
  const clock = systemClock();
  const knowledge = await testKnowledge(db);
  const parts = await testAccounts(db, clock);
  const site = await startSite();
  const fetchPage = createFetchPage(createPublicFetch({ allowed: [site.origin] }), clock, 10_000);
  const member = memberGate(parts);
  const mounts = [
    { path: '/api/v1/creators/collections', routes: collectionsRoutes({ documents: knowledge.documents, member }) },
    { path: base, routes: documentsRoutes({ documents: knowledge.documents, fetchPage, member, clock, log: quietLog }) },
  ];
  const { app, newMember } = await testApp(db, clock, { mounts });
  const ana = await newMember();
  const ben = await newMember();

  async function upload(content: BlobPart, name: string, fields: Record<string, string> = {}, who = ana) {
    const form = new FormData();
    form.append('file', new File([content], name));
    for (const [key, value] of Object.entries(fields)) form.append(key, value);
    return app.request(base, { method: 'POST', body: form, headers: { Authorization: `Bearer ${who.pair.access_token}` } });
  }

  test('an upload is accepted, read, listed, changed and deleted', async () => {
    const answer = await upload(makePdf(['Drink water.']), '../../etc/Water.pdf', { collection: 'nutrition' });
    expect(answer.status).toBe(202);
    const { document } = await answer.json();
    expect(document).toMatchObject({ title: 'Water', collection: 'nutrition', kind: 'pdf', status: 'queued' });
    expect(document.file).toBeUndefined();
    await knowledge.ingest.drain();
    expect((await (await ana.call('GET', `${base}/${document.id}`)).json()).document).toMatchObject({ status: 'ready', progress: 1 });
    expect((await (await ana.call('GET', `${base}/${document.id}/chunks`)).json()).items).toEqual([
      expect.objectContaining({ index: 0, text: 'Drink water.', page: 1 }),
    ]);
    const changed = await ana.call('PATCH', `${base}/${document.id}`, { title: 'Drinking', tags: ['health'] });
    expect((await changed.json()).document).toMatchObject({ title: 'Drinking', tags: ['health'], collection: 'nutrition' });
    expect((await ana.call('POST', `${base}/${document.id}/reindex`)).status).toBe(202);
    await knowledge.ingest.drain();
    const events = await (await ana.call('GET', `${base}/${document.id}/events`)).text();
    expect(events).toContain('event: progress');
    expect(events).toContain('"status":"ready"');
    expect((await upload(makePdf(['Drink water.']), 'again.pdf')).status).toBe(200);
    expect((await ana.call('DELETE', `${base}/${document.id}`)).status).toBe(204);
    expect((await ana.call('GET', `${base}/${document.id}`)).status).toBe(404);
  });

  /** The events about a document; `meanwhile` runs once the first has come. */
  async function eventsOf(id: string, meanwhile: () => unknown): Promise<string> {
    const answer = await ana.call('GET', `${base}/${id}/events`);
    let text = '';
    for await (const piece of answer.body ?? []) {
      if (text === '') await meanwhile();
      text += new TextDecoder().decode(piece);
    }
    return text;
  }

  test('progress is told until a document is ready', async () => {
    const { document } = await (await upload('Walk before noon, and rest after it.', 'walk.txt')).json();
    const events = await eventsOf(document.id, () => knowledge.ingest.drain());
    expect(events.match(/"status":"\w+"/g)).toEqual(['"status":"queued"', '"status":"ready"']);
  });

  test('progress of a document that is deleted meanwhile ends with that', async () => {
    const { document } = await (await upload('To be deleted.', 'gone.txt')).json();
    const events = await eventsOf(document.id, () => ana.call('DELETE', `${base}/${document.id}`));
    expect(events).toMatch(/event: error\ndata: .*"code":"NOT_FOUND"/);
  });

  test('a page is added by its address, followed where it leads, without what nobody sees', async () => {
    const answer = await ana.call('POST', `${base}/from-url`, { url: `${site.origin}/moved` });
    expect(answer.status).toBe(202);
    const { document } = await answer.json();
    expect(document).toMatchObject({ kind: 'html', title: 'page', source: `${site.origin}/page` });
    await knowledge.ingest.drain();
    const { items } = await (await ana.call('GET', `${base}/${document.id}/chunks`)).json();
    expect(items[0]).toMatchObject({ heading: 'Sleep', text: 'Sleep\n\nRest for eight hours & more.\n\n- First\n\n- Second' });
  });

  test.each([
    ['/large', 413, 'TOO_LARGE'],
    ['/missing', 422, 'INVALID_DOCUMENT'],
    ['/round', 422, 'INVALID_DOCUMENT'],
    ['/inside', 422, 'INVALID_DOCUMENT'],
    ['/picture', 415, 'UNSUPPORTED_MEDIA'],
  ])('a page that cannot be added is refused: %s', async (path, status, code) => {
    const answer = await ana.call('POST', `${base}/from-url`, { url: `${site.origin}${path}` });
    expect([answer.status, (await answer.json()).error.code]).toEqual([status, code]);
  });

  test.each([
    'http://127.0.0.1:1/',
    'https://169.254.169.254/latest/meta-data',
    'file:///etc/passwd',
    'https://localhost/',
    'https://a@example.org/',
  ])('an address inside is never asked: %s', async (url) => {
    const answer = await ana.call('POST', `${base}/from-url`, { url });
    expect((await answer.json()).error).toMatchObject({
      code: 'INVALID_DOCUMENT',
      message: 'Cannot fetch the address: it must be public, begin with https:// and answer',
    });
  });

  test('a collection may be cut in its own way, and answers while it is cut anew', async () => {
    const cleo = await newMember();
    const sentences = Array.from({ length: 60 }, (_, at) => `Sentence ${at} speaks of rest and of sleep.`).join(' ');
    const { document } = await (await upload(sentences, 'rest.txt', { collection: 'short' }, cleo)).json();
    await knowledge.ingest.drain();
    const before = (await (await cleo.call('GET', `${base}/${document.id}`)).json()).document;
    const set = await cleo.call('PUT', '/api/v1/creators/collections/short', { chunk_tokens: 100, chunk_overlap: 20 });
    expect(await set.json()).toEqual({ documents: 1 });
    const meanwhile = await (await cleo.call('GET', `${base}/${document.id}`)).json();
    expect(meanwhile.document).toMatchObject({ status: 'queued', chunks: before.chunks });
    await knowledge.ingest.drain();
    expect((await (await cleo.call('GET', `${base}/${document.id}`)).json()).document.chunks).toBeGreaterThan(before.chunks + 3);
    expect((await (await cleo.call('GET', '/api/v1/creators/collections')).json()).items).toEqual([
      { name: 'short', chunk_tokens: 100, chunk_overlap: 20, documents: 1 },
    ]);
    expect((await cleo.call('DELETE', '/api/v1/creators/collections/short')).status).toBe(202);
    expect((await cleo.call('PUT', '/api/v1/creators/collections/x', { chunk_tokens: 100, chunk_overlap: 90 })).status).toBe(400);
  });

  test('the list goes page by page', async () => {
    const cleo = await newMember();
    for (const text of ['one', 'two', 'three']) await upload(text, `${text}.txt`, {}, cleo);
    const first = await (await cleo.call('GET', `${base}?limit=2`)).json();
    expect(first.items.map((item: { title: string }) => item.title)).toEqual(['three', 'two']);
    const second = await (await cleo.call('GET', `${base}?limit=2&cursor=${first.next_cursor}`)).json();
    expect(second).toMatchObject({ items: [{ title: 'one' }], next_cursor: null });
  });

  test('another creator sees nothing of it', async () => {
    const { document } = await (await upload('private', 'private.txt')).json();
    for (const [method, path, json] of [
      ['GET', '', undefined],
      ['GET', '/chunks', undefined],
      ['GET', '/events', undefined],
      ['PATCH', '', { title: 'x' }],
      ['POST', '/reindex', undefined],
      ['DELETE', '', undefined],
    ] as const) {
      expect((await ben.call(method, `${base}/${document.id}${path}`, json)).status).toBe(404);
    }
    expect((await (await ben.call('GET', base)).json()).items).toEqual([]);
  });

  test.each([
    ['an empty file', '', 'a.txt', {}, 422, 'INVALID_DOCUMENT'],
    ['a program', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 0, 1, 2, 3), 'a.pdf', {}, 415, 'UNSUPPORTED_MEDIA'],
    ['an unknown field', 'text', 'a.txt', { creator_id: 'x' }, 400, 'INVALID_INPUT'],
    ['a collection with a slash', 'text', 'a.txt', { collection: '../x' }, 400, 'INVALID_INPUT'],
    ['a file one byte too large', new Uint8Array(knowledge.documents.maxBytes + 1).fill(97), 'a.txt', {}, 413, 'TOO_LARGE'],
    ['a body far too large', new Uint8Array(knowledge.documents.maxBytes + 200_000).fill(97), 'a.txt', {}, 413, 'TOO_LARGE'],
  ])('row 28: refuses %s', async (_, content, name, fields, status, code) => {
    const answer = await upload(content as BlobPart, name, fields as Record<string, string>);
    expect(answer.status).toBe(status);
    expect((await answer.json()).error.code).toBe(code);
  });

  test.each([
    ['JSON', { 'Content-Type': 'application/json' }, '{}', 415],
    ['a form without a border', { 'Content-Type': 'multipart/form-data; boundary=x' }, 'nonsense', 400],
    [
      'a form without a file',
      { 'Content-Type': 'multipart/form-data; boundary=x' },
      '--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nA\r\n--x--\r\n',
      400,
    ],
  ])('refuses %s instead of an upload', async (_, headers, text, status) => {
    const answer = await app.request(base, {
      method: 'POST',
      body: text,
      headers: { ...headers, Authorization: `Bearer ${ana.pair.access_token}` },
    });
    expect(answer.status).toBe(status);
  });

  test.each(['limit=0', 'limit=1e9', 'limit=-1', 'limit=NaN', 'cursor=x', 'other=1'])('refuses the query %s', async (query) => {
    expect((await ana.call('GET', `${base}?${query}`)).status).toBe(400);
  });

  test('lets nobody in without a token', async () => {
    expect((await app.request(base)).status).toBe(401);
  });
});
