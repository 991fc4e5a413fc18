/** The port to vectors: where they are kept and searched. One adapter is pgvector; another a vector server. */
import type { CreatorId, DocumentId } from '../ids.ts';
import type { ChunkKey, Collections } from './lexical.ts';

/** What a chunk means, as numbers of one model. */
export interface ChunkVector {
  position: number;
  /** L2-normalised. */
  vector: readonly number[];
}

/** Vectors of chunks, apart by creator and by model. */
export interface VectorIndex {
  /** Stores vectors of one document, replacing those of the same model. */
  put(creator: CreatorId, document: DocumentId, model: string, vectors: readonly ChunkVector[]): Promise<void>;
  /** The chunks nearest by cosine, nearest first, among this creator's ready documents and this model's vectors only. */
  nearest(
    creator: CreatorId,
    model: string,
    vector: readonly number[],
    collections: Collections,
    most: number,
  ): Promise<(ChunkKey & { similarity: number })[]>;
  /** Forgets a document. Adapters whose rows go with the chunk have nothing to do. */
  remove(creator: CreatorId, document: DocumentId): Promise<void>;
}
