/** The port to a language model for small tasks on text: what it says is only a proposal, checked by whoever asked. */
import type { CreatorId } from './ids.ts';

/** A text to be worked on for a creator. */
export interface TextTask {
  creatorId: CreatorId;
  text: string;
  /** BCP 47, null while unknown. */
  language: string | null;
}

/** Small tasks on text. Each rejects with AppError UNAVAILABLE where no model can do it, or with the signal's reason. */
export interface TextModels {
  /** A label and how sure the model says it is, 0–1; null where it says nothing that can be read. */
  classify(task: TextTask & { labels: readonly string[] }, signal: AbortSignal): Promise<{ label: string; score: number } | null>;
  /** Values by name; a name is missing where the text says nothing of it. Null where the model says nothing that can be read. */
  extract(
    task: TextTask & { fields: Readonly<Record<string, string>> },
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>> | null>;
  /** The text in a few sentences. */
  summarize(task: TextTask, signal: AbortSignal): Promise<string>;
}
