/** Documents and their chunks on record. */
import type { Sql } from '../database.ts';
import type { CreatorId, DocumentId } from '../ids.ts';

/** How far a document has come. */
export type DocumentStatus = 'queued' | 'processing' | 'ready' | 'failed';

/** A document as listed. Times are Dates; `progress` runs from 0 to 1. */
export interface DocumentRow {
  id: DocumentId;
  title: string;
  collection: string;
  tags: string[];
  kind: 'text' | 'markdown' | 'pdf' | 'docx';
  bytes: number;
  hash: string;
  file: string;
  status: DocumentStatus;
  progress: number;
  /** Why it failed: a stable code and what to do about it. */
  reason: { code: string; message: string } | null;
  language: string | null;
  chunks: number;
  created_at: Date;
  updated_at: Date;
}

/** What an upload brings. */
export type NewDocument = Pick<DocumentRow, 'id' | 'title' | 'collection' | 'kind' | 'bytes' | 'hash' | 'file'>;

/** What a member may change. */
export type DocumentPatch = Partial<Pick<DocumentRow, 'title' | 'collection' | 'tags'>>;

/** A chunk as shown. Offsets are UTF-16 units of the document's cleaned text. */
export interface ChunkRow {
  position: number;
  text: string;
  start_at: number;
  end_at: number;
  page: number | null;
  heading: string;
  tokens: number;
}

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

const columns = `d.id, d.title, d.collection, d.tags, d.kind, d.bytes, d.hash, d.file, d.status, d.progress, d.reason, d.language,
  d.created_at, d.updated_at,
  (select count(*)::int from chunks c where c.creator_id = d.creator_id and c.document_id = d.id) as chunks`;

/** Records an upload. Null when the creator has this content already. */
export async function insertDocument(sql: Sql, creator: CreatorId, document: NewDocument, now: Date): Promise<DocumentRow | null> {
  const { id, title, collection, kind, bytes, hash, file } = document;
  const rows = await sql(
    `insert into documents (creator_id, id, title, collection, kind, bytes, hash, file, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) on conflict (creator_id, hash) do nothing returning id`,
    [creator, id, title, collection, kind, bytes, hash, file, now],
  );
  return rows.length === 0 ? null : findDocument(sql, creator, id);
}

/** The document, or null. */
export async function findDocument(sql: Sql, creator: CreatorId, id: DocumentId): Promise<DocumentRow | null> {
  const [row] = await sql<DocumentRow>(`select ${columns} from documents d where d.creator_id = $1 and d.id = $2`, [creator, id]);
  return row ?? null;
}

/** The document with this content, or null. */
export async function findDocumentByHash(sql: Sql, creator: CreatorId, hash: string): Promise<DocumentRow | null> {
  const [row] = await sql<DocumentRow>(`select ${columns} from documents d where d.creator_id = $1 and d.hash = $2`, [creator, hash]);
  return row ?? null;
}

/** At most `most` documents, newest first, those after the document `after` of the page before. */
export function listDocuments(sql: Sql, creator: CreatorId, after: DocumentId | null, most: number): Promise<DocumentRow[]> {
  return sql<DocumentRow>(
    `select ${columns} from documents d where d.creator_id = $1 and ($2::uuid is null or d.id < $2) order by d.id desc limit $3`,
    [creator, after, most],
  );
}

/** At most `most` chunks in reading order, those after the position `after`. */
export function listChunks(sql: Sql, creator: CreatorId, id: DocumentId, after: number, most: number): Promise<ChunkRow[]> {
  return sql<ChunkRow>(
    `select position, text, start_at, end_at, page, heading, tokens from chunks
     where creator_id = $1 and document_id = $2 and position > $3 order by position limit $4`,
    [creator, id, after, most],
  );
}

/** Changes what is given, leaves the rest. False when there is no such document. */
export async function updateDocument(sql: Sql, creator: CreatorId, id: DocumentId, patch: DocumentPatch, now: Date): Promise<boolean> {
  const rows = await sql(
    `update documents set title = coalesce($3, title), collection = coalesce($4, collection), tags = coalesce($5::text[], tags), updated_at = $6
     where creator_id = $1 and id = $2 returning id`,
    [creator, id, patch.title ?? null, patch.collection ?? null, patch.tags ?? null, now],
  );
  return rows.length > 0;
}

/** Sends the document to be read again; until then it answers nothing. False when there is no such document. */
export async function requeueDocument(sql: Sql, creator: CreatorId, id: DocumentId, now: Date): Promise<boolean> {
  const rows = await sql(
    `update documents set status = 'queued', progress = 0, reason = null, attempts = 0, leased_until = 'epoch', updated_at = $3
     where creator_id = $1 and id = $2 returning id`,
    [creator, id, now],
  );
  return rows.length > 0;
}

/** Deletes the document with its chunks, postings and vectors. The name of its file, or null when there was none. */
export async function deleteDocument(sql: Sql, creator: CreatorId, id: DocumentId): Promise<string | null> {
  const [row] = await sql<{ file: string }>('delete from documents where creator_id = $1 and id = $2 returning file', [creator, id]);
  return row?.file ?? null;
}

/** A claim on a document: whoever claims later has a higher attempt and fences this one off. */
export interface DocumentClaim {
  creator: CreatorId;
  id: DocumentId;
  attempt: number;
}

/**
 * Reports progress and keeps the lease until `until`; with `status` it ends the job. Locks the row, so that chunks written in
 * the same transaction belong to a claim that still holds.
 *
 * @returns false when the document is gone or claimed by another: stop
 */
export async function reportProgress(
  sql: Sql,
  claim: DocumentClaim,
  report: {
    progress: number;
    until: Date;
    now: Date;
    status?: 'ready' | 'failed';
    reason?: DocumentRow['reason'];
    language?: string | null;
  },
): Promise<boolean> {
  const rows = await sql(
    `update documents set progress = $4, leased_until = $5, updated_at = $6, status = $7, reason = $8::jsonb, language = coalesce($9, language)
     where creator_id = $1 and id = $2 and attempts = $3 and status = 'processing' returning id`,
    [
      claim.creator,
      claim.id,
      claim.attempt,
      report.progress,
      report.until,
      report.now,
      report.status ?? 'processing',
      report.reason == null ? null : JSON.stringify(report.reason),
      report.language ?? null,
    ],
  );
  return rows.length > 0;
}

/** Removes what an earlier reading left. */
export async function clearChunks(sql: Sql, creator: CreatorId, id: DocumentId): Promise<void> {
  await sql('delete from chunks where creator_id = $1 and document_id = $2', [creator, id]);
}

/** Writes chunks and their postings, in two statements whatever their number. */
export async function insertChunks(sql: Sql, creator: CreatorId, id: DocumentId, chunks: readonly NewChunk[]): Promise<void> {
  const rows = chunks.map(({ lexemes, ...chunk }) => ({ ...chunk, length: lexemes.reduce((sum, [, frequency]) => sum + frequency, 0) }));
  await sql(
    `insert into chunks (creator_id, document_id, position, text, start_at, end_at, page, heading, tokens, length)
     select $1, $2, c.position, c.text, c.start, c."end", c.page, c.heading, c.tokens, c.length
     from jsonb_to_recordset($3::jsonb)
       as c (position int, text text, start int, "end" int, page int, heading text, tokens int, length int)`,
    [creator, id, JSON.stringify(rows)],
  );
  const postings = chunks.flatMap(({ position, lexemes }) => lexemes.map(([lexeme, frequency]) => ({ position, lexeme, frequency })));
  await sql(
    `insert into postings (creator_id, document_id, position, lexeme, frequency)
     select $1, $2, p.position, p.lexeme, p.frequency
     from jsonb_to_recordset($3::jsonb) as p (position int, lexeme text, frequency int)`,
    [creator, id, JSON.stringify(postings)],
  );
}
