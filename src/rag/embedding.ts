/** The port to embeddings. */

/** Turns text into vectors of one model. */
export interface Embedder {
  /** The model's name as configured. */
  readonly name: string;
  /**
   * Names the make of the model in force: model, version, dimensions and digest. Vectors of different makes are never compared. Looked up
   * once a minute.
   *
   * @throws AppError UNAVAILABLE when the model cannot be reached · the signal's reason
   */
  identify(signal: AbortSignal): Promise<string>;
  /** How much its ranking counts beside that by words, which counts 1. */
  readonly weight: number;
  /** Whether it is worth asking now. */
  readonly available: boolean;
  /** Whether the caller, who will embed then, may ask now: while it is not known whether the model is back, only one may. */
  pass(): boolean;
  /**
   * L2-normalised vectors, one a text.
   *
   * @param purpose passages and questions are embedded differently by some models
   * @throws AppError UNAVAILABLE when the model cannot be reached · the signal's reason
   */
  embed(texts: readonly string[], purpose: 'passage' | 'question', signal: AbortSignal): Promise<number[][]>;
}
