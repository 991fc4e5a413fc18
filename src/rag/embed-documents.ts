/** Gives ready documents the vectors of the model in force: new ones, those read while it was down, and all after it has changed. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import type { Log } from '../log.ts';
import { findDocument } from '../store/documents.ts';
import { chunkTexts, forgetEmbedded, holdEmbedding, markEmbedded } from '../store/readings.ts';
import type { Embedder } from './embedding.ts';
import type { Reading, VectorIndex } from './index.ts';

export interface EmbedDocumentsDeps {
  db: Database;
  vectors: VectorIndex;
  embedder: Embedder;
  /** Whether documents with vectors of another make are embedded anew unasked. */
  renew: boolean;
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
export function createEmbedNext({ db, vectors, embedder, renew, clock, log }: EmbedDocumentsDeps): EmbedNext {
  const inMs = (ms: number) => new Date(clock.wall() + ms);

  let lastMake: string | null = null;

  /** The make in force; a change of it is told once. */
  async function makeInForce(signal: AbortSignal): Promise<string> {
    const make = await embedder.identify(signal);
    if (lastMake !== null && lastMake !== make) log.warn('embeddings.model.changed', { model: make, renew });
    lastMake = make;
    return make;
  }

  async function claim(make: string): Promise<Job | null> {
    const [row] = await db.routing<{ creator_id: CreatorId; id: DocumentId; generation: number }>(
      'select creator_id, id, generation from routing.claim_unembedded($1, $2::interval, $3, $4)',
      [inMs(0), `${leaseMs} milliseconds`, make, renew],
    );
    return row === undefined ? null : { creator: row.creator_id, id: row.id, generation: row.generation };
  }

  /** A reading that was deleted or replaced meanwhile keeps no vectors; the one in its place may have got its own already. */
  async function forget({ creator, id }: Job, make: string): Promise<void> {
    const live = (await db.tenant(creator, (sql) => findDocument(sql, creator, id)))?.live ?? null;
    await vectors.remove(creator, id, live === null ? undefined : { generation: live, model: make });
  }

  /** Vectors of this make that were there are there no more: all documents that had some wait for them again. */
  async function beginAgain(creator: CreatorId, make: string): Promise<void> {
    const documents = await db.tenant(creator, (sql) => forgetEmbedded(sql, creator, make));
    if (documents > 0) log.warn('embeddings.lost', { creator_id: creator, model: make, documents });
  }

  async function embed(job: Job, make: string, signal: AbortSignal): Promise<void> {
    const { creator, id, generation } = job;
    const document = await db.tenant(creator, (sql) => findDocument(sql, creator, id));
    if (document === null) return;
    const reading = { document: id, generation, source: document.source ?? document.title, at: inMs(0) };
    for (let from = 0; ; from += batchSize) {
      const more = await embedBatch(job, reading, make, from, signal);
      if (!more) break;
      if (!(await db.tenant(creator, (sql) => holdEmbedding(sql, creator, id, generation, inMs(leaseMs))))) return forget(job, make);
    }
    await vectors.remove(creator, id, { generation, model: make });
    await db.tenant(creator, (sql) => markEmbedded(sql, creator, id, generation, make));
  }

  /** Whether there was anything from this position on. */
  async function embedBatch({ creator, id }: Job, reading: Reading, make: string, from: number, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    const batch = await db.tenant(creator, (sql) => chunkTexts(sql, creator, id, reading.generation, from, batchSize));
    if (batch.length === 0) return false;
    const texts = batch.map(({ heading, text }) => (heading === '' ? text : `${heading}\n\n${text}`));
    const found = await embedder.embed(texts, 'passage', signal);
    const rows = batch.map(({ position }, at) => ({ position, vector: found[at] ?? [] }));
    const { lost } = await vectors.put(creator, reading, make, rows);
    if (lost) await beginAgain(creator, make);
    if (lost && from > 0) throw new AppError('UNAVAILABLE', 'Try again shortly: the vectors so far are lost');
    return true;
  }

  /** Says when the document may be tried again: at once after a stop, else after a pause. */
  async function postpone({ creator, id, generation }: Job, error: unknown, signal: AbortSignal): Promise<void> {
    const again = signal.aborted ? inMs(0) : inMs(pauseMs);
    await db.tenant(creator, (sql) => holdEmbedding(sql, creator, id, generation, again));
    const code = error instanceof Error ? error.name : 'unknown';
    log.warn('document.embedding.failed', { creator_id: creator, document_id: id, model: embedder.name, code });
  }

  return async function embedNext(signal) {
    if (!embedder.available || signal.aborted) return false;
    const make = await makeInForce(signal).catch(ignoreAbsence);
    const job = make === null ? null : await claim(make);
    if (make === null || job === null) return false;
    try {
      await embed(job, make, signal);
      return true;
    } catch (error) {
      await postpone(job, error, signal);
      return false;
    }
  };
}

/** What waits goes on waiting. */
function ignoreAbsence(): null {
  return null;
}
