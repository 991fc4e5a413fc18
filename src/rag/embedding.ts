/** The port to embeddings. */

/** Turns text into vectors of one model. */
export interface Embedder {
  /** Names model, version and dimensions: vectors of different names are never compared. */
  readonly model: string;
  /** How much its ranking counts beside that by words, which counts 1. */
  readonly weight: number;
  /** Whether it is worth asking now. */
  readonly available: boolean;
  /**
   * L2-normalised vectors, one a text.
   *
   * @param purpose passages and questions are embedded differently by some models
   * @throws AppError UNAVAILABLE when the model cannot be reached · the signal's reason
   */
  embed(texts: readonly string[], purpose: 'passage' | 'question', signal: AbortSignal): Promise<number[][]>;
}
