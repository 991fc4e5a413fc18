/** Golden questions over HTTP: how well a creator's documents are found and answered from. */
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import * as v from 'valibot';
import type { Clock } from '../../clock.ts';
import { errorBody } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { evaluate } from '../../rag/evaluate.ts';
import type { Knowledge } from '../../rag/knowledge.ts';
import type { Member } from '../auth.ts';
import type { MemberEnv } from '../env.ts';
import { describe } from '../openapi.ts';
import { body } from '../validate.ts';

export interface AiEvaluationsDeps {
  knowledge: Pick<Knowledge, 'answers' | 'retriever' | 'documents'>;
  member: Member;
  clock: Clock;
  log: Log;
}

const Golden = v.strictObject({
  question: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(2_000)),
  /** Ids of documents that answer it; none: it should not be answered. */
  documents: v.pipe(v.array(v.pipe(v.string(), v.uuid())), v.maxLength(100)),
});
const EvaluationRequest = v.strictObject({
  questions: v.pipe(v.array(Golden), v.minLength(1), v.maxLength(200)),
  answers: v.optional(v.boolean(), true),
});

/** To be mounted at `/api/v1/ai`. */
export function aiEvaluationsRoutes({ knowledge, member, clock, log }: AiEvaluationsDeps): Hono<MemberEnv> {
  const routes = new Hono<MemberEnv>();

  routes.post(
    '/evaluations',
    member('ai.configure'),
    describe({
      tag: 'ai',
      summary: 'Measure by golden questions: recall, nDCG and groundedness, told as server-sent events',
      description:
        'Events `progress` ({done, questions}), then `evaluation` ({questions, recall_at_5, recall_at_10, ndcg_at_10, groundedness, answered, abstained}) or `error`.',
      answers: { 200: null },
    }),
    body(EvaluationRequest),
    (c) => {
      const { creatorId } = c.var.principal;
      const { questions, answers } = c.req.valid('json');
      const { requestId } = c.var;
      return streamSSE(c, async (stream) => {
        const gone = new AbortController();
        stream.onAbort(() => gone.abort(new Error('The client has gone')));
        const golden = questions.map(({ question, documents }) => ({ question, relevance: new Map(documents.map((id) => [id, 1])) }));
        let told: Promise<unknown> = Promise.resolve();
        const onProgress = (done: number) => {
          told = told.then(() => stream.writeSSE({ event: 'progress', data: JSON.stringify({ done, questions: golden.length }) }));
        };
        try {
          const evaluation = await evaluate(knowledge, creatorId, golden, { answers, signal: gone.signal, onProgress });
          await told;
          await stream.writeSSE({ event: 'evaluation', data: JSON.stringify(evaluation) });
        } catch (error) {
          if (gone.signal.aborted) return;
          log.error('ai.evaluation.failed', error, { request_id: requestId });
          await stream.writeSSE({ event: 'error', data: JSON.stringify({ error: errorBody(error, requestId, clock.wall()) }) });
        }
      });
    },
  );

  return routes;
}
