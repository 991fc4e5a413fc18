/** A creator's documents: adding, listing, changing and deleting them, with the files and vectors that belong to each. */
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { Files, StoredFile } from '../files.ts';
import type { CreatorId, DocumentId, Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { CollectionRow, CollectionSizes } from '../store/collections.ts';
import * as collections from '../store/collections.ts';
import * as store from '../store/documents.ts';
import { mayBeDone } from '../store/sql-state.ts';
import type { VectorIndex } from './index.ts';
import type { Ingest, TellDocument } from './ingest.ts';
import { kindBytes, kindOf } from './kind.ts';

/** A file as it arrives. */
export interface Upload {
  /** As the client calls it: becomes the title, never a path. */
  name: string;
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  title?: string | undefined;
  collection?: string | undefined;
  /** The address it was fetched from. */
  source?: string | undefined;
  /** Title and collection where a form tells them behind the file: asked for when the content has been read. */
  late?: () => Promise<{ title?: string | undefined; collection?: string | undefined }>;
}

/** Title lengths, in UTF-16 units. */
export const maxTitleChars = 200;

/** What may be done with documents. Every call sees one creator's. */
export interface Library {
  /** Largest upload, in bytes. */
  readonly maxBytes: number;
  /**
   * Stores a file and has it read. The same content again gives the document that is there, `existing` true; one that failed is tried again.
   *
   * @throws AppError TOO_LARGE · INVALID_DOCUMENT empty · UNSUPPORTED_MEDIA no TXT, Markdown, HTML, PDF or DOCX
   */
  add(creator: CreatorId, upload: Upload): Promise<{ document: store.DocumentRow; existing: boolean }>;
  /** @throws AppError NOT_FOUND */
  get(creator: CreatorId, id: DocumentId): Promise<store.DocumentRow>;
  list(creator: CreatorId, after: DocumentId | null, most: number): Promise<store.DocumentRow[]>;
  /** @throws AppError NOT_FOUND */
  chunks(creator: CreatorId, id: DocumentId, after: number, most: number): Promise<store.ChunkRow[]>;
  /** @throws AppError NOT_FOUND */
  update(creator: CreatorId, id: DocumentId, patch: store.DocumentPatch): Promise<store.DocumentRow>;
  /** Reads the file again. @throws AppError NOT_FOUND */
  reindex(creator: CreatorId, id: DocumentId): Promise<store.DocumentRow>;
  /** Deletes the document with chunks, postings, vectors and file. @throws AppError NOT_FOUND · UNAVAILABLE its vectors cannot be reached */
  remove(creator: CreatorId, id: DocumentId): Promise<void>;
  /** Forgets every vector of the creator, of documents that are gone already too. */
  forgetVectors(creator: CreatorId): Promise<void>;
  collections(creator: CreatorId): Promise<CollectionRow[]>;
  /** Sets how a collection is cut, null as all others, and has its documents read again; they answer meanwhile. How many there are. */
  configure(creator: CreatorId, name: string, sizes: CollectionSizes | null): Promise<number>;
}

export interface LibraryDeps {
  db: Database;
  files: Files;
  vectors: VectorIndex | null;
  ingest: Pick<Ingest, 'wake'>;
  tell: TellDocument;
  maxBytes: number;
  clock: Clock;
  ids: Ids;
  log: Log;
}

/** The documents of all creators over their files, records and vectors. */
export function createLibrary(deps: LibraryDeps): Library {
  const { db, files, vectors, ingest, tell, maxBytes } = deps;
  const now = () => new Date(deps.clock.wall());

  async function get(creator: CreatorId, id: DocumentId): Promise<store.DocumentRow> {
    return required(await db.tenant(creator, (sql) => store.findDocument(sql, creator, id)));
  }

  async function add(creator: CreatorId, upload: Upload): Promise<{ document: store.DocumentRow; existing: boolean }> {
    const file = await files.put(creator, asStream(upload.content), maxBytes);
    let document: store.DocumentRow | null = null;
    try {
      document = await record(creator, { ...upload, ...(await upload.late?.()) }, file);
    } catch (error) {
      // The row may be there all the same: then whoever asks again finds it, and it must find its file.
      if (!mayBeDone(error)) await files.remove(creator, file.name);
      throw error;
    }
    // Also for one that is there: the first reply may have been lost before anybody was told of it.
    ingest.wake();
    if (document !== null) {
      tell(creator, document.id, 'queued');
      return { document, existing: false };
    }
    await files.remove(creator, file.name);
    const known = required(await db.tenant(creator, (sql) => store.findDocumentByHash(sql, creator, file.hash)));
    return { document: known.status === 'failed' ? await reindex(creator, known.id) : known, existing: true };
  }

  async function record(creator: CreatorId, upload: Upload, file: StoredFile): Promise<store.DocumentRow | null> {
    const kind = kindOf(await files.ends(creator, file.name, kindBytes.head, kindBytes.tail), upload.name);
    const title = plainTitle(upload.title ?? upload.name.replace(/\.(txt|md|markdown|mdown|html?|pdf|docx)$/i, ''));
    const { name, bytes, hash } = file;
    const where = { collection: upload.collection ?? 'default', source: upload.source ?? null };
    const row = { id: deps.ids.uuid<DocumentId>(), title, ...where, kind, bytes, hash, file: name };
    return db.tenant(creator, (sql) => store.insertDocument(sql, creator, row, now()));
  }

  async function reindex(creator: CreatorId, id: DocumentId): Promise<store.DocumentRow> {
    if (!(await db.tenant(creator, (sql) => store.requeueDocument(sql, creator, id, now())))) throw missing();
    ingest.wake();
    tell(creator, id, 'queued');
    return get(creator, id);
  }

  return {
    maxBytes,
    add,
    get,
    reindex,
    list: (creator, after, most) => db.tenant(creator, (sql) => store.listDocuments(sql, creator, after, most)),
    async chunks(creator, id, after, most) {
      await get(creator, id);
      return db.tenant(creator, (sql) => store.listChunks(sql, creator, id, after, most));
    },
    async update(creator, id, patch) {
      if (!(await db.tenant(creator, (sql) => store.updateDocument(sql, creator, id, patch, now())))) throw missing();
      return get(creator, id);
    },
    async remove(creator, id) {
      const { file } = await get(creator, id);
      // Before the record of it goes, or nobody would know of what stays; vectors once more after it, for those put meanwhile.
      await vectors?.remove(creator, id);
      await files.remove(creator, file);
      if (!(await db.tenant(creator, (sql) => store.deleteDocument(sql, creator, id)))) throw missing();
      tell(creator, id, 'deleted');
      await vectors?.remove(creator, id).catch((cause: unknown) => deps.log.error('document.vectors.left', cause, { document_id: id }));
    },
    forgetVectors: async (creator) => vectors?.removeAll(creator),
    collections: (creator) => db.tenant(creator, (sql) => collections.listCollections(sql, creator)),
    async configure(creator, name, sizes) {
      const waiting = await db.tenant(creator, async (sql) => {
        await collections.putSizes(sql, creator, name, sizes);
        return collections.requeueCollection(sql, creator, name, now());
      });
      ingest.wake();
      return waiting;
    },
  };
}

async function* asStream(content: Upload['content']): AsyncIterable<Uint8Array> {
  yield* content;
}

/** One line without anything invisible; the last part of a path only. */
function plainTitle(text: string): string {
  const title = text
    .toWellFormed()
    .replace(/^.*[/\\]/, '')
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .trim()
    .slice(0, maxTitleChars)
    .toWellFormed();
  return title === '' ? 'Untitled' : title;
}

function required(document: store.DocumentRow | null): store.DocumentRow {
  if (document === null) throw missing();
  return document;
}

function missing(): AppError {
  return new AppError('NOT_FOUND', 'Cannot find what this address names');
}
