/** What the widget knows of the conversation: each message once, in the order of its `seq`, and what is under way. */
import type { MessageFrame, ServerFrame } from './protocol.ts';

/** An answer that is still being written. */
export interface Stream {
  reply: string;
  text: string;
}

/** Points and days in a row, as last heard. */
export interface Progress {
  points: number;
  streak: number;
}

/** The record of one conversation. Its parts are read-only to others and change only by `receive`, `acked` and the resets. */
export interface ConversationRecord {
  /** By `seq`, ascending, without doubles. */
  readonly messages: readonly MessageFrame[];
  readonly streams: readonly Stream[];
  readonly typing: boolean;
  readonly progress: Progress | null;
  /** Every message up to this `seq` has been seen: what `hello` resumes after. */
  readonly cursor: number;
  /** Whether a message beyond the cursor has been seen, so that one is missing. */
  readonly hasGap: boolean;
  /** Whether a message with this id is on record. */
  has(id: string): boolean;
  /** Takes a frame in; true when it was a message not seen before. */
  receive(frame: ServerFrame): boolean;
  /** Takes in the widget's own message now that the server has given it a `seq`; true when it was not yet known. */
  acked(message: MessageFrame): boolean;
  /** Accepts that what is missing will not come: the server has no messages there. */
  acceptGap(): void;
  /** Forgets what a lost socket leaves unfinished. */
  interrupted(): void;
  /** Forgets everything: another conversation begins. */
  clear(): void;
}

/** An empty record. */
export function createRecord(): ConversationRecord {
  let messages: MessageFrame[] = [];
  let seqs = new Set<number>();
  let ids = new Set<string>();
  let streams: Stream[] = [];
  let typing = false;
  let progress: Progress | null = null;
  let cursor = 0;
  // A stream that lost its socket would go on in the middle of a sentence: its bubble waits for the whole message instead.
  const broken = new Set<string>();

  function add(message: MessageFrame): boolean {
    const known = seqs.has(message.seq);
    const isNew = !known && !ids.has(message.id);
    if (known) {
      // The server's own words about a message replace what an ack let us assume.
      messages = messages.map((earlier) => (earlier.seq === message.seq ? message : earlier));
    } else if (isNew) {
      const at = messages.findLastIndex((earlier) => earlier.seq < message.seq) + 1;
      messages = messages.toSpliced(at, 0, message);
    }
    seqs.add(message.seq);
    ids.add(message.id);
    advance();
    return isNew;
  }

  function advance(): void {
    while (seqs.has(cursor + 1)) cursor += 1;
  }

  function receiveTranscript({ seq, text }: { seq: number; text: string }): void {
    messages = messages.map((message) => (message.seq === seq ? { ...message, text, transcribed: true } : message));
  }

  function receiveMessage(frame: MessageFrame): boolean {
    streams = streams.filter((stream) => stream.reply !== frame.reply);
    if (frame.role !== 'contact') typing = false;
    return add(frame);
  }

  function receiveDelta({ reply, text, anew }: { reply: string; text: string; anew: boolean }): void {
    if (messages.some((message) => message.reply === reply)) return;
    if (anew) {
      // From its beginning again: what was missed of it no longer matters.
      broken.delete(reply);
      streams = streams.filter((stream) => stream.reply !== reply);
      typing = true;
    }
    if (text === '') return;
    if (broken.has(reply)) {
      typing = true;
      return;
    }
    const known = streams.find((stream) => stream.reply === reply);
    streams = known === undefined ? [...streams, { reply, text }] : streams.map((s) => (s === known ? { reply, text: s.text + text } : s));
  }

  return {
    get messages() {
      return messages;
    },
    get streams() {
      return streams;
    },
    get typing() {
      return typing;
    },
    get progress() {
      return progress;
    },
    get cursor() {
      return cursor;
    },
    get hasGap() {
      return (messages.at(-1)?.seq ?? 0) > cursor;
    },
    has: (id) => ids.has(id),
    receive(frame) {
      if (frame.type === 'message') return receiveMessage(frame);
      if (frame.type === 'delta') receiveDelta(frame);
      if (frame.type === 'transcript') receiveTranscript(frame);
      if (frame.type === 'typing') typing = frame.on;
      if (frame.type === 'welcome') typing = frame.typing;
      if (frame.type === 'progress') progress = { points: frame.points, streak: frame.streak };
      return false;
    },
    acked: (message) => !seqs.has(message.seq) && add(message),
    acceptGap() {
      const next = messages.find((message) => message.seq > cursor);
      if (next !== undefined) cursor = next.seq;
      advance();
    },
    interrupted() {
      for (const stream of streams) broken.add(stream.reply);
      streams = [];
      typing = false;
    },
    clear() {
      messages = [];
      seqs = new Set();
      ids = new Set();
      streams = [];
      broken.clear();
      typing = false;
      progress = null;
      cursor = 0;
    },
  };
}
