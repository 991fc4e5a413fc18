/** Embeddings by an Ollama server: the make of the model named by its digest, texts that are too long for it shortened. */
import type { Clock } from '../clock.ts';
import type { Breaker } from './breaker.ts';
import type { Embedder } from './embedding.ts';
import type { Installed, InstalledModel } from './installed.ts';
import { embeddingTraits, fullName } from './model-names.ts';
import { client, createDeadline, retry, statusOf, unavailable } from './ollama-call.ts';

export interface OllamaEmbedderOptions {
  /** Base address, such as `http://127.0.0.1:11434`. */
  url: string;
  embedModel: string;
  clock: Clock;
  /** How long a call with passages may take, and embedding a question somebody waits with. */
  embedMs?: number;
  questionMs?: number;
}

/** A text that is too long keeps this share of its beginning, again and again, but not less than so many characters. */
const shorter = 0.6;
const leastChars = 100;

/** The embedder over one model of the server. */
export function ollamaEmbedder(options: OllamaEmbedderOptions, breaker: Breaker, installed: Installed): Embedder {
  const { url, embedModel, clock, embedMs = 30_000, questionMs = 5_000 } = options;
  const { dimensions, passagePrefix, questionPrefix } = embeddingTraits(embedModel);

  async function askInstalled(signal: AbortSignal): Promise<readonly InstalledModel[]> {
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

  async function embedAll(texts: readonly string[], prefix: string, call: EmbedCall): Promise<number[][]> {
    const embeddings = await call(texts.map((text) => prefix + text));
    if (!isMatrix(embeddings, texts.length, dimensions)) throw new TypeError('The model sent something that is no embedding');
    return embeddings;
  }

  /** One refused text fails its whole batch, so each is tried by itself then, and shortened: our count of tokens is not the model's. */
  async function embedFitting(texts: readonly string[], prefix: string, call: EmbedCall): Promise<number[][]> {
    try {
      return await embedAll(texts, prefix, call);
    } catch (error) {
      const [text = '', ...others] = texts;
      if (!isTooLong(error) || (others.length === 0 && text.length <= leastChars)) throw error;
      if (others.length === 0) return embedFitting([text.slice(0, Math.floor(text.length * shorter)).toWellFormed()], prefix, call);
    }
    const rows: number[][] = [];
    for (const text of texts) rows.push(...(await embedFitting([text], prefix, call)));
    return rows;
  }

  return {
    name: embedModel,
    identify,
    pass: breaker.pass,
    weight: 1,
    get available() {
      return breaker.closed;
    },
    async embed(texts, purpose, signal) {
      const deadline = createDeadline(clock, signal);
      const isQuestion = purpose === 'question';
      deadline.within(isQuestion ? questionMs : embedMs);
      try {
        const embeddings = await embedFitting(texts, isQuestion ? questionPrefix : passagePrefix, async (input) => {
          if (!isQuestion) deadline.within(embedMs);
          const answer = await retry(clock, deadline.signal, () =>
            client(url, deadline.signal).embed({ model: embedModel, input, truncate: false }),
          );
          return answer.embeddings;
        });
        breaker.report(true);
        return embeddings;
      } catch (cause) {
        throw unavailable(cause, signal, breaker, embedModel);
      } finally {
        deadline.end();
      }
    },
  };
}

/** What the server sends for texts; checked by whoever calls. */
type EmbedCall = (input: string[]) => Promise<unknown>;

/** As the server words it since it was told not to cut texts in silence. */
function isTooLong(error: unknown): boolean {
  return error instanceof Error && statusOf(error) === 400 && /context length/i.test(error.message);
}

/** Enough of a digest to tell makes apart. */
export function shortDigest(digest: string): string {
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
