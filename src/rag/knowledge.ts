/** Everything about documents and answers, put together from a database, a folder and, where there is one, an Ollama server. */
import type { Answers } from '../answers.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { createFiles } from '../files.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { createAnswers } from './answer.ts';
import { builtInEmbedder } from './embedding.ts';
import { createIngest, type Ingest } from './ingest.ts';
import { createLibrary, type Library } from './library.ts';
import { connectOllama } from './ollama.ts';
import { openPgvector } from './pgvector.ts';
import { promptVersion } from './prompts.ts';
import { createReader } from './reader.ts';
import { createRetriever, type Retriever } from './retrieve.ts';

export interface KnowledgeDeps {
  db: Database;
  /** Where uploaded files are kept. */
  folder: string;
  /** Largest upload, in bytes. Default 25 MiB. */
  uploadMaxBytes?: number;
  /** Null quotes from documents instead of writing answers. */
  ollama: { url: string; chatModel: string; embedModel: string } | null;
  clock: Clock;
  ids: Ids;
  log: Log;
}

/** What does what at present. */
export interface ModelsInUse {
  answers: { model: string; available: boolean };
  embeddings: { model: string; weight: number }[];
  promptVersion: string;
  /** Whether vectors are searched at all. */
  vectors: boolean;
}

/** The knowledge of all creators. */
export interface Knowledge {
  documents: Library;
  retriever: Retriever;
  answers: Answers;
  /** To be started and stopped with the server. */
  ingest: Ingest;
  models(): ModelsInUse;
}

/** Opens the knowledge over a migrated database. */
export async function openKnowledge({ db, folder, uploadMaxBytes, ollama, clock, ids, log }: KnowledgeDeps): Promise<Knowledge> {
  const vectors = await openPgvector(db);
  const connected = ollama === null ? null : connectOllama({ ...ollama, clock });
  const embedders = connected === null ? [builtInEmbedder] : [connected.embedder, builtInEmbedder];
  const files = createFiles(folder, ids);
  const ingest = createIngest({ db, files, reader: createReader(clock), vectors, embedders, clock, log });
  const retriever = createRetriever({ db, vectors, embedders, log });
  const model = connected?.chat ?? null;
  return {
    documents: createLibrary({ db, files, vectors, ingest, maxBytes: uploadMaxBytes, clock, ids }),
    retriever,
    answers: createAnswers({ retriever, model, log }),
    ingest,
    models: () => ({
      answers: { model: model?.name ?? 'extractive', available: model?.available ?? true },
      embeddings: embedders.map((embedder) => ({ model: embedder.model, weight: embedder.weight })),
      promptVersion,
      vectors: vectors !== null,
    }),
  };
}
