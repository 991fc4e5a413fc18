/** `npm run eval -- DIR [--answers]`: how well a folder in the form of BEIR is found and answered from, in a database of its own in memory, beside a plain BM25. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { systemIds } from '../src/ids.ts';
import { jsonLog } from '../src/log.ts';
import { readBeir } from '../src/rag/beir.ts';
import { evaluate } from '../src/rag/evaluate.ts';
import { openKnowledge } from '../src/rag/knowledge.ts';
import { mean, ndcgAt } from '../src/rag/measures.ts';
import { createMemoryCache } from '../src/shared/memory.ts';
import { migrate } from '../src/store/migrate.ts';
import { openPgliteSession } from '../src/store/pglite-session.ts';
import { databaseOver } from '../src/store/session.ts';
import { referenceBm25 } from '../test/support/reference-bm25.ts';
import { addCreator, importPassages } from './import-passages.ts';

const [directory, ...flags] = process.argv.slice(2);
if (directory === undefined || flags.some((flag) => flag !== '--answers')) {
  console.error('Usage: npm run eval -- DIR [--answers], where DIR holds corpus.jsonl, queries.jsonl and qrels.tsv');
  process.exit(64);
}

const progress = (what: string, done: number, of: number) => {
  if (process.stderr.isTTY) process.stderr.write(`\r${what} ${done} of ${of} `);
  else if (done === of || done % 1_000 === 0) process.stderr.write(`${what} ${done} of ${of}\n`);
};

const set = await readBeir(directory);
const db = databaseOver(await openPgliteSession(null));
await migrate(db);
const clock = systemClock();
const folder = await mkdtemp(join(tmpdir(), 'companero-eval-'));
const ollama =
  process.env.OLLAMA_URL === undefined
    ? null
    : {
        url: process.env.OLLAMA_URL,
        chatModel: process.env.OLLAMA_CHAT_MODEL ?? 'llama3.2',
        embedModel: process.env.OLLAMA_EMBED_MODEL ?? 'nomic-embed-text',
      };
const knowledge = await openKnowledge({
  ...{ db, folder, ollama, clock, ids: systemIds, log: jsonLog('silent') },
  cache: createMemoryCache(clock),
  chromaUrl: process.env.CHROMA_URL ?? null,
  uploadMaxBytes: 1,
});
try {
  const creator = await addCreator(db, 'Evaluation');
  const texts = set.corpus.map(({ title, text }) => (title === '' ? text : `${title}\n\n${text}`));
  const ids = await importPassages(db, creator, texts, (done) => progress('passages', done, texts.length));
  await knowledge.ingest.drain();
  const byName = new Map(set.corpus.map(({ id }, at) => [id, ids[at] ?? '']));
  // Where a question is itself a passage (ArguAna), that passage is left out, as in BEIR's own evaluation.
  const itself = (id: string, question: string) =>
    set.corpus.find(({ id: name, text }) => name === id && text.includes(question.trim()))?.id;
  const questions = set.questions.map(({ id, text, relevance }) => ({
    question: text,
    except: byName.get(itself(id, text) ?? ''),
    relevance: new Map([...relevance].map(([name, grade]) => [byName.get(name) ?? name, grade])),
  }));
  const namesOf = (ranked: readonly number[]) => ranked.map((at) => set.corpus[at]?.id ?? '');
  const begun = clock.wall();
  const evaluation = await evaluate(knowledge, creator, questions, {
    answers: flags.includes('--answers'),
    signal: new AbortController().signal,
    onProgress: (done) => progress('questions', done, questions.length),
  });
  process.stderr.write('\n');
  const msPerQuestion = Math.round(((clock.wall() - begun) / questions.length) * 10) / 10;
  const rank = referenceBm25(texts);
  const reference = mean(
    set.questions.map(({ id, text, relevance }) => {
      const own = itself(id, text);
      const ranked = namesOf(rank(text)).filter((name) => name !== own);
      return ndcgAt(10, ranked, relevance);
    }),
  );
  const figures = { passages: texts.length, ...evaluation, reference_ndcg_at_10: reference, ms_per_question: msPerQuestion };
  console.log(JSON.stringify(figures, null, 2));
} finally {
  await db.close();
  await rm(folder, { recursive: true, force: true });
}
