/** Gives ready documents the vectors of the model in force: new ones, those read while it was down, and all after it has changed. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import type { Log } from '../log.ts';
import { findDocument } from '../store/documents.ts';
import { chunkTexts, holdEmbedding, markEmbedded } from '../store/readings.ts';
import type { Embedder } from './embedding.ts';
import type { VectorIndex } from './index.ts';

export interface EmbedDocumentsDeps {
  db: Database;
  vectors: VectorIndex;
  embedder: Embedder;
  clock: Clock;
  log: Log;
}

/** Embeds one document. False when none waits or the model does not answer: ask again later. */
export type EmbedNext = (signal: AbortSignal) => Promise<boolean>;

interface Job {
  creator: CreatorId;
  id: DocumentId;
  generation: number;
}

const leaseMs = 120_000;
const pauseMs = 30_000;
const batchSize = 32;

/** Embeds documents of all creators, one at a time, under a lease; any node goes on with what another dropped. */
export function createEmbedNext({ db, vectors, embedder, clock, log }: EmbedDocumentsDeps): EmbedNext {
  const inMs = (ms: number) => new Date(clock.wall() + ms);

  async function claim(): Promise<Job | null> {
    const [row] = await db.routing<{ creator_id: CreatorId; id: DocumentId; generation: number }>(
      'select creator_id, id, generation from routing.claim_unembedded($1, $2::interval, $3)',
      [inMs(0), `${leaseMs} milliseconds`, embedder.model],
    );
    return row === undefined ? null : { creator: row.creator_id, id: row.id, generation: row.generation };
  }

  /** Whether the reading still answers: one that was deleted or replaced meanwhile keeps no vectors. */
  async function embed({ creator, id, generation }: Job, signal: AbortSignal): Promise<void> {
    const document = await db.tenant(creator, (sql) => findDocument(sql, creator, id));
    if (document === null) return;
    const reading = { document: id, generation, source: document.source ?? document.title, at: inMs(0) };
    for (let from = 0; ; from += batchSize) {
      signal.throwIfAborted();
      const batch = await db.tenant(creator, (sql) => chunkTexts(sql, creator, id, generation, from, batchSize));
      if (batch.length === 0) break;
      const texts = batch.map(({ heading, text }) => (heading === '' ? text : `${heading}\n\n${text}`));
      const found = await embedder.embed(texts, 'passage', signal);
      const rows = batch.map(({ position }, at) => ({ position, vector: found[at] ?? [] }));
      await vectors.put(creator, reading, embedder.model, rows);
      if (!(await db.tenant(creator, (sql) => holdEmbedding(sql, creator, id, generation, inMs(leaseMs))))) {
        return vectors.remove(creator, id);
      }
    }
    await vectors.remove(creator, id, generation);
    await db.tenant(creator, (sql) => markEmbedded(sql, creator, id, generation, embedder.model));
  }

  return async function embedNext(signal) {
    if (!embedder.available || signal.aborted) return false;
    const job = await claim();
    if (job === null) return false;
    try {
      await embed(job, signal);
      return true;
    } catch (error) {
      const fields = { creator_id: job.creator, document_id: job.id, model: embedder.model };
      const again = signal.aborted ? inMs(0) : inMs(pauseMs);
      await db.tenant(job.creator, (sql) => holdEmbedding(sql, job.creator, job.id, job.generation, again));
      log.warn('document.embedding.failed', { ...fields, code: error instanceof Error ? error.name : 'unknown' });
      return false;
    }
  };
}
