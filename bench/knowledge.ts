/** Documents and answers on the embedded database, as it runs in service: how long a retrieval, an answer and the reading of a book take. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addCreator } from '../scripts/import-passages.ts';
import { systemClock } from '../src/clock.ts';
import type { Database, Sql } from '../src/database.ts';
import { type CreatorId, type DocumentId, systemIds } from '../src/ids.ts';
import { jsonLog } from '../src/log.ts';
import { type Knowledge, openKnowledge } from '../src/rag/knowledge.ts';
import { createMemoryCache } from '../src/shared/memory.ts';
import { insertDocument } from '../src/store/documents.ts';
import { migrate } from '../src/store/migrate.ts';
import { openPglite } from '../src/store/pglite.ts';
import { goLive, insertChunks, type NewChunk } from '../src/store/readings.ts';
import { makePdf } from '../test/support/make-pdf.ts';
import { median, table } from './report.ts';

/** As books: chunks of about a thousand tokens; and as cards, each a document of its own. */
const books = { documents: 200, chunks: 50, words: 650 };
const cards = { documents: 10_000, chunks: 1, words: 80 };
const vocabulary = 30_000;
const questions = 100;
const never = new AbortController().signal;

const chunksOf = (shape: typeof books) => shape.documents * shape.chunks;

/** Words as often as in a language: the second half as often as the first, and so on (Zipf). Repeatable. */
function createWriter(seed: number) {
  let state = seed;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  const word = (rank: number) => `w${rank.toString(36)}x`;
  return {
    word: () => word(Math.floor(vocabulary ** random())),
    /** Not so common that nobody would ask for it. */
    askedWord: () => word(50 + Math.floor(random() * 5_000)),
  };
}

async function fill(db: Database, creator: CreatorId, writer: ReturnType<typeof createWriter>, shape: typeof books): Promise<void> {
  const together = Math.ceil(50 / shape.chunks);
  for (let at = 0; at < shape.documents; at += together) {
    await db.tenant(creator, async (sql) => {
      for (let number = at; number < at + together; number++)
        await addDocument(sql, creator, `Document ${number}`, chunksFrom(writer, shape));
    });
  }
}

function chunksFrom(writer: ReturnType<typeof createWriter>, shape: typeof books): NewChunk[] {
  return Array.from({ length: shape.chunks }, (_, position) => {
    const words = Array.from({ length: shape.words }, writer.word);
    const counts = new Map<string, number>();
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    return { position, text: `${words.join(' ')}.`, start: 0, end: 1, page: null, heading: '', tokens: 1_000, lexemes: [...counts] };
  });
}

async function addDocument(sql: Sql, creator: CreatorId, title: string, chunks: readonly NewChunk[]): Promise<void> {
  const id = systemIds.uuid<DocumentId>();
  const row = { id, title, collection: 'default', kind: 'text' as const, bytes: 1, hash: id, file: id, source: null };
  await insertDocument(sql, creator, row, new Date());
  await sql(`update documents set status = 'processing', attempts = 1 where creator_id = $1 and id = $2`, [creator, id]);
  await insertChunks(sql, { creator, id, attempt: 1 }, chunks);
  await goLive(sql, { creator, id, attempt: 1 }, { language: null, flags: [], now: new Date() });
}

async function timesOf(count: number, work: (at: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < count; at++) {
    const begun = performance.now();
    await work(at);
    times.push(performance.now() - begun);
  }
  return times;
}

/** The 95th of a hundred. */
const slow = (times: readonly number[]) => [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? Number.NaN;
const ms = (value: number) => `${value.toFixed(1)} ms`;
const row = (what: string, times: readonly number[]) => [what, ms(median(times)), ms(slow(times))];

async function readBook(knowledge: Knowledge, creator: CreatorId, writer: ReturnType<typeof createWriter>): Promise<number> {
  const line = () => Array.from({ length: 11 }, writer.word).join(' ');
  const pages = Array.from({ length: 300 }, () => Array.from({ length: 36 }, line).join('.\n'));
  const begun = performance.now();
  await knowledge.documents.add(creator, { name: 'book.pdf', content: [makePdf(pages)] });
  await knowledge.ingest.drain();
  return performance.now() - begun;
}

/** Runs the benchmark and gives its figures as Markdown. */
export async function benchKnowledge(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-bench-'));
  const clock = systemClock();
  const db = await openPglite({ dataDir: join(folder, 'database'), log: jsonLog('error') });
  try {
    await migrate(db);
    const knowledge = await openKnowledge({
      ...{ db, folder, ollama: null, chromaUrl: null, clock, ids: systemIds, log: jsonLog('error') },
      cache: createMemoryCache(clock),
      uploadMaxBytes: 50_000_000,
    });
    const writer = createWriter(1);
    const creator = await addCreator(db, 'Bench');
    await fill(db, creator, writer, books);
    const asked = Array.from({ length: questions * 2 }, () => Array.from({ length: 6 }, writer.askedWord).join(' '));
    const question = (at: number) => asked[at] ?? '';
    const retrieveOf = (who: CreatorId) => (at: number) => knowledge.retriever.retrieve(who, [question(at)], null, 5, never);
    const retrieve = retrieveOf(creator);
    const answer = (at: number) =>
      knowledge.answers.answer(
        { creatorId: creator, question: question(at), history: [], language: null, instructions: null, collections: null },
        never,
        () => {},
      );
    await timesOf(10, (at) => retrieve(questions + at));
    const alone = await timesOf(questions, retrieve);
    await fill(db, await addCreator(db, 'Another'), createWriter(2), books);
    const collector = await addCreator(db, 'Collector');
    await fill(db, collector, createWriter(3), cards);
    const beside = await timesOf(questions, retrieve);
    await timesOf(10, (at) => retrieveOf(collector)(questions + at));
    const ofCards = await timesOf(questions, retrieveOf(collector));
    const answered = await timesOf(questions, (at) => answer(questions + at));
    const kept = await timesOf(questions, (at) => answer(questions + at));
    const book = await readBook(knowledge, await addCreator(db, 'Reader'), writer);
    return [
      `Documents: ${chunksOf(books)} chunks of ${books.words} words in ${books.documents} documents, questions of six words, PGlite on disk.`,
      '',
      table(
        ['', 'p50', 'p95'],
        [
          row('retrieval by words', alone),
          row(`the same beside two other creators' ${chunksOf(books) + chunksOf(cards)} chunks`, beside),
          row(`in ${cards.documents} documents of one chunk of ${cards.words} words`, ofCards),
          row('an answer without a model', answered),
          row('the same answer again', kept),
        ],
      ),
      '',
      `A PDF of 300 pages is ready after ${(book / 1_000).toFixed(1)} s. Memory of the process at the end: ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB.`,
    ].join('\n');
  } finally {
    await db.close();
    await rm(folder, { recursive: true, force: true });
  }
}
