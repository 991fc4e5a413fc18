/** Uploaded files on disk: in the creator's own folder, under random names that no client chooses. */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from './errors.ts';
import { type CreatorId, type Ids, isUuid } from './ids.ts';

/** A file as stored. */
export interface StoredFile {
  /** A UUID. */
  name: string;
  bytes: number;
  /** SHA-256 of the content, hexadecimal. */
  hash: string;
}

/** The beginning and the end of a file. */
export interface FileEnds {
  head: Uint8Array;
  tail: Uint8Array;
}

/** Where uploads live. */
export interface Files {
  /**
   * Stores a stream while it arrives.
   *
   * @throws AppError TOO_LARGE more than `maxBytes`; nothing is left behind
   */
  put(creator: CreatorId, content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<StoredFile>;
  /** The content. */
  read(creator: CreatorId, name: string): Promise<Uint8Array>;
  /** Its first and last bytes, at most so many of each: of a short file both are the whole. */
  ends(creator: CreatorId, name: string, headBytes: number, tailBytes: number): Promise<FileEnds>;
  /** The path on disk, for the reader's process. */
  path(creator: CreatorId, name: string): string;
  /** Removes the file; one that is gone already is fine. */
  remove(creator: CreatorId, name: string): Promise<void>;
  /** Removes all files of the creator; nobody's is fine. */
  removeAll(creator: CreatorId): Promise<void>;
}

/** Files below `folder`, one folder a creator. */
export function createFiles(folder: string, ids: Ids): Files {
  function path(creator: CreatorId, name: string): string {
    if (!isUuid(creator) || !isUuid(name)) throw new AppError('INTERNAL', `Cannot name a file "${name}" of creator "${creator}"`);
    return join(folder, creator, name);
  }

  async function put(creator: CreatorId, content: AsyncIterable<Uint8Array>, maxBytes: number): Promise<StoredFile> {
    const name = ids.uuid();
    await mkdir(join(folder, creator), { recursive: true, mode: 0o700 });
    const target = await open(path(creator, name), 'wx', 0o600);
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      for await (const piece of content) {
        bytes += piece.byteLength;
        if (bytes > maxBytes)
          throw new AppError('TOO_LARGE', `Upload a file of at most ${maxBytes} bytes`, { details: { max_bytes: maxBytes } });
        hash.update(piece);
        await target.writeFile(piece);
      }
      // On disk before the record names it.
      await target.sync();
    } catch (error) {
      await rm(path(creator, name), { force: true });
      throw error;
    } finally {
      await target.close();
    }
    return { name, bytes, hash: hash.digest('hex') };
  }

  async function ends(creator: CreatorId, name: string, headBytes: number, tailBytes: number): Promise<FileEnds> {
    const file = await open(path(creator, name), 'r');
    try {
      const { size } = await file.stat();
      const [head, tail] = [new Uint8Array(Math.min(size, headBytes)), new Uint8Array(Math.min(size, tailBytes))];
      await file.read(head, 0, head.byteLength, 0);
      await file.read(tail, 0, tail.byteLength, size - tail.byteLength);
      return { head, tail };
    } finally {
      await file.close();
    }
  }

  return {
    put,
    path,
    ends,
    read: async (creator, name) => new Uint8Array(await readFile(path(creator, name))),
    remove: (creator, name) => rm(path(creator, name), { force: true }),
    async removeAll(creator) {
      if (!isUuid(creator)) throw new AppError('INTERNAL', `Cannot name the files of creator "${creator}"`);
      await rm(join(folder, creator), { recursive: true, force: true });
    },
  };
}
