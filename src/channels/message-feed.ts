/** Joins the record and the news of a conversation into one stream: each message once, in the order of its `seq`. */
import type { Message } from '../message.ts';

const pageSize = 200;
/** News kept while the record is read. What does not fit is read from the record instead. */
const maxPending = 256;

export interface FeedDeps {
  /** Messages after `seq`, oldest first, at most `most`. */
  read(after: number, most: number): Promise<readonly Message[]>;
  /** Gives one message to the client. */
  send(message: Message): void;
  /** Null when the client can take more, else resolves when it can or has gone. */
  busy(): Promise<void> | null;
  /** Hears a failed read; the feed has ended. */
  fail(error: unknown): void;
}

export interface MessageFeed {
  /** Takes news in any order, also repeated. A gap is filled from the record. */
  hear(message: Message): void;
  /** Begins after `after`; `last` is the newest `seq` known to be on record. Until then news only waits. */
  start(after: number, last: number): void;
  /** Reads the record for what no news has told of. */
  lookAgain(): void;
  /** Sends nothing from now on. */
  end(): void;
}

/**
 * A feed for one socket. News is a hint that may be lost, doubled or early; the record is complete. A message is sent when
 * everything before it has been sent, straight from the news when it is next in line.
 */
export function createMessageFeed(deps: FeedDeps): MessageFeed {
  const pending = new Map<number, Message>();
  let state: 'waiting' | 'idle' | 'advancing' | 'ended' = 'waiting';
  let sent = 0;
  let wanted = 0;

  function give(message: Message): void {
    if (pending.size > 0) pending.delete(message.seq);
    sent = message.seq;
    deps.send(message);
  }

  /** Gives from the news what is next in line, as far as the client takes it. */
  function giveNext(): void {
    for (let next = pending.get(sent + 1); next !== undefined && deps.busy() === null; next = pending.get(sent + 1)) give(next);
  }

  /** Gives one page of the record, as far as the client takes it. False when the record had nothing new. */
  async function givePage(): Promise<boolean> {
    const page = await deps.read(sent, pageSize);
    for (const message of page) {
      await deps.busy();
      if (hasEnded()) return false;
      give(message);
    }
    for (const seq of pending.keys()) if (seq <= sent) pending.delete(seq);
    return page.length > 0;
  }

  function hasEnded(): boolean {
    return state === 'ended';
  }

  /** Gives a page when the news has a gap. False when nothing can be given before more is heard. */
  async function fillGap(): Promise<boolean> {
    const wait = deps.busy();
    if (wait === null) return (await givePage()) || pending.has(sent + 1);
    await wait;
    return true;
  }

  async function advance(): Promise<void> {
    state = 'advancing';
    giveNext();
    while (sent < wanted && (await fillGap()) && !hasEnded()) giveNext();
    if (!hasEnded()) state = 'idle';
  }

  function proceed(): void {
    if (state !== 'idle' || sent >= wanted) return;
    advance().catch((error: unknown) => {
      if (hasEnded()) return;
      state = 'ended';
      deps.fail(error);
    });
  }

  return {
    hear(message) {
      if (hasEnded() || message.seq <= sent) return;
      wanted = Math.max(wanted, message.seq);
      // Most news is next in line, and waits for nothing.
      if (state === 'idle' && pending.size === 0 && message.seq === sent + 1 && deps.busy() === null) return give(message);
      if (pending.size < maxPending) pending.set(message.seq, message);
      proceed();
    },
    start(after, last) {
      if (state !== 'waiting') return;
      state = 'idle';
      sent = Math.min(after, last);
      wanted = Math.max(wanted, last);
      proceed();
    },
    lookAgain() {
      wanted = Math.max(wanted, sent + 1);
      proceed();
    },
    end() {
      state = 'ended';
      pending.clear();
    },
  };
}
