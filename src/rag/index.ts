/** The port to vectors: where they are kept and searched. One adapter is pgvector, the other a Chroma server. */
import type { CreatorId, DocumentId } from '../ids.ts';
import type { ChunkKey } from './lexical.ts';

/** What a chunk means, as numbers of one model. */
export interface ChunkVector {
  position: number;
  /** L2-normalised. */
  vector: readonly number[];
}

/** A reading of a document whose vectors are stored together. */
export interface Reading {
  document: DocumentId;
  generation: number;
  /** Where the document comes from: an address or a title. */
  source: string;
  /** When it was embedded. */
  at: Date;
}

/** Vectors of chunks, apart by creator and by model. Every call rejects with AppError UNAVAILABLE when the vectors cannot be reached. */
export interface VectorIndex {
  /** Stores vectors of one reading, replacing those of the same chunks and model. `lost` tells that none of this model were there any more. */
  put(creator: CreatorId, reading: Reading, model: string, vectors: readonly ChunkVector[]): Promise<{ lost: boolean }>;
  /**
   * The chunks nearest by cosine, nearest first, among this creator's documents (`documents` narrows them) and this model's vectors only.
   * May name chunks of a reading that answers no more: whoever loads them leaves those out.
   */
  nearest(
    creator: CreatorId,
    model: string,
    vector: readonly number[],
    documents: readonly DocumentId[] | null,
    most: number,
  ): Promise<(ChunkKey & { similarity: number })[]>;
  /** Forgets a document: all of it, or what is older than one reading by one model. Later readings stay: another node may be at them. */
  remove(creator: CreatorId, document: DocumentId, olderThan?: { generation: number; model: string }): Promise<void>;
  /** Forgets everything of a creator. */
  removeAll(creator: CreatorId): Promise<void>;
}
