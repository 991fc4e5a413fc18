/** What every place for vectors promises, tried on PostgreSQL's and, where a server is there, on Chroma's. */
import { ChromaClient } from 'chromadb';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../src/database.ts';
import { type CreatorId, type DocumentId, systemIds } from '../../src/ids.ts';
import { connectChroma } from '../../src/rag/chroma.ts';
import type { Reading, VectorIndex } from '../../src/rag/index.ts';
import { openPgvector } from '../../src/rag/pgvector.ts';
import { pgliteDatabase, testCreator, testDatabase } from '../support/database.ts';
import { learn, testKnowledge } from '../support/knowledge.ts';
import { startOllama } from '../support/ollama.ts';

const chromaUrl = process.env.TEST_CHROMA_URL;
const server = process.env.TEST_DATABASE_URL;

/** A database, and the vectors of its creators; null where its server lacks pgvector. */
interface Adapter {
  db: Database;
  index: VectorIndex | null;
}
const over = async (db: Database): Promise<Adapter> => ({ db, index: await openPgvector(db) });
const inChroma = async (url: string): Promise<Adapter> => ({ db: await testDatabase(), index: connectChroma(url) });

/** Those that cannot be had are named in the report as skipped. */
const adapters: { name: string; open: (() => Promise<Adapter>) | null }[] = [
  { name: 'pgvector in PGlite', open: async () => over(await pgliteDatabase()) },
  { name: 'pgvector on PostgreSQL', open: server === undefined ? null : async () => over(await testDatabase()) },
  { name: 'Chroma', open: chromaUrl === undefined ? null : () => inChroma(chromaUrl) },
];

/** A vector of two directions mixed. */
const mixed = (x: number, y: number) => {
  const norm = Math.hypot(x, y);
  return [x / norm, y / norm, 0, 0];
};
const model = 'test-1-4';

describe.each(adapters)('vectors in $name', async ({ name, open }) => {
  const adapter = (await open?.()) ?? null;
  if (adapter === null || adapter.index === null) {
    test.skip(`NOT TRIED: ${name} is not here`, () => {});
    return;
  }
  const { db, index } = adapter;

  /** A document with a live reading of three chunks: east, north-east, north. */
  async function addDocument(creator: CreatorId, generation = 1): Promise<Reading> {
    const document = systemIds.uuid<DocumentId>();
    await db.tenant(creator, async (sql) => {
      await sql(
        `insert into documents (creator_id, id, title, kind, bytes, hash, file, status, live) values ($1, $2, 't', 'text', 1, $3, 'f', 'ready', $4)`,
        [creator, document, document, generation],
      );
      await sql(
        `insert into chunks (creator_id, document_id, generation, position, text, start_at, end_at, tokens, length)
         select $1, $2, $3, p, 't', 0, 1, 1, 1 from generate_series(0, 2) p`,
        [creator, document, generation],
      );
    });
    return { document, generation, source: 'notes', at: new Date() };
  }
  const three = [
    { position: 0, vector: mixed(1, 0) },
    { position: 1, vector: mixed(1, 1) },
    { position: 2, vector: mixed(0, 1) },
  ];
  const positions = async (creator: CreatorId, vector: number[], documents: DocumentId[] | null = null, most = 10) =>
    (await index.nearest(creator, model, vector, documents, most)).map(({ position }) => position);

  test('give the nearest first, with how near they are', async () => {
    const creator = await testCreator(db);
    const reading = await addDocument(creator);
    await index.put(creator, reading, model, three);
    const found = await index.nearest(creator, model, mixed(1, 0.1), null, 2);
    expect(found).toEqual([
      { document_id: reading.document, generation: 1, position: 0, similarity: expect.closeTo(0.995, 2) },
      { document_id: reading.document, generation: 1, position: 1, similarity: expect.closeTo(0.774, 2) },
    ]);
  });

  test('replace what is put again', async () => {
    const creator = await testCreator(db);
    const reading = await addDocument(creator);
    await index.put(creator, reading, model, three);
    await index.put(creator, reading, model, [{ position: 2, vector: mixed(1, 0.05) }]);
    expect(await positions(creator, mixed(1, 0.06), null, 1)).toEqual([2]);
    expect(await positions(creator, mixed(1, 0))).toHaveLength(3);
  });

  test('show no creator those of another', async () => {
    const [creator, other] = [await testCreator(db), await testCreator(db)];
    await index.put(creator, await addDocument(creator), model, three);
    expect(await positions(other, mixed(1, 0))).toEqual([]);
    await index.put(other, await addDocument(other), model, three.slice(2));
    expect(await positions(other, mixed(1, 0))).toEqual([2]);
  });

  test('compare those of one model only, and never of another length', async () => {
    const creator = await testCreator(db);
    await index.put(creator, await addDocument(creator), model, three);
    expect(await index.nearest(creator, 'another-1-4', mixed(1, 0), null, 5)).toEqual([]);
    expect(await index.nearest(creator, 'another-1-2', [1, 0], null, 5)).toEqual([]);
  });

  test('take another model in place of the one before', async () => {
    const creator = await testCreator(db);
    const reading = await addDocument(creator);
    await index.put(creator, reading, model, three);
    await index.put(creator, reading, 'wide-1-5', [{ position: 1, vector: [0, 0, 0, 0, 1] }]);
    expect(await index.nearest(creator, 'wide-1-5', [0, 0, 0, 0, 1], null, 5)).toMatchObject([{ position: 1 }]);
  });

  test('ask only the documents named', async () => {
    const creator = await testCreator(db);
    const [one, two] = [await addDocument(creator), await addDocument(creator)];
    await index.put(creator, one, model, three);
    await index.put(creator, two, model, three.slice(0, 1));
    expect(await positions(creator, mixed(1, 0), [two.document])).toEqual([0]);
    expect(await positions(creator, mixed(1, 0), [])).toEqual([]);
  });

  test('forget a document, or what is older than one of its readings', async () => {
    const creator = await testCreator(db);
    const [one, two] = [await addDocument(creator), await addDocument(creator, 2)];
    await index.put(creator, one, model, three);
    await index.put(creator, two, model, three);
    await index.remove(creator, one.document, { generation: 1, model });
    expect(await positions(creator, mixed(1, 0), [one.document])).toHaveLength(3);
    await index.remove(creator, one.document);
    expect(await positions(creator, mixed(1, 0), [one.document])).toEqual([]);
    // Who was late with the first reading leaves the second alone.
    await index.remove(creator, two.document, { generation: 1, model });
    expect(await positions(creator, mixed(1, 0))).toHaveLength(3);
    await index.remove(creator, two.document, { generation: 3, model });
    expect(await positions(creator, mixed(1, 0))).toEqual([]);
    await index.remove(creator, systemIds.uuid<DocumentId>());
  });

  test('say when they have lost what was put before', async () => {
    const creator = await testCreator(db);
    const [one, two] = [await addDocument(creator), await addDocument(creator)];
    await index.put(creator, one, model, three);
    expect(await index.put(creator, two, model, three)).toEqual({ lost: false });
    await index.put(creator, two, 'wide-1-5', [{ position: 1, vector: [0, 0, 0, 0, 1] }]);
    const { lost } = await index.put(creator, two, model, three);
    expect(await positions(creator, mixed(1, 0), [one.document])).toHaveLength(lost ? 0 : 3);
  });

  test('take many at once', async () => {
    const creator = await testCreator(db);
    const reading = await addDocument(creator);
    await db.tenant(creator, (sql) =>
      sql(
        `insert into chunks (creator_id, document_id, generation, position, text, start_at, end_at, tokens, length)
         select $1, $2, 1, p, 't', 0, 1, 1, 1 from generate_series(3, 999) p`,
        [creator, reading.document],
      ),
    );
    await index.put(
      creator,
      reading,
      model,
      Array.from({ length: 1000 }, (_, position) => ({ position, vector: mixed(1, position / 1000) })),
    );
    expect(await positions(creator, mixed(1, 0), null, 3)).toEqual([0, 1, 2]);
  });
});

describe.skipIf(chromaUrl === undefined)('documents with their vectors in Chroma', async () => {
  const db = await testDatabase();
  const make = 'nomic-embed-text-1-768@a1b2';
  const index = connectChroma(chromaUrl ?? '');
  const nearest = (creator: CreatorId) => index.nearest(creator, make, [1, ...new Array<number>(767).fill(0)], null, 50);

  async function setUp() {
    const ollama = await startOllama();
    const knowledge = await testKnowledge(db, { ollamaUrl: ollama.url, chromaUrl: chromaUrl ?? '' });
    const creator = await testCreator(db);
    return { knowledge, creator, document: await learn(knowledge, creator, 'You can cancel a session up to 24 hours before.') };
  }

  test('have a collection of their creator, and a record that says what each is', async () => {
    const { creator, document } = await setUp();
    const { hostname, port } = new URL(chromaUrl ?? '');
    const collection = await new ChromaClient({ host: hostname, port: Number(port), ssl: false }).getCollection({
      name: `creator_${creator}_knowledge`,
    });
    expect((await collection.get({ include: ['metadatas'] })).metadatas).toEqual([
      {
        document_id: document.id,
        chunk_index: 0,
        creator_id: creator,
        source: 'notes',
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        generation: 1,
      },
    ]);
  });

  test('leave none behind when they are deleted', async () => {
    const { knowledge, creator, document } = await setUp();
    expect(await nearest(creator)).toHaveLength(1);
    await knowledge.documents.remove(creator, document.id);
    expect(await nearest(creator)).toEqual([]);
  });

  test('keep those of their last reading', async () => {
    const { knowledge, creator, document } = await setUp();
    await knowledge.documents.reindex(creator, document.id);
    await knowledge.ingest.drain();
    expect(await nearest(creator)).toMatchObject([{ document_id: document.id, generation: 2 }]);
  });

  test('get them all again when the server has lost them', async () => {
    const { knowledge, creator, document } = await setUp();
    await index.removeAll(creator);
    const { id } = await learn(knowledge, creator, 'Groups may cancel a week before.', 'groups.md');
    expect((await nearest(creator)).map(({ document_id }) => document_id).sort()).toEqual([document.id, id].sort());
  });
});

test('pgvector that comes after the first start is taken into use at the next', async () => {
  const db = await pgliteDatabase();
  await db.owner((sql) => sql('drop table embeddings'));
  await db.owner((sql) => sql('drop extension vector'));
  const creator = await testCreator(db);
  const index = await openPgvector(db);
  expect(await index?.nearest(creator, model, mixed(1, 0), null, 5)).toEqual([]);
});

test('a server of vectors that is not there is told as unavailable', async () => {
  const creator = systemIds.uuid<CreatorId>();
  await expect(connectChroma('http://127.0.0.1:9').nearest(creator, model, mixed(1, 0), null, 5)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  });
});
