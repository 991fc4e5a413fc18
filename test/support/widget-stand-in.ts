/** A stand-in for the server's widget side: sessions, tickets and `coach.v1` sockets in memory, plus pages to put the widget on. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';

/** A message on record, as the frame says it. */
export interface StoredMessage {
  type: 'message';
  seq: number;
  id: string;
  role: 'coach' | 'contact' | 'person';
  class: string;
  text: string;
  at: string;
  [extra: string]: unknown;
}

/** One session's conversation. It outlives the sockets and a restart of the server. */
export interface StoredConversation {
  sessionId: string;
  token: string;
  contact: unknown;
  messages: StoredMessage[];
  /** How often each client id came in. */
  received: Map<string, number>;
  reads: number[];
}

/** What a contact did. */
export interface ContactFrame {
  type: string;
  id: string;
  text?: string;
  button?: string;
  message_seq?: number;
  attachments?: string[];
}

/** The stand-in server and the controls a test has over it. */
export interface WidgetStandIn {
  readonly origin: string;
  readonly conversations: StoredConversation[];
  /** Pages by path. */
  readonly pages: Map<string, { html: string; headers?: Record<string, string> }>;
  config: Record<string, unknown>;
  /** Uploaded files by id. */
  readonly files: Map<string, { name: string; type: string; bytes: Uint8Array<ArrayBuffer> }>;
  /** What pages told of Web Push, as `POST {…}` and `DELETE {…}`. */
  readonly subscriptions: string[];
  /** Whether a link to a file has run out: 403 until another is asked for. */
  expired: Set<string>;
  /** What a contact's message brings about. Default: nothing. */
  onMessage: (conversation: StoredConversation, frame: ContactFrame) => void;
  /** An error code for a message instead of an ack. Default: none. */
  refuse: (frame: ContactFrame) => string | null;
  /** Puts a message on record and sends it to every socket of the conversation. */
  say(conversation: StoredConversation, text: string, extra?: Record<string, unknown>): StoredMessage;
  /** Sends a frame to every socket of the conversation. */
  tell(conversation: StoredConversation, frame: object): void;
  /** Closes every socket; without a code the connection is cut. */
  dropSockets(code?: number): void;
  stop(): Promise<void>;
  /** Listens again at the same address. */
  start(): Promise<void>;
}

type Reply = (value: object) => void;

/** A point of P-256: the base point of the curve. */
const publicKey = 'BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU';

/** A server on a free port of the loopback interface. */
export async function startWidgetStandIn(): Promise<WidgetStandIn> {
  const conversations: StoredConversation[] = [];
  const tickets = new Map<string, StoredConversation>();
  const sockets = new Map<WebSocket, StoredConversation>();
  let port = 0;
  let http: Server;

  const server: WidgetStandIn = {
    get origin() {
      return `http://127.0.0.1:${port}`;
    },
    conversations,
    pages: new Map(),
    files: new Map(),
    subscriptions: [],
    expired: new Set(),
    config: {},
    onMessage: () => {},
    refuse: () => null,
    say(conversation, text, extra = {}) {
      const message = append(conversation, { id: randomUUID(), text, ...extra });
      server.tell(conversation, message);
      return message;
    },
    tell(conversation, frame) {
      for (const [socket, owner] of sockets) if (owner === conversation) socket.send(JSON.stringify(frame));
    },
    dropSockets(code) {
      for (const socket of sockets.keys()) {
        if (code === undefined) socket.terminate();
        else socket.close(code);
      }
    },
    stop() {
      server.dropSockets();
      return new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      });
    },
    start: listen,
  };

  function append(conversation: StoredConversation, message: { id: string; text: string; [extra: string]: unknown }): StoredMessage {
    const seq = conversation.messages.length + 1;
    const stored: StoredMessage = { type: 'message', seq, role: 'coach', class: 'reply', at: new Date().toISOString(), ...message };
    conversation.messages.push(stored);
    return stored;
  }

  function byToken(token: string | undefined): StoredConversation | undefined {
    return conversations.find((conversation) => conversation.token === token);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const page = server.pages.get(pathname);
    if (page !== undefined) send(response, 200, page.html, { 'content-type': 'text/html; charset=utf-8', ...page.headers });
    else if (pathname === '/widget.js' || pathname === '/widget-questions.js') {
      const script = await readFile(new URL(`../../dist/web${pathname}`, import.meta.url), 'utf8');
      send(response, 200, script, { 'content-type': 'text/javascript; charset=utf-8' });
    } else if (pathname.startsWith('/widget/words/')) {
      const words = await readFile(new URL(`../../web${pathname}`, import.meta.url), 'utf8');
      send(response, 200, words, { 'content-type': 'application/json' });
    } else if (pathname.startsWith('/files/')) sendFile(response, pathname.slice('/files/'.length));
    else {
      const [status, value] = await call(pathname.split('/').at(-1) ?? '', request);
      send(response, status, JSON.stringify(value), { 'content-type': 'application/json' });
    }
  }

  async function call(name: string, request: IncomingMessage): Promise<[status: number, value: unknown]> {
    if (request.method === 'OPTIONS') return [204, {}];
    const known = { config: server.config, push: { public_key: publicKey } };
    if (name === 'config' || name === 'push') return [200, known[name]];
    if (name === 'sessions') return openSession(await bodyOf(request));
    const conversation = byToken(request.headers.authorization?.replace('Bearer ', ''));
    if (conversation === undefined) return [401, { error: { code: 'UNAUTHENTICATED' } }];
    if (name === 'media') return [201, await keepFile(request)];
    if (name === 'subscriptions') return hearSubscription(request);
    if (name !== 'tickets') return linkOf(name);
    const ticket = randomUUID();
    tickets.set(ticket, conversation);
    return [201, { ticket }];
  }

  async function hearSubscription(request: IncomingMessage): Promise<[status: number, value: unknown]> {
    server.subscriptions.push(`${request.method} ${new TextDecoder().decode(await bytesOf(request))}`);
    return [204, ''];
  }

  async function keepFile(request: IncomingMessage): Promise<object> {
    const type = request.headers['content-type'] ?? '';
    const form = await new Response(await bytesOf(request), { headers: { 'content-type': type } }).formData();
    const file = form.get('file') as File;
    const id = randomUUID();
    server.files.set(id, { name: file.name, type: file.type, bytes: new Uint8Array(await file.arrayBuffer()) });
    const kind = /^(image|audio|video)/.exec(file.type)?.[1] ?? 'file';
    return { id, kind, type: file.type, name: file.name, bytes: file.size, url: `/files/${id}?signed` };
  }

  function linkOf(id: string): [status: number, value: unknown] {
    if (!server.files.has(id)) return [404, {}];
    server.expired.delete(id);
    return [200, { id, url: `/files/${id}?again` }];
  }

  function sendFile(response: ServerResponse, id: string): void {
    const file = server.files.get(id);
    response.writeHead(file === undefined || server.expired.has(id) ? 403 : 200, {
      'content-type': file?.type ?? 'text/plain',
      'cross-origin-resource-policy': 'cross-origin',
      'cache-control': 'no-store',
      ...(file?.type.startsWith('image/') ? {} : { 'content-disposition': 'attachment' }),
    });
    response.end(file?.bytes);
  }

  function openSession(body: { session_token?: string; contact?: unknown }): [status: number, value: unknown] {
    const known = byToken(body.session_token);
    if (body.session_token !== undefined && known === undefined) return [401, { error: { code: 'SESSION_ENDED' } }];
    const conversation = known ?? {
      sessionId: randomUUID(),
      token: randomUUID(),
      contact: body.contact,
      messages: [],
      received: new Map(),
      reads: [],
    };
    if (known === undefined) conversations.push(conversation);
    return [201, { session_token: conversation.token, session_id: conversation.sessionId, config: server.config }];
  }

  function serve(socket: WebSocket, conversation: StoredConversation): void {
    socket.on('error', () => socket.terminate());
    socket.on('close', () => sockets.delete(socket));
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data));
      const reply: Reply = (value) => socket.send(JSON.stringify(value));
      if (frame.type === 'hello') {
        greet(reply, conversation, frame.after ?? 0);
        sockets.set(socket, conversation);
      } else if (frame.type === 'ping') reply({ type: 'pong' });
      else if (frame.type === 'read') {
        conversation.reads.push(frame.seq);
        server.tell(conversation, { type: 'read', seq: Math.max(...conversation.reads) });
      } else if (frame.type !== 'typing') take(frame, reply, conversation);
    });
  }

  function greet(reply: Reply, { sessionId, messages, reads }: StoredConversation, after: number): void {
    const ids = { session_id: sessionId, conversation_id: sessionId };
    reply({
      type: 'welcome',
      ...ids,
      seq: messages.length,
      read_seq: Math.max(0, ...reads),
      status: 'active',
      typing: false,
      config_version: Number(server.config.version ?? 0),
    });
    for (const message of messages.slice(after)) reply(message);
  }

  function take(frame: ContactFrame, reply: Reply, conversation: StoredConversation): void {
    const { received, messages } = conversation;
    received.set(frame.id, (received.get(frame.id) ?? 0) + 1);
    const known = messages.find((message) => message.id === frame.id);
    const code = known === undefined ? server.refuse(frame) : null;
    if (known !== undefined) reply({ type: 'ack', id: frame.id, seq: known.seq });
    else if (code !== null) reply({ type: 'error', id: frame.id, error: { code, message: 'Cannot take this message' } });
    else accept(frame, reply, conversation);
  }

  function accept(frame: ContactFrame, reply: Reply, conversation: StoredConversation): void {
    const offer = conversation.messages.find((message) => message.seq === frame.message_seq);
    const buttons = (offer?.buttons ?? []) as { id: string; title: string }[];
    const text = frame.text ?? buttons.find((button) => button.id === frame.button)?.title ?? '';
    const attachments = (frame.attachments ?? []).map((id) => fileFrame(id));
    const extra = { ...(frame.button !== undefined && { button: frame.button }), ...(attachments.length > 0 && { attachments }) };
    const stored = append(conversation, { role: 'contact', class: 'inbound', id: frame.id, text, ...extra });
    reply({ type: 'ack', id: frame.id, seq: stored.seq });
    server.tell(conversation, stored);
    server.onMessage(conversation, frame);
  }

  function fileFrame(id: string): object {
    const { name, type, bytes } = server.files.get(id) ?? { name: '', type: '', bytes: new Uint8Array() };
    return { id, name, type, bytes: bytes.byteLength, kind: type.split('/')[0], url: `/files/${id}?signed` };
  }

  async function listen(): Promise<void> {
    http = createServer((request, response) => void answer(request, response));
    const upgrades = new WebSocketServer({ noServer: true, handleProtocols: () => 'coach.v1' });
    http.on('upgrade', (request, socket, head) => {
      const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
      const ticket = offered.find((name) => name.startsWith('ticket.'))?.slice('ticket.'.length) ?? '';
      const conversation = tickets.get(ticket);
      tickets.delete(ticket);
      if (conversation === undefined) socket.destroy();
      else upgrades.handleUpgrade(request, socket, head, (opened) => serve(opened, conversation));
    });
    await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
    const address = http.address();
    if (typeof address === 'object' && address !== null) port = address.port;
  }

  await listen();
  return server;
}

function send(response: ServerResponse, status: number, body: string, headers: Record<string, string>): void {
  response.writeHead(status, { 'access-control-allow-origin': '*', ...headers });
  response.end(body);
}

async function bytesOf(request: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return new Uint8Array(Buffer.concat(chunks));
}

async function bodyOf(request: IncomingMessage): Promise<{ session_token?: string; contact?: unknown }> {
  return JSON.parse(new TextDecoder().decode(await bytesOf(request)) || '{}');
}
