/** Everything about documents and answers, put together from a database, a folder and, where there are any, servers of models and vectors. */
import type { Answers } from '../answers.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { createFiles } from '../files.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { TextModels } from '../models-text.ts';
import type { Cache } from '../shared/cache.ts';
import { answerSettings } from '../store/answers.ts';
import { createAnswers } from './answer.ts';
import { createAnswerCache } from './answer-cache.ts';
import { connectChroma } from './chroma.ts';
import { createEmbedNext } from './embed-documents.ts';
import type { VectorIndex } from './index.ts';
import { createIngest, type Ingest, type TellDocument } from './ingest.ts';
import { createLibrary, type Library } from './library.ts';
import { createModelShare, type ShareLimits } from './model-share.ts';
import { createModels, type Models } from './models.ts';
import { connectOllama } from './ollama.ts';
import { openPgvector } from './pgvector.ts';
import { createReader } from './reader.ts';
import { createRetriever, type Retriever } from './retrieve.ts';
import { createTextModels } from './text-models.ts';

export interface KnowledgeDeps {
  db: Database;
  cache: Cache;
  /** Where uploaded files are kept. */
  folder: string;
  /** Null quotes from documents instead of writing answers. */
  ollama: { url: string; chatModel: string; embedModel: string; reembed?: boolean } | null;
  /** Where vectors are kept; null keeps them in the database, where it can. */
  chromaUrl: string | null;
  /** Largest upload, in bytes. */
  uploadMaxBytes: number;
  clock: Clock;
  ids: Ids;
  log: Log;
  share?: ShareLimits;
  /** Nobody is told without. */
  tellDocument?: TellDocument;
}

/** The knowledge of all creators. */
export interface Knowledge {
  documents: Library;
  retriever: Retriever;
  answers: Answers;
  /** To be started and stopped with the server. */
  ingest: Ingest;
  models: Models;
  /** Small tasks on text, by the model that writes the creator's answers. */
  texts: TextModels;
}

/** Opens the knowledge over a migrated database. */
export async function openKnowledge(deps: KnowledgeDeps): Promise<Knowledge> {
  const { db, folder, ollama, clock, ids, log, cache, uploadMaxBytes, tellDocument: tell = () => undefined } = deps;
  const server = ollama === null ? null : connectOllama({ ...ollama, clock });
  const embedder = server?.embedder ?? null;
  const vectors = await openVectors(deps);
  const files = createFiles(folder, ids);
  const embedNext =
    vectors === null || embedder === null ? null : createEmbedNext({ db, vectors, embedder, renew: ollama?.reembed === true, clock, log });
  const ingest = createIngest({ db, files, reader: createReader(clock), embedNext, tell, clock, log });
  const share = createModelShare(cache, deps.share);
  const retriever = createRetriever({ db, vectors, embedder, log });
  return {
    documents: createLibrary({ db, files, vectors, ingest, tell, clock, ids, log, maxBytes: uploadMaxBytes }),
    retriever,
    answers: createAnswers({
      ...{ db, retriever, clock, ids, log },
      writer: (name) => (server === null || ollama === null ? null : server.chat(name ?? ollama.chatModel)),
      share,
      cache: createAnswerCache(cache, clock),
    }),
    ingest,
    texts: createTextModels(async (creatorId) => {
      const { model } = await db.tenant(creatorId, (sql) => answerSettings(sql, creatorId));
      return server === null || ollama === null ? null : server.chat(model ?? ollama.chatModel);
    }, share),
    models: createModels({ db, server, chatModel: ollama?.chatModel ?? '', vectors: vectors !== null, ingest, clock }),
  };
}

function openVectors({ db, chromaUrl }: KnowledgeDeps): Promise<VectorIndex | null> | VectorIndex {
  return chromaUrl === null ? openPgvector(db) : connectChroma(chromaUrl);
}
