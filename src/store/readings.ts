/** Readings of documents on record: each writes chunks and postings under its own generation, and one update makes it live. */
import type { Sql } from '../database.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import type { DocumentRow } from './documents.ts';

/** A chunk to be written with the words it is ranked by. */
export interface NewChunk {
  position: number;
  text: string;
  start: number;
  end: number;
  page: number | null;
  heading: string;
  tokens: number;
  lexemes: readonly (readonly [lexeme: string, frequency: number])[];
}

/** A claim on a document: whoever claims later has a higher attempt and fences this one off. The attempt is the reading's generation. */
export interface DocumentClaim {
  creator: CreatorId;
  id: DocumentId;
  attempt: number;
}

/** How often the present try was begun; see `tried_from`. */
export async function triesOf(sql: Sql, claim: DocumentClaim): Promise<number> {
  const [row] = await sql<{ tries: number }>('select $3 - tried_from as tries from documents where creator_id = $1 and id = $2', [
    claim.creator,
    claim.id,
    claim.attempt,
  ]);
  return row?.tries ?? 0;
}

/**
 * Reports progress and keeps the lease until `until`; with `reason` it ends the job as failed. Locks the row, so that what is written in
 * the same transaction belongs to a claim that still holds.
 *
 * @returns false when the document is gone or claimed by another: stop
 */
export async function reportProgress(
  sql: Sql,
  claim: DocumentClaim,
  report: { progress: number; until: Date; now: Date; reason?: DocumentRow['reason'] },
): Promise<boolean> {
  const rows = await sql(
    `update documents set progress = $4, leased_until = $5, updated_at = $6, status = case when $7::jsonb is null then status else 'failed' end,
       reason = $7::jsonb
     where creator_id = $1 and id = $2 and attempts = $3 and status = 'processing' returning id`,
    [
      claim.creator,
      claim.id,
      claim.attempt,
      report.progress,
      report.until,
      report.now,
      report.reason == null ? null : JSON.stringify(report.reason),
    ],
  );
  return rows.length > 0;
}

/** Lets the document wait again as if it had not been claimed: what a stop ends is no failed try. */
export async function giveBack(sql: Sql, claim: DocumentClaim, now: Date): Promise<void> {
  await sql(
    `update documents set status = 'queued', progress = 0, leased_until = 'epoch', tried_from = tried_from + 1, updated_at = $4
     where creator_id = $1 and id = $2 and attempts = $3 and status = 'processing'`,
    [claim.creator, claim.id, claim.attempt, now],
  );
}

/**
 * Lets this reading answer from now on, in place of the one before.
 *
 * @returns false when the document is gone or claimed by another: stop
 */
export async function goLive(
  sql: Sql,
  claim: DocumentClaim,
  reading: { language: string | null; flags: readonly string[]; now: Date },
): Promise<boolean> {
  const rows = await sql(
    `update documents d set status = 'ready', progress = 1, reason = null, live = $3, language = $4, flags = $5, embedded_by = null,
       embed_after = 'epoch', leased_until = 'epoch', updated_at = $6, live_chunks = c.chunks, live_lexemes = c.lexemes
     from (select count(*) as chunks, coalesce(sum(length), 0) as lexemes from chunks
           where creator_id = $1 and document_id = $2 and generation = $3) c
     where d.creator_id = $1 and d.id = $2 and d.attempts = $3 and d.status = 'processing' returning d.id`,
    [claim.creator, claim.id, claim.attempt, reading.language, [...reading.flags], reading.now],
  );
  return rows.length > 0;
}

/** Removes every reading but the live one and that of `claim`. */
export async function clearOtherReadings(sql: Sql, claim: DocumentClaim): Promise<void> {
  for (const table of ['postings', 'chunks']) {
    await sql(
      `delete from ${table} t using documents d
       where d.creator_id = $1 and d.id = $2 and t.creator_id = d.creator_id and t.document_id = d.id
         and t.generation <> $3 and t.generation is distinct from d.live`,
      [claim.creator, claim.id, claim.attempt],
    );
  }
}

/** Writes one batch of chunks and their postings, in two statements whatever their number. */
export async function insertChunks(sql: Sql, claim: DocumentClaim, chunks: readonly NewChunk[]): Promise<void> {
  const { creator, id, attempt } = claim;
  const rows = chunks.map(({ lexemes, ...chunk }) => ({ ...chunk, length: lexemes.reduce((sum, [, frequency]) => sum + frequency, 0) }));
  await sql(
    `insert into chunks (creator_id, document_id, generation, position, text, start_at, end_at, page, heading, tokens, length)
     select $1, $2, $3, c.position, c.text, c.start, c."end", c.page, c.heading, c.tokens, c.length
     from jsonb_to_recordset($4::jsonb)
       as c (position int, text text, start int, "end" int, page int, heading text, tokens int, length int)`,
    [creator, id, attempt, JSON.stringify(rows)],
  );
  const postings = new Map<string, { p: number[]; f: number[]; n: number[] }>();
  for (const [at, { lexemes, position }] of chunks.entries()) {
    for (const [lexeme, frequency] of lexemes) {
      const entry = postings.get(lexeme) ?? { p: [], f: [], n: [] };
      postings.set(lexeme, entry);
      entry.p.push(position);
      entry.f.push(frequency);
      entry.n.push(rows[at]?.length ?? 0);
    }
  }
  await sql(
    `insert into postings (creator_id, lexeme, document_id, generation, first, positions, frequencies, lengths)
     select $1, p.lexeme, $2, $3, $4, p.p, p.f, p.n
     from jsonb_to_recordset($5::jsonb) as p (lexeme text, p int[], f int[], n int[])`,
    [creator, id, attempt, chunks[0]?.position ?? 0, JSON.stringify([...postings].map(([lexeme, entry]) => ({ lexeme, ...entry })))],
  );
}

/** The texts of a reading's chunks from a position on, at most `most`. */
export function chunkTexts(
  sql: Sql,
  creator: CreatorId,
  id: DocumentId,
  generation: number,
  from: number,
  most: number,
): Promise<{ position: number; heading: string; text: string }[]> {
  return sql(
    `select position, heading, text from chunks
     where creator_id = $1 and document_id = $2 and generation = $3 and position >= $4 order by position limit $5`,
    [creator, id, generation, from, most],
  );
}

/** Where documents are `marked`, the vectors of creator $1 have another version. */
const countVectors = `insert into knowledge_versions (creator_id, vectors) select $1, 1 from marked limit 1
  on conflict (creator_id) do update set vectors = knowledge_versions.vectors + 1, updated_at = now()`;

/** Says which model the vectors of the reading are of, if it is still the live one. */
export async function markEmbedded(sql: Sql, creator: CreatorId, id: DocumentId, generation: number, model: string): Promise<void> {
  await sql(
    `with marked as (update documents set embedded_by = $4 where creator_id = $1 and id = $2 and live = $3 returning id)
     ${countVectors}`,
    [creator, id, generation, model],
  );
}

/** Keeps other nodes from embedding the reading until then. False when it answers no more. */
export async function holdEmbedding(sql: Sql, creator: CreatorId, id: DocumentId, generation: number, until: Date): Promise<boolean> {
  const rows = await sql('update documents set embed_after = $4 where creator_id = $1 and id = $2 and live = $3 returning id', [
    creator,
    id,
    generation,
    until,
  ]);
  return rows.length > 0;
}

/** How many documents wait for their first vectors, and how many have those of another make than this one; null counts none of these. */
export async function countEmbedded(sql: Sql, creator: CreatorId, make: string | null): Promise<{ waiting: number; changed: number }> {
  const [row] = await sql<{ waiting: number; changed: number }>(
    `select count(*) filter (where embedded_by is null)::int as waiting, count(*) filter (where embedded_by <> $2)::int as changed
     from documents where creator_id = $1 and live is not null`,
    [creator, make],
  );
  return row ?? { waiting: 0, changed: 0 };
}

/** Lets documents with vectors of another make wait to be embedded. How many. */
export function awaitEmbedding(sql: Sql, creator: CreatorId, make: string): Promise<number> {
  return waitForVectors(sql, creator, make, '<>');
}

/** Lets documents with vectors of this make, which are lost, wait to be embedded. How many. */
export function forgetEmbedded(sql: Sql, creator: CreatorId, make: string): Promise<number> {
  return waitForVectors(sql, creator, make, '=');
}

async function waitForVectors(sql: Sql, creator: CreatorId, make: string, whose: '=' | '<>'): Promise<number> {
  const rows = await sql(
    `with marked as (update documents set embedded_by = null, embed_after = 'epoch'
       where creator_id = $1 and live is not null and embedded_by ${whose} $2 returning id),
     counted as (${countVectors})
     select id from marked`,
    [creator, make],
  );
  return rows.length;
}
