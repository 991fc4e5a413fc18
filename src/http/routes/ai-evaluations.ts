/** Golden questions over HTTP: how well a creator's documents are found and answered from. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { evaluate } from '../../rag/evaluate.ts';
import type { Knowledge } from '../../rag/knowledge.ts';
import type { Member } from '../auth.ts';
import type { MemberEnv } from '../env.ts';
import { answerEvents, eventStream } from '../events.ts';
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
      forms: { 200: [eventStream] },
    }),
    body(EvaluationRequest),
    (c) => {
      const { creatorId } = c.var.principal;
      const { questions, answers } = c.req.valid('json');
      const golden = questions.map(({ question, documents }) => ({ question, relevance: new Map(documents.map((id) => [id, 1])) }));
      return answerEvents(c, { clock, log }, async (tell, signal) => {
        const onProgress = (done: number) => void tell('progress', { done, questions: golden.length });
        await tell('evaluation', await evaluate(knowledge, creatorId, golden, { answers, signal, onProgress }));
      });
    },
  );

  return routes;
}
