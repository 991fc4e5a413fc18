/** What a chat takes from the browser: clock, chance, network, storage, and what the browser says about the person. */
import type { ChatDeps } from './chat.ts';
import type { Socket } from './connection.ts';
import { usableStorage } from './outbox.ts';
import type { ContactHints } from './session.ts';

/**
 * The browser's side of a chat.
 *
 * @param home the origin the script came from, used when the element names no server
 */
export function chatDepsOf(element: Element, home: string, creator: string, hints: ContactHints): ChatDeps {
  const asked = element.getAttribute('server') ?? home;
  return {
    clock: { now: Date.now, after },
    random: Math.random,
    uuid: randomUuid,
    fetch: (input, init) => fetch(input, init),
    openSocket: (url, protocols) => new WebSocket(url, protocols) as Socket,
    storage: usableStorage(() => window.localStorage),
    server: asked === '' ? window.location.origin : asked,
    creator,
    entry: element.getAttribute('entry'),
    contact: {
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      language: element.getAttribute('language') ?? navigator.language,
      ...hints,
    },
  };
}

function after(ms: number, call: () => void): () => void {
  const timer = window.setTimeout(call, ms);
  return () => window.clearTimeout(timer);
}

/** A random UUID (RFC 9562 §5.4). `crypto.randomUUID` exists only on pages served securely, and a site may still use plain http. */
function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
