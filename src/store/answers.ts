/** What answering needs to know of a creator, and the record of every answer. */
import type { Sql } from '../database.ts';
import type { ConversationId, CreatorId, DocumentId } from '../ids.ts';

/** How a creator wants questions answered. */
export interface AnswerSettings {
  /** Grows with every change of the documents that answer. */
  knowledge: number;
  /** Grows with every document that gets its vectors or loses them. */
  vectors: number;
  prompt: { version: number; template: string } | null;
  /** Name of the chosen model; null takes the installation's. */
  model: string | null;
  rerank: boolean;
}

/** Reads the settings in one statement. */
export async function answerSettings(sql: Sql, creator: CreatorId): Promise<AnswerSettings> {
  const [row] = await sql<AnswerSettings>(
    `select coalesce(k.version, 0) as knowledge, coalesce(k.vectors, 0) as vectors, m.answers as model, coalesce(m.rerank, false) as rerank,
       (select jsonb_build_object('version', p.version, 'template', p.template) from prompts p where p.creator_id = $1 and p.active) as prompt
     from (select $1::uuid as creator_id) c
     left join knowledge_versions k on k.creator_id = c.creator_id left join model_choices m on m.creator_id = c.creator_id`,
    [creator],
  );
  return row ?? { knowledge: 0, vectors: 0, prompt: null, model: null, rerank: false };
}

/** Sets what is given, leaves the rest. */
export async function chooseModels(
  sql: Sql,
  creator: CreatorId,
  choice: { answers?: string | null | undefined; rerank?: boolean | undefined },
  now: Date,
): Promise<void> {
  await sql(
    `insert into model_choices (creator_id, answers, rerank, created_at, updated_at) values ($1, $3, coalesce($4, false), $5, $5)
     on conflict (creator_id) do update set answers = case when $2 then $3 else model_choices.answers end,
       rerank = coalesce($4, model_choices.rerank), updated_at = $5`,
    [creator, choice.answers !== undefined, choice.answers ?? null, choice.rerank ?? null, now],
  );
}

/**
 * A part that should have had a share in an answer and could not: vectors (words found alone), the order of passages by the model, the model,
 * the creator's share of it, or time (it was cut).
 */
export type AnswerFault = 'vectors' | 'rerank' | 'model' | 'share' | 'time';

/** An answer as it was given. */
export interface AnswerRecord {
  id: string;
  conversation_id: ConversationId | null;
  question: string;
  answer: string;
  grounded: boolean;
  degraded: boolean;
  faults: AnswerFault[];
  cached: boolean;
  model: string;
  prompt_version: string;
  /** What it was made from, best first; scores compare within one answer only. */
  passages: { document_id: DocumentId; chunk_index: number; score: number }[];
  duration_ms: number;
  created_at: Date;
}

/** Puts an answer on record. One whose conversation has been erased meanwhile is not kept. */
export async function insertAnswer(sql: Sql, creator: CreatorId, record: AnswerRecord): Promise<void> {
  await sql(
    `insert into answer_records (creator_id, id, conversation_id, question, answer, grounded, degraded, cached, model, prompt_version,
       passages, duration_ms, created_at, updated_at, faults)
     select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13, $13, $14
     where $3::uuid is null or exists (select 1 from conversations where creator_id = $1 and id = $3)`,
    [
      creator,
      record.id,
      record.conversation_id,
      record.question,
      record.answer,
      record.grounded,
      record.degraded,
      record.cached,
      record.model,
      record.prompt_version,
      JSON.stringify(record.passages),
      record.duration_ms,
      record.created_at,
      record.faults,
    ],
  );
}

/** At most `most` answers, newest first, those after `after`; `unanswered` leaves out those that were grounded. */
export function listAnswers(
  sql: Sql,
  creator: CreatorId,
  filter: { unanswered: boolean; after: string | null; most: number },
): Promise<AnswerRecord[]> {
  return sql(
    `select id, conversation_id, question, answer, grounded, degraded, faults, cached, model, prompt_version, passages, duration_ms, created_at
     from answer_records where creator_id = $1 and ($2::uuid is null or id < $2) ${filter.unanswered ? 'and not grounded' : ''}
     order by id desc limit $3`,
    [creator, filter.after, filter.most],
  );
}
