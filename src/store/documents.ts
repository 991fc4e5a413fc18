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
  kind: 'text' | 'markdown' | 'pdf' | 'docx' | 'html';
  /** The address it was fetched from; null for an upload. */
  source: string | null;
  bytes: number;
  hash: string;
  file: string;
  status: DocumentStatus;
  progress: number;
  /** Why it failed: a stable code and what to do about it. */
  reason: { code: string; message: string } | null;
  language: string | null;
  /** What a creator should know of a document that is read all the same: a stable code each. */
  flags: string[];
  /** Name of the model of its vectors; null while it is found by its words alone. */
  embedded_by: string | null;
  /** Which of its readings answers; null before the first. */
  live: number | null;
  /** Chunks that answer. */
  chunks: number;
  created_at: Date;
  updated_at: Date;
}

/** What an upload brings. */
export type NewDocument = Pick<DocumentRow, 'id' | 'title' | 'collection' | 'kind' | 'bytes' | 'hash' | 'file' | 'source'>;

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

const columns = `d.id, d.title, d.collection, d.tags, d.kind, d.source, d.bytes, d.hash, d.file, d.status, d.progress, d.reason, d.language,
  d.flags, d.embedded_by, d.live, d.created_at, d.updated_at, d.live_chunks as chunks`;

/** Records an upload. Null when the creator has this content already. */
export async function insertDocument(sql: Sql, creator: CreatorId, document: NewDocument, now: Date): Promise<DocumentRow | null> {
  const { id, title, collection, kind, bytes, hash, file, source } = document;
  const rows = await sql(
    `insert into documents (creator_id, id, title, collection, kind, bytes, hash, file, source, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) on conflict (creator_id, hash) do nothing returning id`,
    [creator, id, title, collection, kind, bytes, hash, file, source, now],
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
    `select c.position, c.text, c.start_at, c.end_at, c.page, c.heading, c.tokens
     from documents d join chunks c on c.creator_id = d.creator_id and c.document_id = d.id and c.generation = d.live
     where d.creator_id = $1 and d.id = $2 and c.position > $3 order by c.position limit $4`,
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

/** Sends the document to be read again; what was read before answers until then. False when there is no such document. */
export async function requeueDocument(sql: Sql, creator: CreatorId, id: DocumentId, now: Date): Promise<boolean> {
  const rows = await sql(
    `update documents set status = 'queued', progress = 0, reason = null, tried_from = attempts, leased_until = 'epoch', updated_at = $3
     where creator_id = $1 and id = $2 returning id`,
    [creator, id, now],
  );
  return rows.length > 0;
}

/** Deletes the document with its chunks, postings and vectors. False when there is no such document. */
export async function deleteDocument(sql: Sql, creator: CreatorId, id: DocumentId): Promise<boolean> {
  const rows = await sql('delete from documents where creator_id = $1 and id = $2 returning id', [creator, id]);
  return rows.length > 0;
}
