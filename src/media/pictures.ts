/** Makes pictures fit to keep: upright, no larger than a screen, and without what the camera wrote into them, such as the place. */
import { fileURLToPath } from 'node:url';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { askOwnProcess, ProcessEnded } from '../own-process.ts';

/** Kinds that are made anew. An animated GIF stays as it is. */
export const preparedTypes = ['image/jpeg', 'image/png', 'image/webp'] as const;
export type PreparedType = (typeof preparedTypes)[number];

/** What the process is told. */
export interface PictureTask {
  bytes: Uint8Array;
  type: PreparedType;
  /** Pixels in all above which nothing is unfolded. */
  mostPixels: number;
  /** The longer side of what is kept, and of the preview. */
  sidePx: number;
  previewSidePx: number;
}

/** A picture as it is kept. */
export interface Picture {
  bytes: Uint8Array;
  width: number;
  height: number;
  /** The same as a small WebP; null where the picture is small itself. */
  preview: Uint8Array | null;
}

/** What the process answers: null for what is no picture it can read. */
export type PictureOutcome = Picture | null;

/** Where pictures are made to fit. */
export interface Pictures {
  /**
   * The picture in its own format, at most 2048 pixels a side, and a preview of at most 640. One at a time, later calls wait.
   *
   * @throws AppError INVALID_INPUT it cannot be read, or takes too much time or memory · OVERLOADED too many wait
   */
  prepare(bytes: Uint8Array, type: PreparedType): Promise<Picture>;
}

/** A picture of 50 million pixels takes half a second and 120 MB. */
const limits = { timeoutMs: 20_000, heapMegabytes: 256, residentMegabytes: 768 };
const sizes = { mostPixels: 50_000_000, sidePx: 2048, previewSidePx: 640 };

const program = fileURLToPath(new URL('./picture-process.ts', import.meta.url));

/** Pictures in a process of its own each: what decodes them is not JavaScript, and the file may be hostile. */
export function createPictures(clock: Clock, { mostWaiting = 32 } = {}): Pictures {
  let tail: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  async function prepare(task: PictureTask): Promise<Picture> {
    const outcome = await askOwnProcess<PictureOutcome>(program, task, { limits, clock }).catch((cause: unknown) => {
      if (!(cause instanceof ProcessEnded) || cause.problem === 'not_started') throw cause;
      throw new AppError('INVALID_INPUT', 'Send a smaller picture: this one takes too much to read', { cause });
    });
    if (outcome === null) throw new AppError('INVALID_INPUT', 'Send the picture again: it cannot be read');
    return outcome;
  }

  return {
    async prepare(bytes, type) {
      if (waiting >= mostWaiting) {
        throw new AppError('OVERLOADED', 'Send the picture again in a moment', { details: { retry_after_ms: 5_000 } });
      }
      waiting += 1;
      const result = tail.then(() => prepare({ bytes, type, ...sizes }));
      tail = result.catch(() => {
        // the caller hears of it; the next picture is served all the same
      });
      return result.finally(() => {
        waiting -= 1;
      });
    },
  };
}
