/** Vectors in a Chroma server: one collection a creator, of one model at a time. */
import { ChromaClient, ChromaNotFoundError, type Collection } from 'chromadb';
import { AppError } from '../errors.ts';
import type { CreatorId, DocumentId } from '../ids.ts';
import type { ChunkVector, Reading, VectorIndex } from './index.ts';

const timeoutMs = 10_000;
/** Well below what a server takes at once. */
const batchSize = 200;

/** The vectors in the server at this address; nothing is asked of it yet. */
export function connectChroma(url: string): VectorIndex {
  /** A client for one call: its signal is what bounds the call. */
  function client(): ChromaClient {
    const { protocol, hostname, port } = new URL(url);
    const ssl = protocol === 'https:';
    return new ChromaClient({
      host: hostname,
      port: Number(port) || (ssl ? 443 : 80),
      ssl,
      tenant: 'default_tenant',
      database: 'default_database',
      fetchOptions: { signal: AbortSignal.timeout(timeoutMs) },
    });
  }

  async function find(creator: CreatorId): Promise<Collection | null> {
    try {
      return await client().getCollection({ name: nameOf(creator) });
    } catch (error) {
      if (error instanceof ChromaNotFoundError) return null;
      throw error;
    }
  }

  /** The creator's collection for this model, and whether it is new. One of another model goes: its vectors answer no question any more. */
  async function make(creator: CreatorId, model: string): Promise<{ collection: Collection; isNew: boolean }> {
    const name = nameOf(creator);
    const known = await find(creator);
    if (known !== null && known.metadata?.model === model) return { collection: known, isNew: false };
    if (known !== null) await client().deleteCollection({ name });
    const configuration = { hnsw: { space: 'cosine' as const } };
    const collection = await client().getOrCreateCollection({ name, embeddingFunction: null, metadata: { model }, configuration });
    return { collection, isNew: true };
  }

  return {
    put: (creator, reading, model, vectors) =>
      reached(async () => {
        if (vectors.length === 0) return { lost: false };
        const { collection, isNew } = await make(creator, model);
        for (let at = 0; at < vectors.length; at += batchSize) {
          await collection.upsert(recordsOf(creator, reading, vectors.slice(at, at + batchSize)));
        }
        return { lost: isNew };
      }),
    nearest: (creator, model, vector, documents, most) =>
      reached(async () => {
        if (documents?.length === 0) return [];
        const collection = await find(creator);
        if (collection === null || collection.metadata?.model !== model) return [];
        const found = await collection.query({
          queryEmbeddings: [[...vector]],
          nResults: most,
          include: ['metadatas', 'distances'],
          ...(documents === null ? {} : { where: { document_id: { $in: [...documents] } } }),
        });
        const distances = found.distances[0] ?? [];
        return (found.metadatas[0] ?? []).flatMap((metadata, at) =>
          metadata === null || metadata.creator_id !== creator
            ? []
            : {
                document_id: metadata.document_id as DocumentId,
                generation: Number(metadata.generation),
                position: Number(metadata.chunk_index),
                similarity: 1 - Number(distances[at] ?? 1),
              },
        );
      }),
    remove: (creator, document, olderThan) =>
      reached(async () => {
        const collection = await find(creator);
        const all = { document_id: document };
        // Of the same reading there are none by another model: these went with their collection.
        await collection?.delete({ where: olderThan === undefined ? all : { $and: [all, { generation: { $lt: olderThan.generation } }] } });
      }),
    removeAll: (creator) =>
      reached(async () => {
        if ((await find(creator)) !== null) await client().deleteCollection({ name: nameOf(creator) });
      }),
  };
}

/** UUIDs and words only, which every server takes as a name. */
function nameOf(creator: CreatorId): string {
  return `creator_${creator}_knowledge`;
}

function recordsOf(creator: CreatorId, { document, generation, source, at }: Reading, vectors: readonly ChunkVector[]) {
  return {
    ids: vectors.map(({ position }) => `${document}:${generation}:${position}`),
    embeddings: vectors.map(({ vector }) => [...vector]),
    metadatas: vectors.map(({ position }) => ({
      document_id: document,
      chunk_index: position,
      creator_id: creator,
      source,
      created_at: at.toISOString(),
      generation,
    })),
  };
}

async function reached<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw new AppError('UNAVAILABLE', 'Try again shortly: the server of vectors does not answer as expected', { cause });
  }
}
