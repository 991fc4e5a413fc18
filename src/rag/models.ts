/** Which model does what for a creator, what the server of models has, and the fetching of further ones. */

import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { CreatorId } from '../ids.ts';
import { answerSettings, chooseModels } from '../store/answers.ts';
import { awaitEmbedding, countEmbedded } from '../store/readings.ts';
import type { Ingest } from './ingest.ts';
import type { InstalledModel } from './installed.ts';
import { fullName, isFetchable } from './model-names.ts';
import type { ModelServer, PullProgress } from './ollama.ts';

/** The models as one creator sees them. */
export interface ModelsInUse {
  answers: { model: string; available: boolean; installed: boolean | null };
  /**
   * Null where words alone find. `waiting` counts documents that get their vectors by themselves, `changed` those whose vectors are of
   * another make of the model: found by words alone until `reembed` is asked for.
   */
  embeddings: { model: string; available: boolean; status: 'current' | 'changed'; waiting: number; changed: number } | null;
  rerank: boolean;
  /** Empty when the server does not answer, or there is none. */
  installed: readonly InstalledModel[];
  /** Whether the server of models answers; null without one. */
  reachable: boolean | null;
}

/** The registry of models. */
export interface Models {
  inUse(creator: CreatorId, signal: AbortSignal): Promise<ModelsInUse>;
  /** @throws AppError INVALID_INPUT the model is not installed · CONFLICT there is no server of models · UNAVAILABLE it does not answer */
  choose(
    creator: CreatorId,
    choice: { answers?: string | null | undefined; rerank?: boolean | undefined },
    signal: AbortSignal,
  ): Promise<void>;
  /** Has the documents embedded by the make in force that are not; they are found by words meanwhile. How many. @throws AppError CONFLICT there is no server of models · UNAVAILABLE */
  reembed(creator: CreatorId, signal: AbortSignal): Promise<number>;
  /** @throws AppError INVALID_INPUT no model that may be fetched · CONFLICT another is being fetched, or there is no server of models · UNAVAILABLE */
  pull(name: string, signal: AbortSignal): AsyncGenerator<PullProgress>;
}

export interface ModelsDeps {
  db: Database;
  /** Null where none is configured. */
  server: ModelServer | null;
  /** The installation's writer. */
  chatModel: string;
  /** Whether vectors are kept anywhere. */
  vectors: boolean;
  ingest: Pick<Ingest, 'wake'>;
  clock: Clock;
}

/** The registry over one server of models. */
export function createModels({ db, server, chatModel, vectors, ingest, clock }: ModelsDeps): Models {
  let pulling = false;

  async function embeddingsOf(creator: CreatorId, signal: AbortSignal): Promise<ModelsInUse['embeddings']> {
    if (server === null || !vectors) return null;
    const { embedder } = server;
    const make = await embedder.identify(signal).catch((error: unknown) => {
      // told as not available
      if (error instanceof AppError) return null;
      throw error;
    });
    const { waiting, changed } = await db.tenant(creator, (sql) => countEmbedded(sql, creator, make));
    const model = make ?? embedder.name;
    return { model, available: make !== null && embedder.available, status: changed > 0 ? 'changed' : 'current', waiting, changed };
  }

  async function inUse(creator: CreatorId, signal: AbortSignal): Promise<ModelsInUse> {
    const settings = await db.tenant(creator, (sql) => answerSettings(sql, creator));
    const embeddings = await embeddingsOf(creator, signal);
    const { rerank } = settings;
    if (server === null) {
      const answers = { model: 'extractive', available: true, installed: null };
      return { answers, embeddings, rerank, installed: [], reachable: null };
    }
    const installed = await server.installed(signal).catch((error: unknown) => {
      // told as `reachable: false`
      signal.throwIfAborted();
      if (error instanceof AppError) return null;
      throw error;
    });
    const writer = server.chat(settings.model ?? chatModel);
    const answers = {
      model: writer.name,
      available: writer.available && installed !== null,
      installed: installed?.some(({ name }) => name === fullName(writer.name)) ?? null,
    };
    return { answers, embeddings, rerank, installed: installed ?? [], reachable: installed !== null };
  }

  return {
    inUse,
    async choose(creator, choice, signal) {
      if (choice.answers != null) {
        if (server === null) throw new AppError('CONFLICT', 'Configure a server of models first');
        const wanted = fullName(choice.answers);
        const known = await server.installed(signal);
        if (!known.some(({ name }) => name === wanted)) {
          throw new AppError('INVALID_INPUT', `Fetch the model ${JSON.stringify(choice.answers)} first: it is not installed`);
        }
      }
      await db.tenant(creator, (sql) => chooseModels(sql, creator, choice, new Date(clock.wall())));
    },
    async reembed(creator, signal) {
      if (server === null || !vectors) throw new AppError('CONFLICT', 'Configure a server of models first');
      const make = await server.embedder.identify(signal);
      const documents = await db.tenant(creator, (sql) => awaitEmbedding(sql, creator, make));
      ingest.wake();
      return documents;
    },
    async *pull(name, signal) {
      if (server === null) throw new AppError('CONFLICT', 'Configure a server of models first');
      if (!isFetchable(name)) throw new AppError('INVALID_INPUT', `Ask the operator to install the model ${JSON.stringify(name)}`);
      if (pulling) throw new AppError('CONFLICT', 'Wait for the model that is being fetched');
      pulling = true;
      try {
        yield* server.pull(name, signal);
      } finally {
        pulling = false;
      }
    },
  };
}
