/** Puts short passages into a database as documents, without files and the reader's process: for evaluations and benchmarks. */
import type { Database } from '../src/database.ts';
import { type CreatorId, type DocumentId, systemIds } from '../src/ids.ts';
import { defaultSizes } from '../src/rag/chunk.ts';
import { defaultReaderLimits } from '../src/rag/reader.ts';
import { readDocument } from '../src/rag/reading.ts';
import { insertDocument } from '../src/store/documents.ts';
import { goLive, insertChunks } from '../src/store/readings.ts';

const batchSize = 50;
const chunksAtOnce = 64;

/** Adds a workspace. */
export async function addCreator(db: Database, name: string): Promise<CreatorId> {
  const creator = systemIds.uuid<CreatorId>();
  await db.tenant(creator, (sql) => sql('insert into creators (creator_id, name) values ($1, $2)', [creator, name]));
  return creator;
}

/** Adds the texts in order and gives the id of each. */
export async function importPassages(
  db: Database,
  creator: CreatorId,
  texts: readonly string[],
  onProgress: (done: number) => void = () => {},
): Promise<DocumentId[]> {
  const ids: DocumentId[] = [];
  for (let at = 0; at < texts.length; at += batchSize) {
    const batch = texts.slice(at, at + batchSize);
    const readings = await Promise.all(
      batch.map((text) => readDocument(new TextEncoder().encode(text), { kind: 'text', sizes: defaultSizes }, defaultReaderLimits)),
    );
    await db.tenant(creator, async (sql) => {
      for (const read of readings) {
        const id = systemIds.uuid<DocumentId>();
        const file = { kind: 'text' as const, bytes: 0, hash: id, file: id, source: null };
        await insertDocument(sql, creator, { id, title: `passage ${ids.length + 1}`, collection: 'default', ...file }, new Date());
        await sql(`update documents set status = 'processing', attempts = 1 where creator_id = $1 and id = $2`, [creator, id]);
        const claim = { creator, id, attempt: 1 };
        for (let from = 0; from < read.chunks.length; from += chunksAtOnce) {
          await insertChunks(sql, claim, read.chunks.slice(from, from + chunksAtOnce));
        }
        await goLive(sql, claim, { language: read.language, flags: read.flags, now: new Date() });
        ids.push(id);
      }
    });
    onProgress(ids.length);
  }
  return ids;
}
