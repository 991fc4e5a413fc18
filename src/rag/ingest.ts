/** The pump that reads uploaded documents: claims one under a lease, reads, writes, embeds; any node takes up what another dropped. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Files } from '../files.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import type { Log } from '../log.ts';
import { clearChunks, type DocumentClaim, type DocumentRow, findDocument, insertChunks, reportProgress } from '../store/documents.ts';
import { UnreadableDocument } from './document-text.ts';
import type { Embedder } from './embedding.ts';
import type { VectorIndex } from './index.ts';
import type { Reader } from './reader.ts';
import type { ReadChunk } from './reading.ts';

export interface IngestDeps {
  db: Database;
  files: Files;
  reader: Reader;
  /** Null where the database has no vectors. */
  vectors: VectorIndex | null;
  /** In order of preference; the first that answers embeds the document. */
  embedders: readonly Embedder[];
  clock: Clock;
  log: Log;
}

/** The running pump. */
export interface Ingest {
  /** Begins to claim documents, at once and then whenever some wait. */
  start(): void;
  /** Says that a document waits. */
  wake(): void;
  /** Ends after the batch under way; what is unfinished is taken up when its lease ends, or by the next start at once. */
  stop(): Promise<void>;
  /** Reads everything that waits, then resolves: what a seed or a test awaits. */
  drain(): Promise<void>;
}

const leaseMs = 120_000;
const pollMs = 5_000;
const batchSize = 32;
const maxAttempts = 3;

/** A pump over all creators' documents. One document at a time. */
export function createIngest(deps: IngestDeps): Ingest {
  const { db, clock, log } = deps;
  let stopping = new AbortController();
  let running: Promise<void> | null = null;
  let again = false;
  let cancelPoll = () => {};
  let started = false;

  async function claim(): Promise<DocumentClaim | null> {
    const [row] = await db.routing<{ creator_id: CreatorId; id: DocumentId; attempts: number }>(
      `select creator_id, id, attempts from routing.claim_documents($1, $2::interval, 1)`,
      [new Date(clock.wall()), `${leaseMs} milliseconds`],
    );
    return row === undefined ? null : { creator: row.creator_id, id: row.id, attempt: row.attempts };
  }

  async function run(): Promise<void> {
    do {
      again = false;
      for (let next = await claim(); next !== null; next = await claim()) {
        await ingestDocument(deps, next, stopping.signal);
        if (stopping.signal.aborted) return;
      }
    } while (again);
  }

  function drain(): Promise<void> {
    again = true;
    running ??= run().finally(() => {
      running = null;
    });
    return running;
  }

  function wake(): void {
    if (!started) return;
    cancelPoll();
    drain()
      .catch((error: unknown) => log.error('documents.pump.failed', error))
      .finally(() => {
        if (started) cancelPoll = clock.after(pollMs, wake);
      });
  }

  return {
    start() {
      stopping = new AbortController();
      started = true;
      wake();
    },
    wake,
    drain,
    async stop() {
      started = false;
      cancelPoll();
      stopping.abort(new Error('The server stops'));
      await running?.catch(() => {
        // reported by wake
      });
    },
  };
}

/** One document from its claim to ready or failed. Only a lost claim or the stop leaves it as it is. */
async function ingestDocument(deps: IngestDeps, claim: DocumentClaim, signal: AbortSignal): Promise<void> {
  const { db, log, clock } = deps;
  const fields = { creator_id: claim.creator, document_id: claim.id, attempt: claim.attempt };
  const begun = clock.wall();
  try {
    const document = await db.tenant(claim.creator, (sql) => findDocument(sql, claim.creator, claim.id));
    if (document === null) return;
    if (claim.attempt > maxAttempts)
      throw new UnreadableDocument('broken', `Upload another version: reading it failed ${maxAttempts} times`);
    const chunks = await readAndWrite(deps, claim, document, signal);
    log.info('document.ready', { ...fields, chunks, duration_ms: clock.wall() - begun });
  } catch (error) {
    await settleFailure(deps, claim, error, signal);
    if (error instanceof UnreadableDocument) log.warn('document.failed', { ...fields, problem: error.problem });
    else if (error !== signal.reason && !(error instanceof LostClaim)) log.error('document.interrupted', error, fields);
  }
}

/** The document was deleted, or another node has it. */
class LostClaim extends Error {}

async function readAndWrite(deps: IngestDeps, claim: DocumentClaim, document: DocumentRow, signal: AbortSignal): Promise<number> {
  const { db, clock } = deps;
  const { creator, id } = claim;
  const read = await deps.reader.read(deps.files.path(creator, document.file), document.kind, signal);
  const batches = Array.from({ length: Math.ceil(read.chunks.length / batchSize) }, (_, i) =>
    read.chunks.slice(i * batchSize, (i + 1) * batchSize),
  );
  const embed = embedWithFirst(deps, claim);

  async function report(done: number, write: Parameters<Database['tenant']>[1] = async () => {}, status?: 'ready'): Promise<void> {
    const now = clock.wall();
    await db.tenant(creator, async (sql) => {
      const progress = status === 'ready' ? 1 : Math.min(0.99, 0.2 + (0.8 * done) / batches.length);
      const ending = status === undefined ? {} : { status, language: read.language };
      const until = new Date(now + leaseMs);
      if (!(await reportProgress(sql, claim, { progress, until, now: new Date(now), ...ending }))) throw new LostClaim();
      await write(sql);
    });
  }

  await report(0, (sql) => clearChunks(sql, creator, id));
  for (const [number, batch] of batches.entries()) {
    signal.throwIfAborted();
    await report(number, (sql) => insertChunks(sql, creator, id, batch));
    await embed(batch, signal);
  }
  await report(batches.length, undefined, 'ready');
  return read.chunks.length;
}

/** Embeds batches with the first embedder that answers. One that fails once is not asked again for this document. */
function embedWithFirst({ vectors, embedders, log }: IngestDeps, claim: DocumentClaim) {
  let candidates = [...embedders];
  return async function embed(batch: readonly ReadChunk[], signal: AbortSignal): Promise<void> {
    const [embedder] = candidates;
    if (vectors === null || embedder === undefined) return;
    try {
      const texts = batch.map((chunk) => (chunk.heading === '' ? chunk.text : `${chunk.heading}\n\n${chunk.text}`));
      const found = await embedder.embed(texts, 'passage', signal);
      const rows = batch.map((chunk, at) => ({ position: chunk.position, vector: found[at] ?? [] }));
      await vectors.put(claim.creator, claim.id, embedder.model, rows);
    } catch {
      // the next embedder, or none, is the answer; a stop is passed on
      signal.throwIfAborted();
      log.warn('document.embedding.failed', { creator_id: claim.creator, document_id: claim.id, model: embedder.model });
      candidates = candidates.slice(1);
      await embed(batch, signal);
    }
  };
}

async function settleFailure(deps: IngestDeps, claim: DocumentClaim, error: unknown, signal: AbortSignal): Promise<void> {
  if (error instanceof LostClaim) return;
  const now = new Date(deps.clock.wall());
  const failed = error instanceof UnreadableDocument;
  await deps.db
    .tenant(claim.creator, async (sql) => {
      if (failed) await clearChunks(sql, claim.creator, claim.id);
      const ending = failed ? { status: 'failed' as const, reason: { code: error.problem, message: error.message } } : {};
      // What was interrupted is free again: at once after a stop, else after a pause.
      const until = signal.aborted ? now : new Date(now.getTime() + pollMs);
      await reportProgress(sql, claim, { progress: failed ? 1 : 0, until, now, ...ending });
    })
    .catch((cause: unknown) => deps.log.error('document.settle.failed', cause, { creator_id: claim.creator, document_id: claim.id }));
}
