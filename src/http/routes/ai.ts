/** Questions to a creator's documents over HTTP: answers, passages, and the record of what was answered. */
import { Hono } from 'hono';
import * as v from 'valibot';
import type { Answer, AnswerRequest } from '../../answers.ts';
import type { Clock } from '../../clock.ts';
import type { Database } from '../../database.ts';
import type { ConversationId, CreatorId } from '../../ids.ts';
import type { Log } from '../../log.ts';
import type { Knowledge } from '../../rag/knowledge.ts';
import { listAnswers } from '../../store/answers.ts';
import type { Member } from '../auth.ts';
import type { MemberEnv } from '../env.ts';
import { acceptsEvents, answerEvents, eventStream } from '../events.ts';
import { describe } from '../openapi.ts';
import { pageOf, pageQuery } from '../pagination.ts';
import { body, query } from '../validate.ts';

export interface AiDeps {
  database: Database;
  knowledge: Pick<Knowledge, 'answers' | 'retriever'>;
  /** The last messages of a conversation, oldest first. Rejects with NOT_FOUND when the creator has no such conversation. */
  historyOf(creatorId: CreatorId, conversationId: string): Promise<AnswerRequest['history']>;
  member: Member;
  clock: Clock;
  log: Log;
}

const questionChars = 'Expected a question of 1 to 2000 characters';
const Question = v.pipe(v.string(), v.trim(), v.minLength(1, questionChars), v.maxLength(2_000, questionChars));
const Collections = v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(32)));
const QueryRequest = v.strictObject({
  question: Question,
  collections: Collections,
  conversation_id: v.optional(v.pipe(v.string(), v.uuid())),
});
const SearchRequest = v.strictObject({
  query: Question,
  k: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(20)), 5),
  collections: Collections,
});

const CitationView = v.object({
  document_id: v.pipe(v.string(), v.uuid()),
  title: v.string(),
  chunk_index: v.number(),
  page: v.optional(v.number()),
  quote: v.string(),
});
const QueryAnswer = v.object({
  answer: v.string(),
  citations: v.array(CitationView),
  grounded: v.boolean(),
  degraded: v.boolean(),
  model: v.string(),
  prompt_version: v.string(),
});
const PassageView = v.object({
  document_id: v.pipe(v.string(), v.uuid()),
  title: v.string(),
  chunk_index: v.number(),
  page: v.nullable(v.number()),
  heading: v.string(),
  text: v.string(),
});
const AnswerRecordView = v.object({
  id: v.pipe(v.string(), v.uuid()),
  conversation_id: v.nullable(v.string()),
  question: v.string(),
  answer: v.string(),
  grounded: v.boolean(),
  degraded: v.boolean(),
  faults: v.array(v.picklist(['vectors', 'rerank', 'model', 'share', 'time'])),
  cached: v.boolean(),
  model: v.string(),
  prompt_version: v.string(),
  passages: v.array(v.object({ document_id: v.string(), chunk_index: v.number(), score: v.number() })),
  duration_ms: v.number(),
  created_at: v.pipe(v.string(), v.isoTimestamp()),
});
const AnswersQuery = v.strictObject({
  unanswered: v.optional(v.picklist(['true', 'false']), 'false'),
  ...pageQuery,
  cursor: v.optional(v.pipe(v.string(), v.uuid('Start the list again: the cursor is not one of this list'))),
});

/** Beyond this the model's answer so far is taken: a route must answer within half a minute. */
const jsonAnswerMs = 20_000;

/** To be mounted at `/api/v1/ai`. */
export function aiRoutes({ database, knowledge, historyOf, member, clock, log }: AiDeps): Hono<MemberEnv> {
  const routes = new Hono<MemberEnv>();
  const tag = 'ai';

  async function requestOf(creatorId: CreatorId, asked: v.InferOutput<typeof QueryRequest>): Promise<AnswerRequest> {
    const history = asked.conversation_id === undefined ? [] : await historyOf(creatorId, asked.conversation_id);
    const { question, conversation_id, collections = null } = asked;
    const conversationId = (conversation_id ?? null) as ConversationId | null;
    return { creatorId, question, history, language: null, instructions: null, collections, conversationId };
  }

  routes.post(
    '/query',
    member('ai.query'),
    describe({
      tag,
      summary: "Ask the creator's documents",
      description:
        'With `Accept: text/event-stream`: events `delta` ({text}; with `anew: true` what was sent before is withdrawn), then one `answer` (as the JSON answer) or `error`.',
      answers: { 200: QueryAnswer },
      forms: { 200: [eventStream] },
      errors: ['NOT_FOUND'],
    }),
    body(QueryRequest),
    async (c) => {
      const request = await requestOf(c.var.principal.creatorId, c.req.valid('json'));
      if (!acceptsEvents(c)) {
        return c.json(answerView(await knowledge.answers.answer({ ...request, withinMs: jsonAnswerMs }, c.req.raw.signal, () => {})));
      }
      return answerEvents(c, { clock, log }, async (tell, gone) => {
        const answer = await knowledge.answers.answer(request, gone, (text, anew) => void tell('delta', { text, anew }));
        await tell('answer', answerView(answer));
      });
    },
  );

  routes.post(
    '/search',
    member('ai.query'),
    describe({ tag, summary: 'Find passages, best first', answers: { 200: v.object({ items: v.array(PassageView) }) } }),
    body(SearchRequest),
    async (c) => {
      const { query: asked, k, collections } = c.req.valid('json');
      const found = await knowledge.retriever.retrieve(c.var.principal.creatorId, [asked], collections ?? null, k, c.req.raw.signal);
      const items = found.passages.map(({ position, language: _, score: __, ...passage }) => ({ ...passage, chunk_index: position }));
      return c.json({ items });
    },
  );

  routes.get(
    '/answers',
    member('ai.query'),
    describe({
      tag,
      summary: 'List the answers given, newest first, or only the questions that found none',
      description:
        '`faults` names the parts that should have had a share in an answer and could not: `vectors` (found by words alone), `rerank` (passages in their own order), ' +
        '`model`, `share` (that of the model is used up), `time` (the answer was cut).',
      answers: { 200: pageOf(AnswerRecordView) },
    }),
    query(AnswersQuery),
    async (c) => {
      const { creatorId } = c.var.principal;
      const { unanswered, cursor, limit } = c.req.valid('query');
      const filter = { unanswered: unanswered === 'true', after: cursor ?? null, most: limit + 1 };
      const rows = await database.tenant(creatorId, (sql) => listAnswers(sql, creatorId, filter));
      const items = rows.slice(0, limit).map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
      return c.json({ items, next_cursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null });
    },
  );

  return routes;
}

function answerView({ text, promptVersion, ...answer }: Answer) {
  return { answer: text, ...answer, prompt_version: promptVersion };
}
