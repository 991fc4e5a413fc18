/** What the contact has written and the server has not yet acknowledged; it survives a reload and is shared by all tabs. */
import { fieldsOf, type LinkedFile, textOf } from './protocol.ts';

/** The part of `Storage` that is used. */
export type KeyValue = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

/** One thing said and not yet acknowledged. */
export interface OutboxItem {
  /** The client's UUID, the same on every try. */
  id: string;
  /** The words, or the button's title. */
  text: string;
  /** Milliseconds since 1970; orders the items. */
  at: number;
  /** Counts items of the same millisecond. */
  order: number;
  /** The tab that wrote it, which sends it first. */
  tab: string;
  /** The offer this answers, when it stands for a button. */
  button?: { id: string; seq: number };
  /** Files uploaded before. */
  attachments?: readonly LinkedFile[];
  /** Why the server would not have it: an error code. It waits for the contact to retry or discard it. */
  refused?: string;
}

/** The waiting items. Each is one key, so that two tabs never overwrite one another's. */
export interface Outbox {
  /** In the order they were written. */
  list(): readonly OutboxItem[];
  /** Adds an item, or replaces the one with its id. */
  put(item: OutboxItem): void;
  remove(id: string): void;
  /** Whether a storage key, as told by a storage event, is one of these items. */
  owns(key: string): boolean;
}

/**
 * @param prefix names the creator, as in `companero:<creator>:`
 */
export function createOutbox(storage: KeyValue, prefix: string): Outbox {
  const keyPrefix = `${prefix}outbox:`;
  return {
    list() {
      const items: OutboxItem[] = [];
      for (let index = 0; index < storage.length; index += 1) {
        const key = storage.key(index);
        const item = key?.startsWith(keyPrefix) ? readItem(storage.getItem(key)) : null;
        if (item !== null) items.push(item);
      }
      return items.sort((one, other) => one.at - other.at || one.order - other.order || (one.id < other.id ? -1 : 1));
    },
    put: (item) => storage.setItem(keyPrefix + item.id, JSON.stringify(item)),
    remove: (id) => storage.removeItem(keyPrefix + id),
    owns: (key) => key.startsWith(keyPrefix),
  };
}

function readItem(text: string | null): OutboxItem | null {
  if (text === null) return null;
  try {
    const fields = fieldsOf(JSON.parse(text));
    return textOf(fields.id) === '' || typeof fields.text !== 'string' ? null : (fields as unknown as OutboxItem);
  } catch {
    // Another script of the host page may write to our keys: what cannot be read is not ours.
    return null;
  }
}

/** Storage that lasts as long as the page, for browsers that block the lasting kind. */
export function createMemoryStorage(): KeyValue {
  const values = new Map<string, string>();
  return {
    get length() {
      return values.size;
    },
    key: (index) => [...values.keys()][index] ?? null,
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
    removeItem: (key) => void values.delete(key),
  };
}

/** The given storage if it takes a write, else one in memory. */
export function usableStorage(open: () => KeyValue): KeyValue {
  try {
    const storage = open();
    storage.setItem('companero:probe', '1');
    storage.removeItem('companero:probe');
    return storage;
  } catch {
    // Blocked by the browser, or full: the conversation then lasts as long as the page.
    return createMemoryStorage();
  }
}
