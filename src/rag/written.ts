/** An answer written by a model: streamed as it comes, then checked against the passages it was given. */
import type { Answer, AnswerRequest } from '../answers.ts';
import { checkCitations, maxAnswerChars, onlyKnownLinks } from './citations.ts';
import { findEvidence } from './evidence.ts';
import { extractiveAnswer } from './extractive.ts';
import type { Lateness } from './lateness.ts';
import type { ChatModel } from './ollama.ts';
import { chatMessages, defaultWindow } from './prompt-window.ts';
import { type CustomPrompt, notFoundWord } from './prompts.ts';
import type { Retrieved } from './retrieve.ts';
import { countTokens } from './tokens.ts';

/** What a model writes from. */
export interface Writing {
  model: ChatModel;
  request: AnswerRequest;
  retrieved: Retrieved;
  prompt: CustomPrompt | null;
  late: Lateness;
  /** Hears the tokens it takes, also when it fails. */
  spend(tokens: number): void;
}

type Written = Omit<Answer, 'promptVersion'>;

/**
 * Lets the model answer. When it is late, its whole sentences so far stand if they cite.
 *
 * @throws what the model throws, or the lateness when nothing of it can stand
 */
export async function writtenAnswer(
  { model, request, retrieved, prompt, late, spend }: Writing,
  onDelta: (text: string) => void,
): Promise<Written> {
  const messages = chatMessages(request, retrieved, prompt);
  const limits = { window: defaultWindow.total, answer: defaultWindow.answer };
  const stream = createPlainStream(retrieved, onDelta);
  let cut = false;
  try {
    for await (const piece of model.chat(messages, limits, late.signal)) {
      if (!stream.push(piece)) break;
    }
  } catch (error) {
    if (!late.late) throw error;
    cut = true;
  } finally {
    spend(messages.reduce((sum, { content }) => sum + countTokens(content), countTokens(stream.text)));
  }
  const raw = cut ? wholeSentences(stream.text) : stream.end();
  return checked(raw, cut, model, request, retrieved, late);
}

function checked(raw: string, cut: boolean, model: ChatModel, request: AnswerRequest, retrieved: Retrieved, late: Lateness): Written {
  const notFound = { text: '', citations: [], grounded: false, degraded: false, model: model.name };
  if (!cut && (raw.trim() === '' || raw.includes(notFoundWord))) return notFound;
  const answer = checkCitations(onlyKnownLinks(raw, retrieved.passages), retrieved.passages);
  if (answer.citations.length > 0) return { ...answer, grounded: true, degraded: cut, model: model.name };
  if (cut) throw late.signal.reason;
  // A text that cites nothing is not believed; what the passages say is quoted instead.
  return findEvidence(request.question, retrieved).length === 0 ? notFound : extractiveAnswer(request.question, retrieved);
}

/** All up to the last sentence end, with the markers behind it. */
function wholeSentences(text: string): string {
  return /^[\s\S]*(?:[.!?。！？…]|\](?=\s|$))(?:\s*\[\d[\d,\s]*\])*/.exec(text)?.[0] ?? '';
}

/** Passes on whole words, guarded as the final text is, and nothing while the text may still turn out to be `NOT_FOUND`. */
function createPlainStream({ passages }: Retrieved, onDelta: (text: string) => void) {
  let raw = '';
  let sent = '';
  function pass(upTo: number): void {
    if (notFoundWord.startsWith(raw.trim().slice(0, notFoundWord.length))) return;
    const safe = onlyKnownLinks(raw.slice(0, upTo), passages);
    if (!safe.startsWith(sent) || safe.length === sent.length) return;
    onDelta(safe.slice(sent.length));
    sent = safe;
  }
  return {
    /** What has come so far. */
    get text() {
      return raw.slice(0, maxAnswerChars);
    },
    /** False when the answer has grown too long: read no further. */
    push(piece: string): boolean {
      raw += piece;
      pass(raw.lastIndexOf(' ') + 1);
      return raw.length < maxAnswerChars;
    },
    end(): string {
      raw = raw.slice(0, maxAnswerChars);
      pass(raw.length);
      return raw;
    },
  };
}
