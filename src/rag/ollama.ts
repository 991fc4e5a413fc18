/** Ollama as a model for answers and embeddings: every call bounded, aborted with our own signal, and given up quickly when it is down. */
import { type ChatResponse, Ollama } from 'ollama';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { type Breaker, createBreaker } from './breaker.ts';
import type { Embedder } from './embedding.ts';
import type { ChatMessage } from './prompt-window.ts';

/** A model that writes. */
export interface ChatModel {
  readonly name: string;
  /** Whether it is worth asking now. */
  readonly available: boolean;
  /**
   * The pieces of the answer as they come.
   *
   * @throws AppError UNAVAILABLE the model cannot answer, before or after some pieces · the signal's reason
   */
  chat(messages: readonly ChatMessage[], limits: { window: number; answer: number }, signal: AbortSignal): AsyncGenerator<string>;
}

export interface OllamaOptions {
  /** Base address, such as `http://127.0.0.1:11434`. */
  url: string;
  chatModel: string;
  embedModel: string;
  clock: Clock;
  /** How long the first piece may take (a model may have to load), and each piece after it. */
  firstMs?: number;
  pieceMs?: number;
  /** How long an embedding may take. */
  embedMs?: number;
}

const retries = 1;
const nomicDimensions = 768;

/** The writer and the embedder of one Ollama server, with one breaker between them. */
export function connectOllama(options: OllamaOptions): { chat: ChatModel; embedder: Embedder } {
  const breaker = createBreaker(options.clock);
  return { chat: chatModel(options, breaker), embedder: nomicEmbedder(options, breaker) };
}

/** The client's own abort does nothing before headers arrive, so each call gets a client whose fetch carries its signal. */
function client(url: string, signal: AbortSignal): Ollama {
  const abortable: typeof fetch = (input, init) =>
    fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, signal]) : signal });
  return new Ollama({ host: url, fetch: abortable });
}

function chatModel({ url, chatModel: name, clock, firstMs = 20_000, pieceMs = 10_000 }: OllamaOptions, breaker: Breaker): ChatModel {
  async function* chat(
    messages: readonly ChatMessage[],
    limits: { window: number; answer: number },
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    const deadline = createDeadline(clock, signal);
    try {
      deadline.within(firstMs);
      const stream = await retry(deadline.signal, () =>
        client(url, deadline.signal).chat({
          model: name,
          messages: [...messages],
          stream: true,
          options: { num_ctx: limits.window, num_predict: limits.answer, temperature: 0 },
        }),
      );
      for await (const piece of stream as AsyncIterable<ChatResponse>) {
        deadline.within(pieceMs);
        const text = piece.message?.content;
        if (typeof text !== 'string') throw new TypeError('The model sent something that is no answer');
        if (text !== '') yield text;
      }
      breaker.report(true);
    } catch (cause) {
      throw unavailable(cause, signal, breaker, name);
    } finally {
      deadline.clear();
    }
  }
  return {
    name,
    chat,
    get available() {
      return breaker.closed;
    },
  };
}

function nomicEmbedder({ url, embedModel, clock, embedMs = 30_000 }: OllamaOptions, breaker: Breaker): Embedder {
  return {
    model: `${embedModel}-1-${nomicDimensions}`,
    weight: 1,
    async embed(texts, purpose, signal) {
      if (!breaker.closed) throw new AppError('UNAVAILABLE', 'Try again shortly: the embedding model does not answer');
      const deadline = createDeadline(clock, signal);
      deadline.within(embedMs);
      try {
        // The model expects these prefixes and the server does not add them.
        const prefix = purpose === 'passage' ? 'search_document: ' : 'search_query: ';
        const input = texts.map((text) => prefix + text);
        const { embeddings } = await retry(deadline.signal, () =>
          client(url, deadline.signal).embed({ model: embedModel, input, truncate: false }),
        );
        if (!isMatrix(embeddings, texts.length)) throw new TypeError('The model sent something that is no embedding');
        breaker.report(true);
        return embeddings;
      } catch (cause) {
        throw unavailable(cause, signal, breaker, embedModel);
      } finally {
        deadline.clear();
      }
    },
  };
}

function isMatrix(value: unknown, rows: number): value is number[][] {
  return (
    Array.isArray(value) &&
    value.length === rows &&
    value.every((row) => Array.isArray(row) && row.length === nomicDimensions && row.every(Number.isFinite))
  );
}

/** Once more when the server was busy or just starting; never after the first piece. */
async function retry<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === retries || signal.aborted || !isPassing(error)) throw error;
    }
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const status = (error as { status_code?: number }).status_code;
  return status === undefined ? error instanceof TypeError : status === 429 || status >= 500;
}

function unavailable(cause: unknown, signal: AbortSignal, breaker: Breaker, model: string): unknown {
  if (signal.aborted) return signal.reason;
  breaker.report(false);
  return new AppError('UNAVAILABLE', `Try again shortly: the model "${model}" does not answer`, { cause });
}

/** A signal that fires with the given one, or when the last `within` has run out. */
function createDeadline(clock: Clock, signal: AbortSignal) {
  const late = new AbortController();
  let cancel = () => {};
  return {
    signal: AbortSignal.any([signal, late.signal]),
    within(ms: number): void {
      cancel();
      cancel = clock.after(ms, () => late.abort(new Error(`No answer within ${ms} ms`)));
    },
    clear: () => cancel(),
  };
}
