/** Holds this browser's session with one creator, across reloads and tabs, and begins another when the server refuses it. */
import type { KeyValue } from './outbox.ts';
import { fieldsOf, textOf } from './protocol.ts';
import { CallFailure, type ContactHints, type SessionApi } from './session.ts';

/** What the holder needs, and whom it tells. */
export interface SessionHolderDeps {
  storage: KeyValue;
  /** Names the creator, as in `companero:<creator>:`. */
  prefix: string;
  api: SessionApi;
  entry: string | null;
  contact: ContactHints;
  onConfig: (config: unknown) => void;
  /** The conversation is another one now: a new one, or one the person had on another channel. */
  onReplaced: (isJoined?: boolean) => void;
}

/** The session of this browser. */
export interface SessionHolder {
  /** Whether a session is stored. */
  readonly known: boolean;
  /**
   * The session's token; opens the session first when this page has not.
   *
   * @throws CallFailure
   */
  token(): Promise<string>;
  /** The server ended the session: the next ticket is for a new one, or for the one another tab has begun. */
  refused(): void;
  /** Whether the key is the session's and another tab has put a different one there, which is then used. */
  changedElsewhere(key: string): boolean;
  /** Goes on with the conversation of a key that another channel gave. @throws CallFailure */
  join(key: string): Promise<void>;
  /** Tells the server who writes, now or with the next session. */
  identify(contact: ContactHints): void;
}

interface Stored {
  token: string;
  id: string;
}

/** Reads the stored session; calls nothing yet. */
export function createSessionHolder(deps: SessionHolderDeps): SessionHolder {
  const { storage, api } = deps;
  const key = `${deps.prefix}session`;
  let contact: ContactHints = deps.contact;
  let held = load();
  let isOpen = false;

  function load(): Stored | null {
    try {
      const fields = fieldsOf(JSON.parse(storage.getItem(key) ?? 'null'));
      const stored = { token: textOf(fields.token), id: textOf(fields.id) };
      return stored.token === '' ? null : stored;
    } catch {
      // Not written by this widget: there is no session then.
      return null;
    }
  }

  async function open(): Promise<Stored> {
    // Another tab may have begun one since this page was opened.
    held ??= load();
    const before = held;
    const session = await api.open({ token: before?.token ?? null, contact, entry: deps.entry });
    if (session.token === '') throw new CallFailure(0, 0);
    const opened = keep(session);
    deps.onConfig(session.config);
    if (before !== null && before.id !== opened.id) deps.onReplaced();
    return opened;
  }

  function keep(session: Stored): Stored {
    held = { token: session.token, id: session.id };
    isOpen = true;
    storage.setItem(key, JSON.stringify(held));
    return held;
  }

  async function token(): Promise<string> {
    return (isOpen && held !== null ? held : await open()).token;
  }

  function drop(): void {
    const stored = load();
    if (stored?.token === held?.token) storage.removeItem(key);
    held = load();
    isOpen = false;
    deps.onReplaced();
  }

  return {
    get known() {
      return held !== null;
    },
    token,
    async join(linkKey) {
      const joined = await api.join(await token(), linkKey);
      if (joined.token === '') throw new CallFailure(0, 0);
      const isOther = joined.id !== held?.id;
      keep(joined);
      if (isOther) deps.onReplaced(true);
    },
    refused() {
      if (held !== null) drop();
    },
    changedElsewhere(changed) {
      const stored = changed === key ? load() : null;
      if (stored === null || stored.token === held?.token) return false;
      const isOther = stored.id !== held?.id;
      held = stored;
      if (isOther && isOpen) deps.onReplaced();
      // A session of another tab is used as it is; a token renewed for the same session needs no new connection.
      return isOther && isOpen;
    },
    identify(hints) {
      contact = { ...contact, ...hints };
      // A failure is made good by the next session, which carries the same hints.
      if (isOpen) void open().catch(() => undefined);
    },
  };
}
