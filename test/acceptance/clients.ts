/** The two kinds of people outside: a creator with the REST API, and a contact with a widget socket. */

// biome-ignore lint/suspicious/noExplicitAny: answers are read as a client without our types reads them
type Json = any;

/** A signed-in creator. */
export interface Creator {
  id: string;
  /** Calls the API; fails unless the status is one of success. */
  call(method: string, path: string, body?: object | FormData): Promise<Json>;
  /** The same creator, calling another node. */
  at(origin: string): Creator;
}

async function call(url: string, init: RequestInit): Promise<Json> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${init.method} ${url} answered ${response.status}: ${text}`);
  return text === '' ? null : JSON.parse(text);
}

function creatorWith(origin: string, id: string, token: string): Creator {
  return {
    id,
    call: (method, path, body) =>
      call(`${origin}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body && !(body instanceof FormData) ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body: body instanceof FormData ? body : JSON.stringify(body) } : {}),
      }),
    at: (elsewhere) => creatorWith(elsewhere, id, token),
  };
}

/** Opens a workspace. */
export async function register(origin: string, email: string): Promise<Creator> {
  const account = await sign(origin, 'register', { email, password: 'correct horse battery staple', display_name: 'Ana' });
  return creatorWith(origin, account.creator.id, account.access_token);
}

/** Signs in. */
export async function login(origin: string, email: string, password = 'correct horse battery staple'): Promise<Creator> {
  const account = await sign(origin, 'login', { email, password });
  return creatorWith(origin, account.creator.id, account.access_token);
}

function sign(origin: string, how: string, body: object): Promise<Json> {
  const headers = { 'content-type': 'application/json' };
  return call(`${origin}/api/v1/auth/${how}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** Publishes a definition and makes it live; gives the program's id. */
export async function publish(creator: Creator, definition: object): Promise<string> {
  const { program } = await creator.call('POST', '/creators/programs', { definition });
  const { version } = await creator.call('POST', `/creators/programs/${program.id}/publish`);
  await creator.call('POST', `/creators/programs/${program.id}/versions/${version}/live`);
  return program.id;
}

/** Uploads a text document and waits until it has been read. */
export async function upload(creator: Creator, name: string, text: string): Promise<string> {
  const form = new FormData();
  form.set('file', new File([text], name, { type: 'text/markdown' }));
  const { document } = await creator.call('POST', '/creators/documents', form);
  await until(async () => (await creator.call('GET', `/creators/documents/${document.id}`)).document.status === 'ready');
  return document.id;
}

/** Looks again and again until it holds, at most 40 seconds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 40_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Waited in vain for ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** A contact in the widget. Survives restarts of the server through its session token, as the real widget does. */
export interface Contact {
  sessionToken: string;
  /** Message frames of every connection, as they came. */
  messages: Json[];
  /** Every frame, with the wall time at which it came, in milliseconds. */
  frames: readonly { frame: Json; at: number }[];
  /** Client ids that were acknowledged, with their `seq`. */
  acked: Map<string, number>;
  /** Opens a socket and says hello after `seq`. */
  connect(origin: string, after?: number): Promise<void>;
  /** Sends a message; the id may be given to send it again. */
  say(text: string, id?: string): string;
  press(messageSeq: number, button: string): string;
  /** Resolves with the first coach message that holds the text. */
  hears(text: string): Promise<Json>;
  disconnect(): void;
  /** The same person on another page. */
  again(): Contact;
}

/** Begins a widget session. */
export async function beginSession(origin: string, creatorId: string, entry?: string): Promise<Contact> {
  const widget = `/api/v1/channels/widget/${creatorId}`;
  const headers = { 'content-type': 'application/json' };
  const session = await call(`${origin}${widget}/sessions`, { method: 'POST', headers, body: JSON.stringify(entry ? { entry } : {}) });
  return openPage(widget, session.session_token);
}

/** One page of somebody's, with a socket or none. */
function openPage(widget: string, sessionToken: string): Contact {
  let socket: WebSocket | undefined;
  const frames: { frame: Json; at: number }[] = [];
  const contact: Contact = {
    sessionToken,
    messages: [],
    frames,
    acked: new Map(),
    async connect(where, after = 0) {
      const authorization = `Bearer ${sessionToken}`;
      const { ticket } = await call(`${where}${widget}/tickets`, { method: 'POST', headers: { authorization } });
      const opened = new WebSocket(`${where.replace('http', 'ws')}${widget}/connect`, ['coach.v1', `ticket.${ticket}`]);
      opened.onmessage = ({ data }) => hear(JSON.parse(data));
      await new Promise<void>((resolve, reject) => {
        opened.onopen = () => resolve();
        opened.onerror = () => reject(new Error('Cannot open the socket'));
      });
      opened.onerror = null;
      opened.send(JSON.stringify({ type: 'hello', after }));
      socket = opened;
    },
    say(text, id = crypto.randomUUID()) {
      socket?.send(JSON.stringify({ type: 'message', id, text }));
      return id;
    },
    press(messageSeq, button) {
      const id = crypto.randomUUID();
      socket?.send(JSON.stringify({ type: 'button', id, message_seq: messageSeq, button }));
      return id;
    },
    async hears(text) {
      const find = () => contact.messages.find((message) => message.role === 'coach' && message.text.includes(text));
      await until(() => find() !== undefined);
      return find();
    },
    disconnect: () => socket?.close(),
    again: () => openPage(widget, sessionToken),
  };

  function hear(frame: Json): void {
    frames.push({ frame, at: Date.now() });
    if (frame.type === 'message') contact.messages.push(frame);
    if (frame.type === 'ack') contact.acked.set(frame.id, frame.seq);
  }
  return contact;
}
