/** Keeps how far a contact has read: one write at a time, and what comes meanwhile is one write more. */

/** The mark of one socket. */
export interface ReadMark {
  /** The contact has seen everything up to `seq`. Smaller numbers than before change nothing. */
  take(seq: number): void;
}

/**
 * @param keep puts the mark on record
 * @param fail hears that a mark was not kept; the next one makes it good
 */
export function createReadMark(keep: (seq: number) => Promise<void>, fail: (error: unknown) => void): ReadMark {
  let seen = 0;
  let kept = 0;
  let isWriting = false;

  async function write(): Promise<void> {
    isWriting = true;
    while (kept < seen) {
      kept = seen;
      await keep(kept).catch(fail);
    }
    isWriting = false;
  }

  return {
    take(seq) {
      seen = Math.max(seen, seq);
      if (!isWriting) void write();
    },
  };
}
