/** The HTTP calls before a socket: the session that names the conversation, and a ticket for one connection. */
import { fieldsOf, type LinkedFile, readFile, textOf } from './protocol.ts';

/** What the widget tells of the person who writes. */
export interface ContactHints {
  name?: string;
  /** IANA name, as in `Europe/Lisbon`. */
  zone?: string;
  /** BCP 47. */
  language?: string;
}

/** A session as the server gives it. `config` is the creator's widget configuration, not yet read. */
export interface Session {
  token: string;
  id: string;
  config: unknown;
}

/** What joins another channel of the person to the conversation: by the address of a channel, or sent to it as `link KEY`. */
export interface LinkKey {
  key: string;
  /** By channel, as in `{telegram: 'https://t.me/…'}`. */
  urls: Readonly<Record<string, string>>;
}

/** A call that failed. `status` is 0 when the server was not reached. */
export class CallFailure extends Error {
  readonly status: number;
  /** How long the server asks to wait, in milliseconds; 0 when it does not say. */
  readonly retryAfterMs: number;

  constructor(status: number, retryAfterMs: number) {
    super(`Cannot reach the chat: status "${status}"`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The calls of one creator's widget. */
export interface SessionApi {
  /** @throws CallFailure */
  open(request: { token: string | null; contact: ContactHints; entry: string | null }): Promise<Session>;
  /** @throws CallFailure */
  ticket(token: string): Promise<string>;
  /** Gives a file to the conversation. @throws CallFailure */
  upload(token: string, file: Blob, name: string): Promise<LinkedFile>;
  /** A new link to a file. @throws CallFailure */
  link(token: string, id: string): Promise<string>;
  /** A one-use key for the conversation, with the addresses that bring it over the creator's other channels. @throws CallFailure */
  newLink(token: string): Promise<LinkKey>;
  /** Goes on with the conversation of a key. @throws CallFailure */
  join(token: string, key: string): Promise<Pick<Session, 'token' | 'id'>>;
  /** @throws CallFailure */
  config(): Promise<unknown>;
  /** Where the socket connects, as `wss://…`. */
  readonly socketUrl: string;
}

/** @param server the server's origin, as in `https://coach.example` */
export function createSessionApi(fetcher: typeof fetch, server: string, creator: string): SessionApi {
  const base = new URL(`/api/v1/channels/widget/${encodeURIComponent(creator)}/`, server);

  async function call(path: string, init: RequestInit): Promise<Record<string, unknown>> {
    const response = await fetcher(new URL(path, base).href, { credentials: 'omit', signal: AbortSignal.timeout(15_000), ...init }).catch(
      () => {
        throw new CallFailure(0, 0);
      },
    );
    if (!response.ok) throw new CallFailure(response.status, retryAfterMs(response.headers.get('retry-after')));
    return fieldsOf(await response.json().catch(() => null));
  }

  const post = (path: string, token: string | null, body: object) =>
    call(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== null && bearer(token)) },
      body: JSON.stringify(body),
    });
  const readSession = (answer: Record<string, unknown>) => ({ token: textOf(answer.session_token), id: textOf(answer.session_id) });

  return {
    socketUrl: new URL('connect', base).href.replace(/^http/, 'ws'),
    config: () => call('config', { method: 'GET' }),
    async open({ token, contact, entry }) {
      const body = { ...(token !== null && { session_token: token }), contact, ...(entry !== null && { entry }) };
      const answer = await post('sessions', null, body);
      return { ...readSession(answer), config: answer.config };
    },
    async ticket(token) {
      return textOf((await call('tickets', { method: 'POST', headers: bearer(token) })).ticket);
    },
    async upload(token, file, name) {
      const body = new FormData();
      body.set('file', file, name);
      return readFile(await call('media', { method: 'POST', headers: bearer(token), body, signal: AbortSignal.timeout(120_000) }));
    },
    async newLink(token) {
      const { key, urls } = await post('link', token, {});
      return { key: textOf(key), urls: fieldsOf(urls) as LinkKey['urls'] };
    },
    join: async (token, key) => readSession(await post('link', token, { key })),
    async link(token, id) {
      return textOf((await call(`media/${id}`, { headers: bearer(token) })).url);
    },
  };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** `Retry-After` in seconds (RFC 9110 §10.2.3); its date form is rare enough to be left to the backoff. */
function retryAfterMs(header: string | null): number {
  const seconds = Number(header ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 300) * 1000 : 0;
}
