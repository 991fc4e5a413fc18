/** What one tab remembers while the person goes from page to page of the site: whether they have the panel open. */
import type { KeyValue } from './outbox.ts';

/** A visit of one tab. */
export interface Visit {
  /** Null where the panel has been neither opened nor closed. */
  panel: 'open' | 'closed' | null;
}

/** A visit kept in a storage that ends with the tab. */
export function createVisit(storage: KeyValue, creator: string): Visit {
  const key = `companero:${creator}:panel`;
  return {
    get panel() {
      const panel = storage.getItem(key);
      return panel === 'open' || panel === 'closed' ? panel : null;
    },
    set panel(panel) {
      if (panel === null) storage.removeItem(key);
      else storage.setItem(key, panel);
    },
  };
}
