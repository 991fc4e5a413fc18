/** The warm tier: conversations as nodes left them in the shared cache, so that the next node need not ask the record. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Cache } from '../shared/cache.ts';
import type { LoadedRow } from '../store/turns.ts';
import type { Conversation } from './conversation.ts';
import { hydrate, loadedRow } from './hydrate.ts';
import type { ConversationKey } from './input.ts';

/** A hint and no more: what it gives may be old, which the commit finds out, and it may give nothing. */
export interface WarmTier {
  /** The conversation as some node left it; null where there is nothing to be had soon. Never rejects. */
  find(key: ConversationKey): Promise<Conversation | null>;
  /** Leaves a committed conversation behind, a little later; of several versions the last. */
  keep(conversation: Conversation): void;
  /** Forgets what turned out to be old. */
  drop(key: ConversationKey): void;
}

/** How long a conversation stays warm, in milliseconds. What is erased from the record is gone from here no later. */
const warmMs = 600_000;
/** How long versions gather before the last of them is written. */
const gatherMs = 250;
/** Conversations written at a time; the others wait for the next. */
const mostAtOnce = 500;
/** Conversations that wait to be written. Beyond that they are left to the record. */
const mostWaiting = 5_000;
/** Asking the record takes about a millisecond; the cache is not waited for much longer. */
const patienceMs = 50;
/** After a failure the cache is left alone for this long. */
const restMs = 5_000;

/** No warm tier: for a process alone, whose memory is as good. */
export const noWarmTier: WarmTier = { find: async () => null, keep: () => undefined, drop: () => undefined };

/** The warm tier in a shared cache. */
export function createWarmTier({ cache, clock, log }: { cache: Cache; clock: Clock; log: Log }): WarmTier {
  const waiting = new Map<string, Conversation>();
  let writing = false;
  let restsUntil = 0;

  function rest(): void {
    if (clock.wall() >= restsUntil) log.warn('warm.unavailable');
    restsUntil = clock.wall() + restMs;
  }

  async function write(): Promise<void> {
    const batch = [...waiting].slice(0, mostAtOnce);
    for (const [name] of batch) waiting.delete(name);
    if (clock.wall() >= restsUntil) {
      await Promise.all(batch.map(([name, conversation]) => cache.set(name, JSON.stringify(loadedRow(conversation)), warmMs))).catch(rest);
    }
    if (waiting.size > 0) clock.after(gatherMs, () => void write());
    else writing = false;
  }

  async function get(name: string): Promise<string | null> {
    let cancel: () => void = () => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(patienceMs, () => reject(new Error(`No answer within ${patienceMs} ms`)));
    });
    try {
      return await Promise.race([cache.get(name), late]);
    } catch {
      // whatever it is, the record has the conversation
      rest();
      return null;
    } finally {
      cancel();
    }
  }

  return {
    async find(key) {
      if (clock.wall() < restsUntil) return null;
      const text = await get(nameOf(key.creatorId, key.conversationId));
      return text === null ? null : read(text, key);
    },
    keep(conversation) {
      const name = nameOf(conversation.creatorId, conversation.id);
      if (waiting.size >= mostWaiting && !waiting.has(name)) return;
      waiting.set(name, conversation);
      if (writing) return;
      writing = true;
      clock.after(gatherMs, () => void write());
    },
    drop(key) {
      const name = nameOf(key.creatorId, key.conversationId);
      waiting.delete(name);
      if (clock.wall() >= restsUntil) cache.delete(name).catch(rest);
    },
  };
}

function nameOf(creatorId: string, conversationId: string): string {
  return `snapshot:creator_${creatorId}:${conversationId}`;
}

/** What was left behind, if it can be read and is what was asked for. */
function read(text: string, key: ConversationKey): Conversation | null {
  try {
    const conversation = hydrate(JSON.parse(text) as LoadedRow);
    return conversation.id === key.conversationId && conversation.creatorId === key.creatorId ? conversation : null;
  } catch {
    // damaged, or left by a newer release: the record has it whole
    return null;
  }
}
