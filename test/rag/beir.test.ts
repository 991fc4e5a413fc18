/** Evaluation sets as folders: what is read of them, and how a faulty one is told. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readBeir } from '../../src/rag/beir.ts';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

const whole = {
  'corpus.jsonl': '{"_id": 1, "title": "T", "text": "one"}\n{"_id": "b", "text": "two", "metadata": {}}\n\n',
  'queries.jsonl': '{"_id": "q1", "text": "ask"}\n{"_id": "q2", "text": "nobody judged"}\n',
  'qrels.tsv': 'query-id\tcorpus-id\tscore\nq1\t1\t2\nq1\tb\t0\n',
};

async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'companero-beir-'));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

describe('an evaluation set', () => {
  const read = {
    corpus: [
      { id: '1', title: 'T', text: 'one' },
      { id: 'b', title: '', text: 'two' },
    ],
    questions: [
      {
        id: 'q1',
        text: 'ask',
        relevance: new Map([
          ['1', 2],
          ['b', 0],
        ]),
      },
    ],
  };

  test('is read with the questions that are judged', async () => expect(await readBeir(await folderOf(whole))).toEqual(read));

  test('may have its judgements where BEIR has them, and no line of names', async () => {
    const { 'qrels.tsv': _, ...rest } = whole;
    expect(await readBeir(await folderOf({ ...rest, 'qrels/test.tsv': 'q1\t1\t2\r\nq1\tb\t0\r\n' }))).toEqual(read);
  });

  test.each([
    ['corpus.jsonl', '{"_id": "a", "text": "x"}\n{"_id": "b"}\n', /line 2 of ".*corpus\.jsonl"/],
    ['corpus.jsonl', 'no JSON\n', /line 1 of ".*corpus\.jsonl"/],
    ['queries.jsonl', '[]\n', /line 1 of ".*queries\.jsonl"/],
    ['qrels.tsv', 'query-id\tcorpus-id\tscore\nq1\t1\n', /line 2 of ".*qrels\.tsv"/],
    ['qrels.tsv', 'q1\t1\tmuch\n', /line 1 of ".*qrels\.tsv"/],
  ])('with a faulty %s (%j) is refused, naming the line', async (name, text, message) => {
    await expect(readBeir(await folderOf({ ...whole, [name]: text }))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(message),
    });
  });

  test('that is not there is refused, naming the file', async () => {
    await expect(readBeir('/nowhere')).rejects.toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining('corpus.jsonl') });
  });
});
