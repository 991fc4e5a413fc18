/** Whether a person has the widget open, on whichever node their socket is. A hint: it may be a minute old. */
import type { ConversationKey } from '../actors/input.ts';
import type { Cache } from '../shared/cache.ts';

/** Longer than two of the widget's pings are apart. */
const presentMs = 60_000;

/** Who is there. Nothing rejects: nobody is there where it cannot be known. */
export interface Presence {
  /** Notes that a socket of the conversation was heard. */
  heard(key: ConversationKey, socketId: string): void;
  /** Notes that it has closed. Changes nothing where another was heard after it; one that was heard before is heard again soon. */
  left(key: ConversationKey, socketId: string): void;
  isThere(key: ConversationKey): Promise<boolean>;
}

/** Presence in the shared cache: the socket that was heard last. */
export function createPresence(cache: Pick<Cache, 'get' | 'set' | 'delete'>): Presence {
  const nameOf = ({ creatorId, conversationId }: ConversationKey) => `present:creator_${creatorId}:${conversationId}`;
  // What is lost means a push more or less.
  const unknown = () => null;

  /** Who comes back is often heard before the socket they had is known to be gone, above all when they come by another node. */
  async function forget(name: string, socketId: string): Promise<void> {
    if ((await cache.get(name)) === socketId) await cache.delete(name);
  }

  return {
    heard: (key, socketId) => void cache.set(nameOf(key), socketId, presentMs).catch(unknown),
    left: (key, socketId) => void forget(nameOf(key), socketId).catch(unknown),
    isThere: async (key) => (await cache.get(nameOf(key)).catch(unknown)) !== null,
  };
}
