/** Whether a person has the widget open, on whichever node their socket is. A hint: it may be a minute old. */
import type { ConversationKey } from '../actors/input.ts';
import type { Cache } from '../shared/cache.ts';

/** Longer than two of the widget's pings are apart. */
const presentMs = 60_000;

/** Who is there. Nothing rejects: nobody is there where it cannot be known. */
export interface Presence {
  /** Notes that a socket of the conversation was heard. */
  heard(key: ConversationKey): void;
  /** Notes that one has closed; another that is open is heard again soon. */
  left(key: ConversationKey): void;
  isThere(key: ConversationKey): Promise<boolean>;
}

/** Presence in the shared cache. */
export function createPresence(cache: Pick<Cache, 'get' | 'set' | 'delete'>): Presence {
  const nameOf = ({ creatorId, conversationId }: ConversationKey) => `present:creator_${creatorId}:${conversationId}`;
  // What is lost means a push more or less.
  const unknown = () => null;
  return {
    heard: (key) => void cache.set(nameOf(key), '1', presentMs).catch(unknown),
    left: (key) => void cache.delete(nameOf(key)).catch(unknown),
    isThere: async (key) => (await cache.get(nameOf(key)).catch(unknown)) !== null,
  };
}
