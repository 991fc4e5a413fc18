/** Files sent in conversations: taken by content, capped, kept in the creator's folder and on record. */
import type { Database } from '../database.ts';
import { AppError } from '../errors.ts';
import type { Files } from '../files.ts';
import type { ConversationId, CreatorId } from '../ids.ts';
import type { Attachment } from '../message.ts';
import * as store from '../store/media.ts';
import { mayBeDone } from '../store/sql-state.ts';
import { mediaKindOf } from './kind.ts';
import { type Pictures, type PreparedType, preparedTypes } from './pictures.ts';

/** Every cap, in bytes. */
export const mediaLimits = {
  /** One file. */
  file: 10 * 1024 * 1024,
  /** All files of one conversation. */
  conversation: 200 * 1024 * 1024,
  /** All files of one creator. */
  creator: 10 * 1024 * 1024 * 1024,
} as const;

/** A file as it arrives. */
export interface NewMedium {
  /** Null for a file of the creator's own. */
  conversationId: ConversationId | null;
  /** As the sender calls it: shown, never a path. */
  name: string;
  bytes: Uint8Array;
}

/** The media of all creators. Every call sees one creator's. */
export interface Media {
  /**
   * Keeps a file, a picture as `Pictures` prepares it.
   *
   * @throws AppError NOT_FOUND no such conversation of the creator · TOO_LARGE the file, or all of the conversation's or creator's together · UNSUPPORTED_MEDIA · INVALID_INPUT empty, or a picture that cannot be read · OVERLOADED
   */
  keep(creatorId: CreatorId, medium: NewMedium): Promise<Attachment>;
  /**
   * Files of one conversation, in the order of the ids.
   *
   * @throws AppError INVALID_INPUT one of them is not there
   */
  ofConversation(creatorId: CreatorId, conversationId: ConversationId, ids: readonly string[]): Promise<Attachment[]>;
  /** The file with its content, or null. */
  read(creatorId: CreatorId, id: string): Promise<{ medium: Attachment; bytes: Uint8Array } | null>;
  /** The small WebP beside a picture, or null where there is none. */
  preview(creatorId: CreatorId, id: string): Promise<Uint8Array | null>;
  /** Removes a conversation's files from the record and the disk. To be called before the conversation itself is erased. */
  forget(creatorId: CreatorId, conversationId: ConversationId): Promise<void>;
}

/** Media over their files and records. */
export function createMedia({ db, files, pictures }: { db: Database; files: Files; pictures: Pictures }): Media {
  async function put(creatorId: CreatorId, bytes: Uint8Array): Promise<store.Preview> {
    const file = await files.put(creatorId, inOnePiece(bytes), mediaLimits.file);
    return { id: file.name, bytes: file.bytes };
  }

  /** Puts the file on disk, a picture with its preview. */
  async function putAll(creatorId: CreatorId, { name, bytes }: NewMedium): Promise<{ medium: Attachment; preview: store.Preview | null }> {
    const { kind, type, ending } = mediaKindOf(bytes);
    const called = { kind, type, name: plainName(name, ending) };
    if (!isPrepared(type)) return { medium: { ...(await put(creatorId, bytes)), ...called }, preview: null };
    const picture = await pictures.prepare(bytes, type);
    const { width, height } = picture;
    const medium = { ...(await put(creatorId, picture.bytes)), ...called, width, height };
    return { medium, preview: picture.preview === null ? null : await put(creatorId, picture.preview) };
  }

  /** Removes files that could not be put on record; what may be there all the same must find its file. */
  async function takeBack(creatorId: CreatorId, error: unknown, names: readonly string[]): Promise<void> {
    if (mayBeDone(error)) return;
    for (const name of names) await files.remove(creatorId, name);
  }

  return {
    async keep(creatorId, given) {
      // What is refused for its size alone must not be unfolded first.
      if (given.bytes.byteLength > mediaLimits.file) throw new AppError('TOO_LARGE', `Upload a file of at most ${mediaLimits.file} bytes`);
      const { medium, preview } = await putAll(creatorId, given);
      const { conversationId } = given;
      try {
        await db.tenant(creatorId, async (sql) => {
          await store.insertMedium(sql, creatorId, { ...medium, conversationId, preview });
          const stored = await store.storedBytes(sql, creatorId, conversationId);
          if (stored.conversation > mediaLimits.conversation || stored.creator > mediaLimits.creator) {
            throw new AppError('TOO_LARGE', 'Cannot keep another file: the space for this conversation is used up');
          }
        });
      } catch (error) {
        await takeBack(creatorId, error, [medium.id, ...(preview === null ? [] : [preview.id])]);
        throw isUnknownConversation(error) ? new AppError('NOT_FOUND', 'Cannot find this conversation') : error;
      }
      return medium;
    },
    async ofConversation(creatorId, conversationId, ids) {
      const found = await db.tenant(creatorId, (sql) => store.findMedia(sql, creatorId, ids, conversationId));
      return ids.map((id) => {
        const medium = found.find((candidate) => candidate.id === id);
        if (medium === undefined) throw new AppError('INVALID_INPUT', `Upload the file first: cannot find "${id}"`);
        return medium;
      });
    },
    async read(creatorId, id) {
      const [medium] = await db.tenant(creatorId, (sql) => store.findMedia(sql, creatorId, [id]));
      return medium === undefined ? null : { medium, bytes: await files.read(creatorId, id) };
    },
    async preview(creatorId, id) {
      const preview = await db.tenant(creatorId, (sql) => store.previewOf(sql, creatorId, id));
      return preview === null ? null : files.read(creatorId, preview);
    },
    async forget(creatorId, conversationId) {
      const ids = await db.tenant(creatorId, (sql) => store.deleteMedia(sql, creatorId, conversationId));
      for (const id of ids) await files.remove(creatorId, id);
    },
  };
}

function isPrepared(type: string): type is PreparedType {
  return (preparedTypes as readonly string[]).includes(type);
}

/** SQLSTATE 23503: the key to the conversation leads nowhere. */
function isUnknownConversation(error: unknown): boolean {
  return (error as { code?: unknown }).code === '23503';
}

async function* inOnePiece(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** The last part of a path without anything invisible, ending as its content does. */
function plainName(name: string, ending: string): string {
  const stem = name
    .toWellFormed()
    .replace(/^.*[/\\]/s, '')
    .replace(/\.[A-Za-z0-9]{1,8}$/, '')
    .replace(/[\p{Cc}\p{Cf}<>:"|?*]/gu, '')
    .trim();
  return `${[...stem].slice(0, 100).join('') || 'file'}.${ending}`;
}
