/** Everything about privacy, put together from the record and what keeps something beside it. */
import type { Audit } from '../accounts/audit.ts';
import type { Standing } from '../accounts/standing.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { Files } from '../files.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Media } from '../media/media.ts';
import type { Library } from '../rag/library.ts';
import type { Cache } from '../shared/cache.ts';
import { documentIds } from '../store/erasures.ts';
import type { KeptFiles } from './archive.ts';
import { createErasing } from './erase.ts';
import { createRetentionPump } from './retention.ts';

/** What privacy needs from outside. */
export interface OpenPrivacyDeps {
  database: Database;
  standing: Standing;
  audit: Audit;
  documents: Pick<Library, 'remove' | 'forgetVectors'>;
  documentFiles: Files;
  media: Pick<Media, 'forget'>;
  cache: Cache;
  mediaFiles: Files;
  clock: Clock;
  ids: Ids;
  log: Log;
}

const endings: Readonly<Record<string, string>> = { text: '.txt', markdown: '.md', pdf: '.pdf', docx: '.docx', html: '.html' };

/** Conversations as nodes left them, and answers, which may repeat what anybody asked. Both are made again when needed. */
const ofContacts = /^(snapshot|answer):/;

/** Erasing, retention, and the files that an archive holds. */
export function openPrivacy(deps: OpenPrivacyDeps) {
  const { database, documents, documentFiles, media, mediaFiles, cache } = deps;
  const erasing = createErasing({
    ...deps,
    elsewhere: {
      documentsOf: (creatorId) => database.tenant(creatorId, documentIds),
      forgetDocument: (creatorId, id) =>
        documents.remove(creatorId, id).catch((error: unknown) => {
          if (!(error instanceof AppError && error.code === 'NOT_FOUND')) throw error;
        }),
      forgetMedia: (creatorId, conversationId) => media.forget(creatorId, conversationId),
      forgetFiles: async (creatorId) => {
        await Promise.all([documentFiles.removeAll(creatorId), mediaFiles.removeAll(creatorId), documents.forgetVectors(creatorId)]);
      },
      async forgetShared(creatorId, whose) {
        const keys = await cache.keys(`:creator_${creatorId}:`);
        const gone = whose === 'workspace' ? keys : keys.filter((key) => ofContacts.test(key));
        await Promise.all(gone.map((key) => cache.delete(key)));
      },
    },
  });
  const files: KeptFiles[] = [
    { table: 'documents', column: 'file', endingOf: (row) => endings[String(row.kind)] ?? '', read: documentFiles.read },
    { table: 'media', column: 'id', endingOf: (row) => /\.[a-z0-9]{1,8}$/i.exec(String(row.name))?.[0] ?? '', read: mediaFiles.read },
  ];
  return { erasing, retention: createRetentionPump(deps), files };
}
