/** The pump that reads uploaded documents: claims one under a lease, reads, writes, goes live; any node takes up what another dropped. */
import type { Clock } from '../clock.ts';
import type { Database, Sql } from '../database.ts';
import type { Files } from '../files.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import type { Log } from '../log.ts';
import { findSizes } from '../store/collections.ts';
import { type DocumentRow, findDocument } from '../store/documents.ts';
import { clearOtherReadings, type DocumentClaim, goLive, insertChunks, reportProgress, triesOf } from '../store/readings.ts';
import { defaultSizes } from './chunk.ts';
import { UnreadableDocument } from './document-text.ts';
import type { EmbedNext } from './embed-documents.ts';
import type { Reader } from './reader.ts';

export interface IngestDeps {
  db: Database;
  files: Files;
  reader: Reader;
  /** Embeds what has been read; null where nothing embeds. */
  embedNext: EmbedNext | null;
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
const batchSize = 64;
const maxTries = 3;
/** No generation has this number: every reading but the live one goes. */
const noReading = -1;

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
      // What waits to be read goes first: a document answers by its words before it has vectors.
      while (!again && deps.embedNext !== null && (await deps.embedNext(stopping.signal)));
    } while (again && !stopping.signal.aborted);
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
    const [document, tries] = await db.tenant(claim.creator, async (sql) => [
      await findDocument(sql, claim.creator, claim.id),
      await triesOf(sql, claim),
    ]);
    if (document === null) return;
    if (tries > maxTries) throw new UnreadableDocument('broken', `Upload another version: reading it failed ${maxTries} times`);
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
  const { creator } = claim;
  const sizes = (await db.tenant(creator, (sql) => findSizes(sql, creator, document.collection))) ?? defaultSizes;
  const read = await deps.reader.read(creator, deps.files.path(creator, document.file), { kind: document.kind, sizes }, signal);
  const batches = Array.from({ length: Math.ceil(read.chunks.length / batchSize) }, (_, i) =>
    read.chunks.slice(i * batchSize, (i + 1) * batchSize),
  );

  async function write(done: number, statements: (sql: Sql) => Promise<void>): Promise<void> {
    const now = clock.wall();
    await db.tenant(creator, async (sql) => {
      const progress = Math.min(0.99, 0.2 + (0.8 * done) / batches.length);
      if (!(await reportProgress(sql, claim, { progress, until: new Date(now + leaseMs), now: new Date(now) }))) throw new LostClaim();
      await statements(sql);
    });
  }

  await write(0, (sql) => clearOtherReadings(sql, claim));
  for (const [number, batch] of batches.entries()) {
    signal.throwIfAborted();
    await write(number, (sql) => insertChunks(sql, claim, batch));
  }
  await db.tenant(creator, async (sql) => {
    const reading = { language: read.language, flags: read.flags, now: new Date(clock.wall()) };
    if (!(await goLive(sql, claim, reading))) throw new LostClaim();
  });
  await db.tenant(creator, (sql) => clearOtherReadings(sql, claim));
  return read.chunks.length;
}

async function settleFailure(deps: IngestDeps, claim: DocumentClaim, error: unknown, signal: AbortSignal): Promise<void> {
  if (error instanceof LostClaim) return;
  const now = new Date(deps.clock.wall());
  const failed = error instanceof UnreadableDocument;
  await deps.db
    .tenant(claim.creator, async (sql) => {
      const ending = failed ? { reason: { code: error.problem, message: error.message } } : {};
      // What was interrupted is free again: at once after a stop, else after a pause.
      const until = signal.aborted ? now : new Date(now.getTime() + pollMs);
      await reportProgress(sql, claim, { progress: failed ? 1 : 0, until, now, ...ending });
      if (failed) await clearOtherReadings(sql, { ...claim, attempt: noReading });
    })
    .catch((cause: unknown) => deps.log.error('document.settle.failed', cause, { creator_id: claim.creator, document_id: claim.id }));
}
