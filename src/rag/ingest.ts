/** The pump that reads uploaded documents: claims one under a lease, reads, writes, goes live; any node takes up what another dropped. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import type { Files } from '../files.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import type { Log, LogFields } from '../log.ts';
import type { DocumentNews } from '../message.ts';
import { findSizes } from '../store/collections.ts';
import { findDocument } from '../store/documents.ts';
import { clearOtherReadings, type DocumentClaim, giveBack, goLive, insertChunks, reportProgress, triesOf } from '../store/readings.ts';
import { defaultSizes } from './chunk.ts';
import { UnreadableDocument } from './document-text.ts';
import type { EmbedNext } from './embed-documents.ts';
import type { Reader } from './reader.ts';
import type { ReadDocument } from './reading.ts';

export interface IngestDeps {
  db: Database;
  files: Files;
  reader: Reader;
  /** Embeds what has been read; null where nothing embeds. */
  embedNext: EmbedNext | null;
  tell: TellDocument;
  clock: Clock;
  log: Log;
}

/** Tells a creator's members what has become of a document. */
export type TellDocument = (creator: CreatorId, id: DocumentId, status: DocumentNews['status']) => void;

/** The running pump. */
export interface Ingest {
  /** Begins to claim documents, at once and then whenever some wait. */
  start(): void;
  /** Says that a document waits. */
  wake(): void;
  /** Ends after the batch under way; what is unfinished waits again, for this node or another. */
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

/** A pump over all creators' documents, one after another: while what was read of one is written, the next is read. */
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

  async function ingestWaiting(signal: AbortSignal): Promise<void> {
    let written: Promise<void> = Promise.resolve();
    try {
      for (let next = await claim(); next !== null; next = await claim()) {
        if (signal.aborted) return await settleFailure(deps, next, signal.reason, signal);
        const read = await readClaimed(deps, next, signal);
        // At most one document waits to be written while the next is read.
        await written;
        if (read !== null) written = writeClaimed(deps, read, signal);
      }
    } finally {
      await written;
    }
  }

  async function run(): Promise<void> {
    do {
      again = false;
      await ingestWaiting(stopping.signal);
      if (stopping.signal.aborted) return;
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

/** A document that has been read, and when that was begun, in wall time. */
interface Read {
  claim: DocumentClaim;
  document: ReadDocument;
  begun: number;
}

/** Reads a claimed document; null where it cannot be, which is settled then. */
async function readClaimed(deps: IngestDeps, claim: DocumentClaim, signal: AbortSignal): Promise<Read | null> {
  const { db, clock } = deps;
  const begun = clock.wall();
  try {
    const found = await db.tenant(claim.creator, async (sql) => {
      const row = await findDocument(sql, claim.creator, claim.id);
      return row && { row, sizes: await findSizes(sql, claim.creator, row.collection), tries: await triesOf(sql, claim) };
    });
    if (found === null) return null;
    const { row, sizes, tries } = found;
    if (tries > maxTries) throw new UnreadableDocument('broken', `Upload another version: reading it failed ${maxTries} times`);
    const as = { kind: row.kind, sizes: sizes ?? defaultSizes };
    return { claim, document: await deps.reader.read(claim.creator, deps.files.path(claim.creator, row.file), as, signal), begun };
  } catch (error) {
    await settleFailure(deps, claim, error, signal);
    return null;
  }
}

/** Writes what was read and lets it answer. Only a lost claim or the stop leaves the document as it is; never rejects. */
async function writeClaimed(deps: IngestDeps, { claim, document, begun }: Read, signal: AbortSignal): Promise<void> {
  try {
    await writeReading(deps, claim, document, signal);
    deps.log.info('document.ready', { ...fieldsOf(claim), chunks: document.chunks.length, duration_ms: deps.clock.wall() - begun });
    deps.tell(claim.creator, claim.id, 'ready');
  } catch (error) {
    await settleFailure(deps, claim, error, signal);
  }
}

/** The document was deleted, or another node has it. */
class LostClaim extends Error {}

/** A short document is written and answers in one transaction, a long one batch by batch and answers with the last. */
async function writeReading({ db, clock }: IngestDeps, claim: DocumentClaim, read: ReadDocument, signal: AbortSignal): Promise<void> {
  // Of the first try nothing else has been written.
  const isFirst = claim.attempt === 1;
  const batches = Math.ceil(read.chunks.length / batchSize);
  for (let batch = 0; batch < batches; batch++) {
    signal.throwIfAborted();
    const now = new Date(clock.wall());
    await db.tenant(claim.creator, async (sql) => {
      const report = { progress: Math.min(0.99, 0.2 + (0.8 * batch) / batches), until: new Date(now.getTime() + leaseMs), now };
      if (!(await reportProgress(sql, claim, report))) throw new LostClaim();
      if (batch === 0 && !isFirst) await clearOtherReadings(sql, claim);
      await insertChunks(sql, claim, read.chunks.slice(batch * batchSize, (batch + 1) * batchSize));
      const isLast = batch === batches - 1;
      if (isLast && !(await goLive(sql, claim, { language: read.language, flags: read.flags, now }))) throw new LostClaim();
    });
  }
  if (!isFirst) await db.tenant(claim.creator, (sql) => clearOtherReadings(sql, claim));
}

function fieldsOf(claim: DocumentClaim): LogFields {
  return { creator_id: claim.creator, document_id: claim.id, attempt: claim.attempt };
}

/** Ends the document as failed with a reason, gives it back after a stop, or frees it after a pause; never rejects. */
async function settleFailure(
  { db, clock, log, tell }: IngestDeps,
  claim: DocumentClaim,
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  if (error instanceof LostClaim) return;
  const now = new Date(clock.wall());
  const failed = error instanceof UnreadableDocument;
  await db
    .tenant(claim.creator, async (sql) => {
      if (!failed && signal.aborted) return giveBack(sql, claim, now);
      const ending = failed ? { reason: { code: error.problem, message: error.message } } : {};
      // What was interrupted is free again after a pause.
      await reportProgress(sql, claim, { progress: failed ? 1 : 0, until: new Date(now.getTime() + pollMs), now, ...ending });
      if (failed) await clearOtherReadings(sql, { ...claim, attempt: noReading });
    })
    .then(() => failed && tell(claim.creator, claim.id, 'failed'))
    .catch((cause: unknown) => log.error('document.settle.failed', cause, fieldsOf(claim)));
  if (failed) log.warn('document.failed', { ...fieldsOf(claim), problem: error.problem });
  else if (error !== signal.reason) log.error('document.interrupted', error, fieldsOf(claim));
}
