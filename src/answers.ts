/** The port to grounded answers: what the runtime and the query route ask of the knowledge. */
import type { ConversationId, CreatorId } from './ids.ts';
import type { Citation } from './message.ts';

export interface AnswerRequest {
  creatorId: CreatorId;
  question: string;
  /** Earlier messages of the conversation, oldest first. */
  history: readonly { role: 'contact' | 'coach'; text: string }[];
  /** BCP 47; the answer is in this language where a model writes it. */
  language: string | null;
  /** What the program asks for in addition: tone, persona. Data of the creator, never of the contact. */
  instructions: string | null;
  /** Only documents of these collections; null means all. */
  collections: readonly string[] | null;
  /** The share of the question, from 0 to 1, that the documents must hold close together; what the installation asks for when absent. */
  minScore?: number | null;
  /** Whose record the answer goes to; absent where nobody's conversation asks. */
  conversationId?: ConversationId | null;
  /** How long the model may write before what it has is taken, in milliseconds. Default two minutes. */
  withinMs?: number;
}

export interface Answer {
  /** Plain text; empty when nothing was found. */
  text: string;
  citations: readonly Citation[];
  /** Whether passages support the answer. False means: say that nothing was found. */
  grounded: boolean;
  /** Whether the answer was quoted from passages because no model was reachable. */
  degraded: boolean;
  /** Model name, or `extractive`. */
  model: string;
  promptVersion: string;
}

/** Hears a further piece of an answer, or with `anew` the first piece of it once more. */
export type OnDelta = (text: string, anew?: boolean) => void;

export interface Answers {
  /**
   * Answers from the creator's documents only. Falls back to quoting when the model is slow or down, so it rejects only when
   * the record itself cannot be read, or with the signal's reason.
   *
   * @param onDelta hears the text as it grows; only the result counts. With `anew` what was heard before is withdrawn: a model has failed midway
   */
  answer(request: AnswerRequest, signal: AbortSignal, onDelta: OnDelta): Promise<Answer>;
}
