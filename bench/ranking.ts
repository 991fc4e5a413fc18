/** How well passages are found by words, held against a plain BM25 with Porter stemming on the sets at hand. */
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import { addCreator, importPassages } from '../scripts/import-passages.ts';
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
import { table } from './report.ts';

/** Passages, and questions with the numbers of the passages that answer them. */
interface RankingSet {
  name: string;
  passages: string[];
  questions: { text: string; answers: number[] }[];
}

const most = 3_000;

/** Measures and gives the report in Markdown. */
export async function benchRanking(): Promise<string> {
  const rows: string[][] = [];
  for (const set of [await examples('english'), accessibility(), await sections(), await examples('chinese'), await examples('thai')]) {
    rows.push([set.name, String(set.passages.length), String(set.questions.length), ours(await measure(set)), ours(reference(set))]);
  }
  return ['### Ranking by words: nDCG@10', table(['set', 'passages', 'questions', 'Compañero', 'BM25 with Porter stemming'], rows)].join(
    '\n\n',
  );
}

const ours = (value: number) => value.toFixed(3);

async function examples(name: string): Promise<RankingSet> {
  const { corpus, questions } = await readBeir(`examples/eval/${name}`);
  const numbers = new Map(corpus.map(({ id }, at) => [id, at]));
  return {
    name: `examples/eval/${name}`,
    passages: corpus.map(({ title, text }) => `${title}\n\n${text}`.trim()),
    questions: questions.map(({ text, relevance }) => ({ text, answers: [...relevance.keys()].map((id) => numbers.get(id) ?? -1) })),
  };
}

function accessibility(): RankingSet {
  const rules = axe.getRules();
  return {
    name: 'rules of axe-core: description for help text',
    passages: rules.map(({ description }) => description),
    questions: rules.map(({ help }, at) => ({ text: help, answers: [at] })),
  };
}

/** Sections of the manuals of installed packages, asked for by package and heading: long passages full of code. */
async function sections(): Promise<RankingSet> {
  const folder = fileURLToPath(new URL('../node_modules/', import.meta.url));
  const set: RankingSet = { name: 'sections of manuals of installed packages for their headings', passages: [], questions: [] };
  for (const name of (await readdir(folder)).sort()) {
    const text = await readFile(`${folder}${name}/README.md`, 'utf8').catch(() => '');
    for (const section of text.split(/^(?=#{2,4} )/m).slice(1)) {
      const [heading = '', ...lines] = section.split('\n');
      const body = lines.join('\n').trim();
      const asked = heading.replace(/^#+\s*|[`*[\]()]/g, '').trim();
      if (body.length < 200 || asked.length < 8 || set.passages.length === most) continue;
      set.questions.push({ text: asked, answers: [set.passages.length] });
      set.passages.push(body);
    }
  }
  return set;
}

async function measure({ passages, questions }: RankingSet): Promise<number> {
  const db = databaseOver(await openPgliteSession(null));
  try {
    await migrate(db);
    const clock = systemClock();
    const cache = createMemoryCache(clock);
    const parts = {
      db,
      cache,
      clock,
      ids: systemIds,
      log: jsonLog('silent'),
      folder: '',
      ollama: null,
      chromaUrl: null,
      uploadMaxBytes: 1,
    };
    const knowledge = await openKnowledge(parts);
    const creator = await addCreator(db, 'Ranking');
    const ids = await importPassages(db, creator, passages);
    const golden = questions.map(({ text, answers }) => ({
      question: text,
      relevance: new Map(answers.map((at) => [String(ids[at]), 1])),
    }));
    return (await evaluate(knowledge, creator, golden, { answers: false, signal: new AbortController().signal })).ndcg_at_10;
  } finally {
    await db.close();
  }
}

function reference({ passages, questions }: RankingSet): number {
  const rank = referenceBm25(passages);
  return mean(questions.map(({ text, answers }) => ndcgAt(10, rank(text).map(String), new Map(answers.map((at) => [String(at), 1])))));
}
