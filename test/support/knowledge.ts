/** Knowledge as the server composes it, over a test database and a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { Database } from '../../src/database.ts';
import type { CreatorId } from '../../src/ids.ts';
import { systemIds } from '../../src/ids.ts';
import type { Log } from '../../src/log.ts';
import { type Knowledge, openKnowledge } from '../../src/rag/knowledge.ts';
import type { ShareLimits } from '../../src/rag/model-share.ts';
import type { Cache } from '../../src/shared/cache.ts';
import { createMemoryCache } from '../../src/shared/memory.ts';
import type { DocumentRow } from '../../src/store/documents.ts';
import { quietLog } from './quiet-log.ts';

/** A knowledge that ends with the test file. */
export async function testKnowledge(
  db: Database,
  options: {
    clock?: Clock;
    ollamaUrl?: string;
    chromaUrl?: string;
    share?: ShareLimits;
    reembed?: boolean;
    cache?: Cache;
    log?: Log;
    /** That of another knowledge, when both are nodes of one server. */
    folder?: string;
  } = {},
): Promise<Knowledge & { folder: string }> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'companero-files-')));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const ollama =
    options.ollamaUrl === undefined
      ? null
      : { url: options.ollamaUrl, chatModel: 'test-chat', embedModel: 'nomic-embed-text', reembed: options.reembed === true };
  const clock = options.clock ?? systemClock();
  const knowledge = await openKnowledge({
    ...{ db, folder, ollama, clock, ids: systemIds, log: options.log ?? quietLog },
    cache: options.cache ?? createMemoryCache(clock),
    chromaUrl: options.chromaUrl ?? null,
    uploadMaxBytes: 25 * 1024 * 1024,
    ...(options.share === undefined ? {} : { share: options.share }),
  });
  afterAll(() => knowledge.ingest.stop());
  return { ...knowledge, folder };
}

/** Uploads text and reads it. */
export async function learn(knowledge: Knowledge, creator: CreatorId, text: string, name = 'notes.md'): Promise<DocumentRow> {
  const { document } = await knowledge.documents.add(creator, { name, content: [new TextEncoder().encode(text)] });
  await knowledge.ingest.drain();
  return knowledge.documents.get(creator, document.id);
}
