/** The hot tier: conversations in the memory of this process while something happens to them, so that their next turn reads nothing. */
import type { Clock } from '../clock.ts';
import type { ConversationId } from '../ids.ts';
import type { Conversation } from './conversation.ts';
import type { ConversationKey } from './input.ts';

/** Conversations as their last turn here left them; the commit finds out what is old. */
export interface HotTier {
  /** The conversation as it was kept; undefined when it is asleep, or another creator's. */
  get(key: ConversationKey): Conversation | undefined;
  has(conversationId: ConversationId): boolean;
  keep(conversation: Conversation): void;
  drop(conversationId: ConversationId): void;
  /** Everything that is kept. */
  values(): Iterable<Conversation>;
}

/** Who has not been heard of for one to two such times, in milliseconds, is asleep: on record only. */
export const restMs = 60_000;

/**
 * Keeps what is used in one of two maps, the young one. Once in a while the old one is forgotten and the young one grows old: no
 * entry needs a time or a timer of its own, and nothing ticks while nothing is kept.
 *
 * @param most how many are kept; 0 keeps none, so that each turn restores its snapshot
 */
export function createHotTier(clock: Clock, most: number): HotTier {
  let young = new Map<ConversationId, Conversation>();
  let old = new Map<ConversationId, Conversation>();
  let ticking = false;

  function tick(): void {
    if (ticking || young.size + old.size === 0) return;
    ticking = true;
    clock.after(restMs, () => {
      ticking = false;
      old = young;
      young = new Map();
      tick();
    });
  }

  function drop(id: ConversationId): void {
    young.delete(id);
    old.delete(id);
  }

  const find = (id: ConversationId) => young.get(id) ?? old.get(id);

  return {
    get({ creatorId, conversationId }) {
      const found = find(conversationId);
      return found?.creatorId === creatorId ? found : undefined;
    },
    has: (id) => find(id) !== undefined,
    keep(conversation) {
      if (most === 0) return;
      // In its place where it has one: a Map that is deleted from with every turn is made anew all the time, and the ones before, once
      // they have grown old in the heap, keep what they held alive (each leads to the next).
      if (old.has(conversation.id)) old.delete(conversation.id);
      young.set(conversation.id, conversation);
      tick();
      if (young.size + old.size <= most) return;
      // Those that came longest ago make room.
      const [longest] = (old.size > 0 ? old : young).keys();
      if (longest !== undefined) drop(longest);
    },
    drop,
    *values() {
      yield* young.values();
      yield* old.values();
    },
  };
}
