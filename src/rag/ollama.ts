/** Ollama as a server of models for answers and embeddings: every call bounded, aborted with our own signal, and given up quickly when it is down. */
import { type ChatResponse, Ollama } from 'ollama';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { type Breaker, createBreaker } from './breaker.ts';
import type { Embedder } from './embedding.ts';
import { createInstalled, type Installed, type InstalledModel } from './installed.ts';
import { embeddingTraits, fullName } from './model-names.ts';
import type { ChatMessage } from './prompt-window.ts';

/** A model that writes. */
export interface ChatModel {
  readonly name: string;
  /** Whether it is worth asking now. */
  readonly available: boolean;
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

export interface OllamaOptions {
  /** Base address, such as `http://127.0.0.1:11434`. */
  url: string;
  embedModel: string;
  clock: Clock;
  /** How long the first piece may take (a model may have to load), and each piece after it. */
  firstMs?: number;
  pieceMs?: number;
  /** How long embedding passages may take, and a question somebody waits with. */
  embedMs?: number;
  questionMs?: number;
}

const retries = 1;
const listMs = 5_000;

/** The models of one Ollama server, with a breaker for each. */
export function connectOllama(options: OllamaOptions): ModelServer {
  const writers = new Map<string, ChatModel>();
  const installed = createInstalled((signal) => list(options, signal), options.clock);
  return {
    embedder: embedder(options, createBreaker(options.clock), installed),
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
    deadline.clear();
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
    deadline.clear();
  }
}

/** The client's own abort does nothing before headers arrive, so each call gets a client whose fetch carries its signal. */
function client(url: string, signal: AbortSignal): Ollama {
  const abortable: typeof fetch = (input, init) =>
    fetch(input, { ...init, signal: init?.signal ? AbortSignal.any([init.signal, signal]) : signal });
  return new Ollama({ host: url, fetch: abortable });
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
    identify: async () => `${name}@${shortDigest(await installed.digestOf(fullName(name)))}`,
    get available() {
      return breaker.closed;
    },
  };
}

function embedder(options: OllamaOptions, breaker: Breaker, installed: Installed): Embedder {
  const { url, embedModel, clock, embedMs = 30_000, questionMs = 5_000 } = options;
  const { dimensions, passagePrefix, questionPrefix } = embeddingTraits(embedModel);

  async function askInstalled(signal: AbortSignal): Promise<readonly InstalledModel[]> {
    if (!breaker.closed) throw new AppError('UNAVAILABLE', 'Try again shortly: the embedding model does not answer');
    try {
      return await installed.list(signal);
    } catch (cause) {
      throw unavailable(cause, signal, breaker, embedModel);
    }
  }

  async function identify(signal: AbortSignal): Promise<string> {
    const models = installed.recent() ?? (await askInstalled(signal));
    const digest = models.find(({ name }) => name === fullName(embedModel))?.digest ?? '';
    return `${embedModel}-1-${dimensions ?? 'any'}@${shortDigest(digest)}`;
  }

  return {
    name: embedModel,
    identify,
    weight: 1,
    get available() {
      return breaker.closed;
    },
    async embed(texts, purpose, signal) {
      if (!breaker.closed) throw new AppError('UNAVAILABLE', 'Try again shortly: the embedding model does not answer');
      const deadline = createDeadline(clock, signal);
      deadline.within(purpose === 'question' ? questionMs : embedMs);
      try {
        const prefix = purpose === 'passage' ? passagePrefix : questionPrefix;
        const input = texts.map((text) => prefix + text);
        const { embeddings } = await retry(deadline.signal, () =>
          client(url, deadline.signal).embed({ model: embedModel, input, truncate: false }),
        );
        if (!isMatrix(embeddings, texts.length, dimensions)) throw new TypeError('The model sent something that is no embedding');
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

/** Enough of a digest to tell makes apart. */
function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}

function isMatrix(value: unknown, rows: number, dimensions: number | null): value is number[][] {
  const width = dimensions ?? (Array.isArray(value) && Array.isArray(value[0]) ? value[0].length : 0);
  return (
    Array.isArray(value) &&
    value.length === rows &&
    value.every((row) => Array.isArray(row) && row.length === width && row.every(Number.isFinite))
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
