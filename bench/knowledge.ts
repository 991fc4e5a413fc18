/** Documents and answers on the embedded database, as it runs in service: how long a retrieval, an answer and the reading of a book take. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addCreator } from '../scripts/import-passages.ts';
import type { Answer } from '../src/answers.ts';
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

/** How many documents of how many chunks of how many words; filling ends after `limitMs`, and what has come until then is measured. */
interface Shape {
  documents: number;
  chunks: number;
  words: number;
  limitMs: number;
}

/** As books: chunks of about a thousand tokens. */
const books: Shape = { documents: 200, chunks: 50, words: 650, limitMs: 100_000 };
/** What others have beside them, of the same words: ten creators' together. */
const others: Shape = { documents: 50, chunks: 200, words: 20, limitMs: 3_000 };
const otherCreators = 10;
/** As cards, each a document of its own. */
const cards: Shape = { documents: 4_000, chunks: 1, words: 80, limitMs: 12_000 };
const vocabulary = 30_000;
const questions = 100;
/** A part that is slow asks fewer questions. */
const partMs = 6_000;
const never = new AbortController().signal;

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

/** Adds a creator with documents, all within the shape's time. How many chunks they came to. */
async function fill(
  db: Database,
  name: string,
  writer: ReturnType<typeof createWriter>,
  shape: Shape,
): Promise<{ creator: CreatorId; chunks: number }> {
  const creator = await addCreator(db, name);
  const together = Math.ceil(50 / shape.chunks);
  const until = performance.now() + shape.limitMs;
  let documents = 0;
  while (documents < shape.documents && performance.now() < until) {
    await db.tenant(creator, async (sql) => {
      for (let more = 0; more < together; more++) await addDocument(sql, creator, `Document ${++documents}`, chunksFrom(writer, shape));
    });
  }
  return { creator, chunks: documents * shape.chunks };
}

function chunksFrom(writer: ReturnType<typeof createWriter>, shape: Shape): NewChunk[] {
  return Array.from({ length: shape.chunks }, (_, position) => {
    const words = Array.from({ length: shape.words }, writer.word);
    const counts = new Map<string, number>();
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    return { position, text: sentencesFrom(words), start: 0, end: 1, page: null, heading: '', tokens: 1_000, lexemes: [...counts] };
  });
}

const sentenceWords = 13;

function sentencesFrom(words: readonly string[]): string {
  return words.map((word, at) => (at % sentenceWords === sentenceWords - 1 ? `${word}.` : word)).join(' ');
}

/** Asks for what stands in a creator's documents, in the words of a sentence each: such a question gets an answer. */
async function questionsFrom(db: Database, creator: CreatorId, count: number): Promise<string[]> {
  const rows = await db.tenant(creator, (sql) =>
    sql<{ text: string }>('select text from chunks where creator_id = $1 order by md5(document_id::text || position) limit $2', [
      creator,
      count,
    ]),
  );
  return rows.map(({ text }) => {
    const rare =
      text
        .split('.')[5]
        ?.trim()
        .split(' ')
        .sort((a, b) => b.length - a.length) ?? [];
    return `${rare.slice(0, 6).join(' ')}?`;
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

/** Times of one kind of work, and the time of the processor that each took, all threads together. */
interface Times {
  wall: number[];
  cpuMs: number;
}

async function timesOf(count: number, work: (at: number) => Promise<unknown>): Promise<Times> {
  const wall: number[] = [];
  const cpu = process.cpuUsage();
  const until = performance.now() + partMs;
  for (let at = 0; at < count && performance.now() < until; at++) {
    const begun = performance.now();
    await work(at);
    wall.push(performance.now() - begun);
  }
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpuMs: (user + system) / 1_000 / wall.length };
}

/** The 95th of a hundred. */
const slow = (times: readonly number[]) => [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? Number.NaN;
const ms = (value: number) => `${value.toFixed(1)} ms`;
const row = (what: string, { wall, cpuMs }: Times) => [what, String(wall.length), ms(median(wall)), ms(slow(wall)), ms(cpuMs)];

/** Throws unless every marker of the answer has a citation, and every citation an exact quote of a passage that is there. How many there are. */
async function checkCitations(knowledge: Knowledge, creator: CreatorId, answer: Answer): Promise<number> {
  const markers = [...answer.text.matchAll(/ \[(\d+)\]$/gm)].map(([, number]) => Number(number));
  if (markers.some((number) => answer.citations[number - 1] === undefined))
    throw new Error(`A marker without a citation in "${answer.text}"`);
  for (const { document_id, chunk_index, quote } of answer.citations) {
    const [chunk] = await knowledge.documents.chunks(creator, document_id as DocumentId, chunk_index - 1, 1);
    if (chunk?.position !== chunk_index || !chunk.text.includes(quote)) throw new Error(`No passage holds the quote "${quote}"`);
  }
  return answer.citations.length;
}

async function readBook(knowledge: Knowledge, creator: CreatorId, writer: ReturnType<typeof createWriter>): Promise<number> {
  const line = () => Array.from({ length: 11 }, writer.word).join(' ');
  const pages = Array.from({ length: 300 }, () => Array.from({ length: 36 }, line).join('.\n'));
  const begun = performance.now();
  await knowledge.documents.add(creator, { name: 'book.pdf', content: [makePdf(pages)] });
  await knowledge.ingest.drain();
  return performance.now() - begun;
}

/** Runs the benchmark, under three minutes on a quiet machine, and gives its figures as Markdown. Says on standard error how far it is. */
export async function benchKnowledge(): Promise<string> {
  const begun = performance.now();
  const say = (what: string) => process.stderr.write(`knowledge: ${((performance.now() - begun) / 1_000).toFixed(0)} s, ${what}\n`);
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
    const asked = Array.from({ length: questions * 2 }, () => Array.from({ length: 6 }, writer.askedWord).join(' '));
    const question = (at: number) => asked[at] ?? '';
    const retrieveOf = (who: CreatorId) => (at: number) => knowledge.retriever.retrieve(who, [question(at)], null, 5, never);
    say('writing books');
    const { creator, chunks } = await fill(db, 'Bench', writer, books);
    const request = { creatorId: creator, history: [], language: null, instructions: null, collections: null };
    const given: Answer[] = [];
    const answerable = await questionsFrom(db, creator, questions);
    const answer = async (at: number) =>
      given.push(await knowledge.answers.answer({ ...request, question: answerable[at] ?? '' }, never, () => {}));
    say(`asking among ${chunks} chunks`);
    await timesOf(10, (at) => retrieveOf(creator)(questions + at));
    const alone = await timesOf(questions, retrieveOf(creator));
    say('answering');
    await timesOf(3, (at) => knowledge.answers.answer({ ...request, question: question(at) }, never, () => {}));
    const answered = await timesOf(questions, answer);
    const kept = await timesOf(answered.wall.length, answer);
    let citations = 0;
    for (const one of given) citations += await checkCitations(knowledge, creator, one);
    let foreign = 0;
    for (let number = 1; number <= otherCreators; number++) {
      say(`writing documents of others: ${foreign} chunks`);
      foreign += (await fill(db, `Other ${number}`, createWriter(number + 1), others)).chunks;
    }
    say(`asking beside ${foreign} chunks of others`);
    const beside = await timesOf(questions, retrieveOf(creator));
    say('writing cards');
    const collector = await fill(db, 'Collector', createWriter(99), cards);
    say('asking among cards');
    await timesOf(10, (at) => retrieveOf(collector.creator)(questions + at));
    const ofCards = await timesOf(questions, retrieveOf(collector.creator));
    say('reading a book');
    const book = await readBook(knowledge, await addCreator(db, 'Reader'), writer);
    say('done');
    if (citations < given.length / 2) throw new Error(`Only ${citations} citations in ${given.length} answers: too few to tell anything`);
    return [
      `${chunks} chunks of ${books.words} words in documents of ${books.chunks} chunks, questions of six words, PGlite on disk.`,
      '',
      table(
        ['', 'times', 'p50', 'p95', 'CPU'],
        [
          row('retrieval by words', alone),
          row(`the same beside ${foreign} chunks of ${otherCreators} other creators`, beside),
          row(`in ${collector.chunks} documents of one chunk of ${cards.words} words`, ofCards),
          row('an answer without a model', answered),
          row('the same answer again', kept),
        ],
      ),
      '',
      `Each of ${citations} citations of ${given.length} answers is an exact quote of a passage. A PDF of 300 pages is ready after ${(book / 1_000).toFixed(1)} s. Memory of the process at the end: ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB.`,
    ].join('\n');
  } finally {
    await db.close();
    await rm(folder, { recursive: true, force: true });
  }
}
