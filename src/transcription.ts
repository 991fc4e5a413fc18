/** The port to speech recognition: what the runtime asks to know the words of a voice note. Off unless somebody stands behind it. */
import type { CreatorId } from './ids.ts';

/** A recording, as it is kept. */
export interface Recording {
  /** Whose it is: nobody's recordings keep those of others waiting. */
  creatorId: CreatorId;
  /** MIME type by content. */
  type: string;
  bytes: Uint8Array;
  /** BCP 47: what its speaker writes in, as far as it is known. */
  language: string | null;
}

/**
 * What became of it.
 * - `words`: what was said, plain text, never empty
 * - `none`: no words will come of this recording; the reason is coarse and without private text
 * - `retry`: not now, perhaps after so many milliseconds
 */
export type Transcription =
  | { outcome: 'words'; text: string }
  | { outcome: 'none'; reason: string }
  | { outcome: 'retry'; reason: string; afterMs: number };

export interface Transcriber {
  /** Tries once. Rejects only with the signal's reason. */
  transcribe(recording: Recording, signal: AbortSignal): Promise<Transcription>;
}
