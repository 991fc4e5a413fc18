/** Everything about privacy, put together from the record and what keeps something beside it. */
import type { Audit } from '../accounts/audit.ts';
import type { Standing } from '../accounts/standing.ts';
import type { Mailboxes } from '../actors/input.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { Files } from '../files.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Media } from '../media/media.ts';
import type { Library } from '../rag/library.ts';
import { documentIds } from '../store/erasures.ts';
import type { KeptFiles } from './archive.ts';
import { createErasing } from './erase.ts';
import { createRetentionPump } from './retention.ts';

/** What privacy needs from outside. */
export interface OpenPrivacyDeps {
  database: Database;
  mailboxes: Mailboxes;
  standing: Standing;
  audit: Audit;
  documents: Pick<Library, 'remove'>;
  documentFiles: Files;
  media: Pick<Media, 'forget'>;
  mediaFiles: Files;
  clock: Clock;
  ids: Ids;
  log: Log;
}

const endings: Readonly<Record<string, string>> = { text: '.txt', markdown: '.md', pdf: '.pdf', docx: '.docx', html: '.html' };

/** Erasing, retention, and the files that an archive holds. */
export function openPrivacy(deps: OpenPrivacyDeps) {
  const { database, documents, documentFiles, media, mediaFiles } = deps;
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
        await Promise.all([documentFiles.removeAll(creatorId), mediaFiles.removeAll(creatorId)]);
      },
    },
  });
  const files: KeptFiles[] = [
    { table: 'documents', column: 'file', endingOf: (row) => endings[String(row.kind)] ?? '', read: documentFiles.read },
    { table: 'media', column: 'id', endingOf: (row) => /\.[a-z0-9]{1,8}$/i.exec(String(row.name))?.[0] ?? '', read: mediaFiles.read },
  ];
  return { erasing, retention: createRetentionPump(deps), files };
}
