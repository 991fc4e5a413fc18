import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CreatorId, DocumentId } from '../../src/ids.ts';
import { testCreator, testDatabase } from '../support/database.ts';
import { without } from '../support/faulty-database.ts';
import { learn, testKnowledge } from '../support/knowledge.ts';

const now = Date.now();

describe('reading uploads', async () => {
  const db = await testDatabase();
  const knowledge = await testKnowledge(db);
  const { documents, ingest } = knowledge;
  const filesOf = (creator: CreatorId) => readdir(join(knowledge.folder, creator)).catch(() => []);
  const bytes = (text: string) => [new TextEncoder().encode(text)];

  async function rows(creator: CreatorId, id: DocumentId) {
    return db.tenant(creator, async (sql) => {
      const counts = await sql<Record<string, number>>(
        `select (select count(*) from chunks where document_id = $1) as chunks, (select count(*) from postings where document_id = $1) as postings,
           (select count(*) from documents where id = $1) as documents`,
        [id],
      );
      return counts[0];
    });
  }

  test('row 32: the same content again is the same document, for one creator only', async () => {
    const [creator, other] = [await testCreator(db), await testCreator(db)];
    const first = await documents.add(creator, { name: 'a.txt', content: bytes('Sleep well.') });
    const again = await documents.add(creator, { name: 'b.txt', content: bytes('Sleep well.') });
    const elsewhere = await documents.add(other, { name: 'a.txt', content: bytes('Sleep well.') });
    expect(again).toMatchObject({ existing: true, document: { id: first.document.id, title: 'a' } });
    expect(elsewhere).toMatchObject({ existing: false });
    expect(await filesOf(creator)).toHaveLength(1);
  });

  test('a document that cannot be read fails with the reason, and another try is made when it is uploaded again', async () => {
    const creator = await testCreator(db);
    const document = await learn(knowledge, creator, '   \n  ');
    expect(document).toMatchObject({ status: 'failed', reason: { code: 'no_text' }, chunks: 0 });
    expect((await documents.add(creator, { name: 'x', content: bytes('   \n  ') })).document.status).toBe('queued');
  });

  test('what waits is read one after another, and what cannot be read stops nothing behind it', async () => {
    const creator = await testCreator(db);
    const added = [];
    for (const text of ['Sleep well.', ' \n ', '# Rest\n\nRest well.', ' \n\n ']) {
      added.push((await documents.add(creator, { name: 'a.md', content: bytes(text) })).document.id);
    }
    await ingest.drain();
    const statuses = await Promise.all(added.map(async (id) => (await documents.get(creator, id)).status));
    expect(statuses).toEqual(['ready', 'failed', 'ready', 'failed']);
  });

  test('what a dead node left half read is taken up after its lease', async () => {
    const creator = await testCreator(db);
    const { document } = await documents.add(creator, { name: 'a.txt', content: bytes('Sleep well tonight.') });
    await db.routing(`select * from routing.claim_documents($1, '1 minute', 10)`, [new Date(now - 10 * 60_000)]);
    await db.tenant(creator, (sql) =>
      sql(
        `insert into chunks (creator_id, document_id, generation, position, text, start_at, end_at, tokens, length)
         values ($1, $2, 1, 0, 'half', 0, 4, 1, 1)`,
        [creator, document.id],
      ),
    );
    expect((await documents.get(creator, document.id)).status).toBe('processing');
    await ingest.drain();
    expect(await documents.get(creator, document.id)).toMatchObject({ status: 'ready', progress: 1 });
    expect((await documents.chunks(creator, document.id, -1, 10)).map((chunk) => chunk.text)).toEqual(['Sleep well tonight.']);
  });

  test('what another node reads at this moment is left alone', async () => {
    const creator = await testCreator(db);
    const { document } = await documents.add(creator, { name: 'a.txt', content: bytes('Rest well tonight.') });
    await db.routing(`select * from routing.claim_documents($1, '10 minutes', 10)`, [new Date()]);
    await ingest.drain();
    expect((await documents.get(creator, document.id)).status).toBe('processing');
    await documents.remove(creator, document.id);
  });

  test('a document that brings the reader down is given up after three tries', async () => {
    const creator = await testCreator(db);
    const { document } = await documents.add(creator, { name: 'a.txt', content: bytes('Poison.') });
    for (let tries = 0; tries < 3; tries++) {
      await db.routing(`select * from routing.claim_documents($1, '1 minute', 10)`, [new Date(now - (60 - tries * 10) * 60_000)]);
    }
    await ingest.drain();
    expect(await documents.get(creator, document.id)).toMatchObject({ status: 'failed', reason: { code: 'broken' } });
  });

  test('deleting removes chunks, postings, vectors and the file', async () => {
    const creator = await testCreator(db);
    const document = await learn(knowledge, creator, '# Rest\n\nSleep well tonight.');
    expect(await rows(creator, document.id)).toMatchObject({ documents: 1, chunks: 1 });
    await documents.remove(creator, document.id);
    expect(await rows(creator, document.id)).toEqual({ documents: 0, chunks: 0, postings: 0 });
    expect(await filesOf(creator)).toEqual([]);
    await expect(documents.remove(creator, document.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('deleting that is cut short leaves no file that nobody knows of', async () => {
    const creator = await testCreator(db);
    const document = await learn(knowledge, creator, 'Nobody may keep this.');
    const faulty = await testKnowledge(without(db, /delete from documents/), { folder: knowledge.folder });
    await expect(faulty.documents.remove(creator, document.id)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await filesOf(creator)).toEqual([]);
    await documents.remove(creator, document.id);
    expect(await rows(creator, document.id)).toEqual({ documents: 0, chunks: 0, postings: 0 });
  });

  test('reading again leaves one set of chunks', async () => {
    const creator = await testCreator(db);
    const document = await learn(knowledge, creator, 'Sleep well tonight, and tomorrow.');
    expect((await documents.reindex(creator, document.id)).status).toBe('queued');
    await ingest.drain();
    expect(await rows(creator, document.id)).toMatchObject({ chunks: 1 });
  });

  test('a creator cannot reach the document of another', async () => {
    const [creator, other] = [await testCreator(db), await testCreator(db)];
    const { id } = await learn(knowledge, creator, 'Private words.');
    const missing = { code: 'NOT_FOUND' };
    await expect(documents.get(other, id)).rejects.toMatchObject(missing);
    await expect(documents.chunks(other, id, -1, 10)).rejects.toMatchObject(missing);
    await expect(documents.update(other, id, { title: 'Mine' })).rejects.toMatchObject(missing);
    await expect(documents.reindex(other, id)).rejects.toMatchObject(missing);
    await expect(documents.remove(other, id)).rejects.toMatchObject(missing);
    expect(await documents.list(other, null, 10)).toEqual([]);
    expect((await documents.get(creator, id)).title).toBe('notes');
  });

  test('a document whose reading is ended by a stop waits at once, and no try is counted', async () => {
    const creator = await testCreator(db);
    const { document } = await documents.add(creator, { name: 'a.txt', content: bytes('Stop and go. '.repeat(10_000)) });
    const status = async () => (await documents.get(creator, document.id)).status;
    for (let stops = 0; stops < 4; stops++) {
      ingest.start();
      while ((await status()) !== 'processing') await new Promise((resolve) => setImmediate(resolve));
      await ingest.stop();
      expect(await status()).toBe('queued');
    }
    ingest.start();
    await ingest.drain();
    expect(await documents.get(creator, document.id)).toMatchObject({ status: 'ready', reason: null });
    await ingest.stop();
  });

  test('a stopped pump reads on after a start', async () => {
    const creator = await testCreator(db);
    ingest.start();
    await ingest.stop();
    const { document } = await documents.add(creator, { name: 'a.txt', content: bytes('Begin again.') });
    expect((await documents.get(creator, document.id)).status).toBe('queued');
    ingest.start();
    await ingest.drain();
    expect((await documents.get(creator, document.id)).status).toBe('ready');
    await ingest.stop();
  });
});
