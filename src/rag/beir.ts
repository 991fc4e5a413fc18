/** Reads an evaluation set in the form of BEIR: `corpus.jsonl`, `queries.jsonl` and `qrels.tsv` (or `qrels/test.tsv`) in one folder. */
import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as v from 'valibot';
import { AppError } from '../errors.ts';

/** A passage to be found. */
export interface Passage {
  id: string;
  title: string;
  text: string;
}

/** An evaluation set. */
export interface EvaluationSet {
  corpus: Passage[];
  /** Only questions that are judged. */
  questions: { id: string; text: string; relevance: Map<string, number> }[];
}

/** Some sets have numbers for names. */
const Id = v.union([v.string(), v.pipe(v.number(), v.transform(String))]);
const CorpusLine = v.object({ _id: Id, title: v.nullish(v.string(), ''), text: v.string() });
const QueryLine = v.object({ _id: Id, text: v.string() });

/** Reads the set. @throws AppError INVALID_INPUT naming the file and the line */
export async function readBeir(folder: string): Promise<EvaluationSet> {
  const corpus: Passage[] = [];
  for await (const { _id, title, text } of jsonLines(join(folder, 'corpus.jsonl'), CorpusLine)) corpus.push({ id: _id, title, text });
  const judged = await readQrels(folder);
  const questions: EvaluationSet['questions'] = [];
  for await (const { _id, text } of jsonLines(join(folder, 'queries.jsonl'), QueryLine)) {
    const relevance = judged.get(_id);
    if (relevance !== undefined) questions.push({ id: _id, text, relevance });
  }
  return { corpus, questions };
}

async function readQrels(folder: string): Promise<Map<string, Map<string, number>>> {
  const flat = join(folder, 'qrels.tsv');
  const path = await access(flat).then(
    () => flat,
    () => join(folder, 'qrels', 'test.tsv'),
  );
  const judged = new Map<string, Map<string, number>>();
  let number = 0;
  for await (const line of lines(path)) {
    number += 1;
    const [query, document, grade] = line.split('\t');
    if (line.trim() === '' || (number === 1 && query === 'query-id')) continue;
    if (query === undefined || document === undefined || !/^-?\d+\s*$/.test(grade ?? '')) throw faulty(path, number);
    judged.set(query, (judged.get(query) ?? new Map()).set(document, Number(grade)));
  }
  return judged;
}

async function* jsonLines<S extends v.GenericSchema>(path: string, schema: S): AsyncGenerator<v.InferOutput<S>> {
  let number = 0;
  for await (const line of lines(path)) {
    number += 1;
    if (line.trim() === '') continue;
    const result = v.safeParse(schema, parsed(line));
    if (!result.success) throw faulty(path, number);
    yield result.output;
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // told as a faulty line
    return null;
  }
}

async function* lines(path: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
  } catch (cause) {
    throw new AppError('INVALID_INPUT', `Cannot read ${JSON.stringify(path)}`, { cause });
  }
}

function faulty(path: string, number: number): AppError {
  return new AppError('INVALID_INPUT', `Cannot read line ${number} of ${JSON.stringify(path)}`);
}
