/** Ollama as a server of models for answers and embeddings: every call bounded, aborted with our own signal, and given up quickly when it is down. */
import type { ChatResponse } from 'ollama';
import { AppError } from '../errors.ts';
import { type Breaker, createBreaker } from './breaker.ts';
import type { Embedder } from './embedding.ts';
import { createInstalled, type Installed, type InstalledModel } from './installed.ts';
import { fullName } from './model-names.ts';
import { client, createDeadline, retry, unavailable } from './ollama-call.ts';
import { type OllamaEmbedderOptions, ollamaEmbedder, shortDigest } from './ollama-embedder.ts';
import type { ChatMessage } from './prompt-window.ts';

/** A model that writes. */
export interface ChatModel {
  readonly name: string;
  /** Whether it is worth asking now. */
  readonly available: boolean;
  /** Whether the caller, who will have it write then, may ask now: while it is not known whether the model is back, only one may. */
  pass(): boolean;
  /** Names the make of the model in force: one fetched anew under its name has another, noticed within a minute. Never rejects. */
  identify(): Promise<string>;
  /**
   * The pieces of the answer as they come.
   *
   * @throws AppError UNAVAILABLE the model cannot answer, before or after some pieces · the signal's reason
   */
  chat(messages: readonly ChatMessage[], limits: { window: number; answer: number }, signal: AbortSignal): AsyncGenerator<string>;
}

/** How far the fetching of a model is. */
export interface PullProgress {
  status: string;
  completed: number;
  /** Bytes; 0 while unknown. */
  total: number;
}

/** A server of models. */
export interface ModelServer {
  /** The writer of this name; it need not be installed. The same name gives the same writer. */
  chat(name: string): ChatModel;
  readonly embedder: Embedder;
  /** @throws AppError UNAVAILABLE */
  installed(signal: AbortSignal): Promise<InstalledModel[]>;
  /** Fetches a model, telling how far it is. @throws AppError UNAVAILABLE · the signal's reason */
  pull(name: string, signal: AbortSignal): AsyncGenerator<PullProgress>;
}

export interface OllamaOptions extends OllamaEmbedderOptions {
  /** How long the first piece may take (a model may have to load), and each piece after it. */
  firstMs?: number;
  pieceMs?: number;
}

const listMs = 5_000;

/** The models of one Ollama server, with a breaker for each. */
export function connectOllama(options: OllamaOptions): ModelServer {
  const writers = new Map<string, ChatModel>();
  const installed = createInstalled((signal) => list(options, signal), options.clock);
  return {
    embedder: ollamaEmbedder(options, createBreaker(options.clock), installed),
    chat(name) {
      const writer = writers.get(name) ?? chatModel(name, options, createBreaker(options.clock), installed);
      writers.set(name, writer);
      return writer;
    },
    installed: installed.list,
    async *pull(name, signal) {
      yield* pull(options, name, signal);
      installed.forget();
    },
  };
}

async function list({ url, clock }: OllamaOptions, signal: AbortSignal): Promise<InstalledModel[]> {
  const deadline = createDeadline(clock, signal);
  deadline.within(listMs);
  try {
    const { models } = await client(url, deadline.signal).list();
    return models.map(({ name, digest, size, details }) => ({
      name,
      digest: digest ?? '',
      bytes: size ?? 0,
      parameters: details?.parameter_size ?? '',
    }));
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new AppError('UNAVAILABLE', 'Try again shortly: the server of models does not answer', { cause });
  } finally {
    deadline.end();
  }
}

async function* pull({ url, clock, firstMs = 60_000 }: OllamaOptions, model: string, signal: AbortSignal): AsyncGenerator<PullProgress> {
  const deadline = createDeadline(clock, signal);
  try {
    deadline.within(firstMs);
    for await (const { status, completed, total } of await client(url, deadline.signal).pull({ model, stream: true })) {
      deadline.within(firstMs);
      yield { status: String(status), completed: completed ?? 0, total: total ?? 0 };
    }
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new AppError('UNAVAILABLE', `Try again later: the model "${model}" could not be fetched`, { cause });
  } finally {
    deadline.end();
  }
}

function chatModel(
  name: string,
  { url, clock, firstMs = 20_000, pieceMs = 10_000 }: OllamaOptions,
  breaker: Breaker,
  installed: Installed,
): ChatModel {
  async function* chat(
    messages: readonly ChatMessage[],
    limits: { window: number; answer: number },
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    const deadline = createDeadline(clock, signal);
    try {
      deadline.within(firstMs);
      const stream = await retry(clock, deadline.signal, () =>
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
      deadline.end();
    }
  }
  return {
    name,
    chat,
    pass: breaker.pass,
    identify: async () => `${name}@${shortDigest(await installed.digestOf(fullName(name)))}`,
    get available() {
      return breaker.closed;
    },
  };
}
