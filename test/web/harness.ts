/** A chat with everything outside in the test's hands: the clock, the storage, the calls and the sockets. */
import { type Chat, type ChatEvents, createChat, type Notice } from '../../web/widget/chat.ts';
import type { Socket } from '../../web/widget/connection.ts';
import { createMemoryStorage, type KeyValue } from '../../web/widget/outbox.ts';
import type { ClientFrame, MessageFrame } from '../../web/widget/protocol.ts';

/** A clock that stands still until it is moved. */
export interface TestClock {
  now(): number;
  after(ms: number, call: () => void): () => void;
  /** Moves on, calling what falls due in order, and lets promises settle in between. */
  advance(ms: number): Promise<void>;
}

/** Lets everything that waits on promises go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** Starts at a fixed instant. */
export function createTestClock(): TestClock {
  let now = Date.UTC(2026, 0, 5, 9);
  let timers: { at: number; call: () => void }[] = [];
  return {
    now: () => now,
    after(ms, call) {
      const timer = { at: now + ms, call };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    async advance(ms) {
      const until = now + ms;
      for (;;) {
        const due = timers.filter((timer) => timer.at <= until).sort((one, other) => one.at - other.at)[0];
        if (due === undefined) break;
        timers = timers.filter((timer) => timer !== due);
        now = Math.max(now, due.at);
        due.call();
        await settle();
      }
      now = until;
      await settle();
    },
  };
}

/** A socket whose other end is the test. */
export interface TestSocket extends Socket {
  readonly protocols: readonly string[];
  /** Everything sent, as frames. */
  readonly sent: ClientFrame[];
  readonly isClosed: boolean;
  opens(): void;
  hears(frame: object): void;
  closes(code: number): void;
}

/** One tab. */
export interface Tab {
  chat: Chat;
  clock: TestClock;
  storage: KeyValue;
  sockets: TestSocket[];
  /** The newest socket. */
  socket(): TestSocket;
  /** The HTTP calls, as `POST sessions {…}`. */
  calls: string[];
  /** What the next calls answer instead of success, by the end of the path. */
  answers: Map<string, { status: number; body?: unknown; headers?: Record<string, string> }>;
  notices: Notice[];
  /** Configurations read, in order. */
  configs: unknown[];
  heard: MessageFrame[];
  /** Starts, opens the socket and takes the welcome. */
  goOnline(seq?: number): Promise<void>;
  /** Opens the newest socket and welcomes it. */
  welcome(seq?: number): Promise<void>;
}

/** What the server says of an uploaded file. */
export const photo = { id: 'f1', kind: 'image', type: 'image/png', name: 'a.png', bytes: 3, url: '/api/v1/media/f1' } as const;

/** A tab that has not started yet; give two tabs the same storage and clock to have them in one browser. */
export function openTab(shared: { storage?: KeyValue; clock?: TestClock; name?: string } = {}): Tab {
  const clock = shared.clock ?? createTestClock();
  const storage = shared.storage ?? createMemoryStorage();
  const { name = 'tab' } = shared;
  const tab: Omit<Tab, 'chat' | 'goOnline' | 'welcome' | 'socket'> = {
    clock,
    storage,
    sockets: [],
    calls: [],
    answers: new Map(),
    notices: [],
    configs: [],
    heard: [],
  };
  let ids = 0;
  let sessions = 0;

  async function answer(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const path = new URL(String(input)).pathname.split('/').at(-1) ?? '';
    tab.calls.push(`${init?.method} ${path} ${init?.body ?? ''}`.trim());
    const prepared = tab.answers.get(path);
    tab.answers.delete(path);
    if (prepared !== undefined) return new Response(JSON.stringify(prepared.body ?? {}), prepared);
    if (init?.body instanceof FormData) return Response.json({ ...photo, name: (init.body.get('file') as File).name });
    if (path === 'config') return Response.json({ version: 7 });
    if (path === 'tickets') return Response.json({ ticket: 'T' });
    const token = (JSON.parse(String(init?.body ?? '{}')) as { session_token?: string }).session_token;
    if (token === undefined) sessions += 1;
    const id = token ?? `${name}-session-${sessions}`;
    return Response.json({ session_token: id, session_id: id, config: {} });
  }

  const events: ChatEvents = {
    changed: () => {},
    message: (message) => tab.heard.push(message),
    notice: (notice) => tab.notices.push(notice),
    config: (config) => tab.configs.push(config),
  };
  const chat = createChat(
    {
      clock,
      storage,
      random: () => 0.5,
      uuid: () => `${name}-${ids++}`,
      fetch: answer as typeof fetch,
      openSocket: (_url, protocols) => {
        const socket = createTestSocket(protocols);
        tab.sockets.push(socket);
        return socket;
      },
      server: 'https://coach.example',
      creator: 'c1',
      entry: null,
      contact: { zone: 'Europe/Lisbon', language: 'pt' },
    },
    events,
  );
  const socket = () => {
    const newest = tab.sockets.at(-1);
    if (newest === undefined) throw new Error('Cannot find a socket: none was opened');
    return newest;
  };
  const welcome = async (seq = 0) => {
    socket().opens();
    socket().hears({ type: 'welcome', session_id: 's', conversation_id: 'v', seq, status: 'active', typing: false });
    await settle();
  };
  return {
    ...tab,
    chat,
    socket,
    welcome,
    async goOnline(seq) {
      chat.start();
      await settle();
      await welcome(seq);
    },
  };
}

function createTestSocket(protocols: readonly string[]): TestSocket {
  const sent: ClientFrame[] = [];
  let isClosed = false;
  const socket: TestSocket = {
    protocols,
    sent,
    get isClosed() {
      return isClosed;
    },
    onopen: null,
    onmessage: null,
    onclose: null,
    send: (text) => void sent.push(JSON.parse(text)),
    close: () => {
      isClosed = true;
    },
    opens: () => socket.onopen?.({} as never),
    hears: (frame) => socket.onmessage?.({ data: JSON.stringify(frame) }),
    closes(code) {
      isClosed = true;
      socket.onclose?.({ code });
    },
  };
  return socket;
}

/** A coach's message as the server frames it. */
export function coachSays(seq: number, text = `m${seq}`): MessageFrame {
  return { type: 'message', seq, id: `id-${seq}`, role: 'coach', text, at: '2026-01-05T09:00:00.000Z' };
}
