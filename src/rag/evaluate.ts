/** Measures retrieval and answers of one creator by golden questions. */
import type { Answer, Answers } from '../answers.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import type { Library } from './library.ts';
import { groundedness, mean, ndcgAt, type Relevance, recallAt } from './measures.ts';
import type { Retriever } from './retrieve.ts';

/** A question and the documents that answer it; none means: it should not be answered. */
export interface GoldenQuestion {
  question: string;
  relevance: Relevance;
  /** The document that the question is itself, which is no answer to it. */
  except?: string | undefined;
}

/** How it went: means over the questions, each from 0 to 1. */
export interface Evaluation {
  questions: number;
  recall_at_5: number;
  recall_at_10: number;
  ndcg_at_10: number;
  /** Over the answers given; null when none was, or none was asked for. */
  groundedness: number | null;
  /** Share of the questions with an answer that got one; null without such, or when none was asked for. */
  answered: number | null;
  /** Share of the questions without an answer that got none; null likewise. */
  abstained: number | null;
}

export interface EvaluateDeps {
  retriever: Retriever;
  answers: Answers;
  documents: Pick<Library, 'chunks'>;
}

/** Passages asked for: several may be of one document. */
const depth = 30;

/**
 * Asks every question, one after the other.
 *
 * @param options.answers whether to have them answered too, which takes a model its time
 * @param options.onProgress hears how many are done
 */
export async function evaluate(
  deps: EvaluateDeps,
  creator: CreatorId,
  questions: readonly GoldenQuestion[],
  options: { answers: boolean; signal: AbortSignal; onProgress?: (done: number) => void },
): Promise<Evaluation> {
  const results: Result[] = [];
  for (const golden of questions) {
    results.push(await ask(deps, creator, golden, options));
    options.onProgress?.(results.length);
  }
  const answerable = results.filter(({ expected }) => expected);
  const unanswerable = results.filter(({ expected }) => !expected);
  const share = (of: Result[], grounded: boolean) =>
    options.answers && of.length > 0 ? mean(of.map((result) => (result.grounded === grounded ? 1 : 0))) : null;
  const given = results.flatMap(({ support }) => support ?? []);
  return {
    questions: results.length,
    recall_at_5: mean(answerable.map(({ recall5 }) => recall5)),
    recall_at_10: mean(answerable.map(({ recall10 }) => recall10)),
    ndcg_at_10: mean(answerable.map(({ ndcg }) => ndcg)),
    groundedness: given.length === 0 ? null : mean(given),
    answered: share(answerable, true),
    abstained: share(unanswerable, false),
  };
}

interface Result {
  /** Whether some document answers it. */
  expected: boolean;
  recall5: number;
  recall10: number;
  ndcg: number;
  grounded: boolean;
  support: number | null;
}

async function ask(
  deps: EvaluateDeps,
  creator: CreatorId,
  { question, relevance, except }: GoldenQuestion,
  { answers, signal }: { answers: boolean; signal: AbortSignal },
): Promise<Result> {
  const { passages } = await deps.retriever.retrieve(creator, [question], null, depth, signal);
  const ranked = [...new Set(passages.map((passage) => passage.document_id))].filter((id) => id !== except);
  const result = {
    expected: [...relevance.values()].some((grade) => grade > 0),
    recall5: recallAt(5, ranked, relevance),
    recall10: recallAt(10, ranked, relevance),
    ndcg: ndcgAt(10, ranked, relevance),
  };
  if (!answers) return { ...result, grounded: false, support: null };
  const request = { creatorId: creator, question, history: [], language: null, instructions: null, collections: null };
  const answer = await deps.answers.answer(request, signal, () => {});
  return { ...result, grounded: answer.grounded, support: answer.grounded ? await supportOf(deps, creator, answer) : null };
}

async function supportOf({ documents }: EvaluateDeps, creator: CreatorId, answer: Answer): Promise<number> {
  const chunks = await Promise.all(
    answer.citations.map(({ document_id, chunk_index }) => documents.chunks(creator, document_id as DocumentId, chunk_index - 1, 1)),
  );
  return groundedness(
    answer.text,
    chunks.flat().map(({ text }) => text),
  );
}
