/** One live socket at a time: opens it with a fresh ticket, resumes where the record ends, and opens it again when it is lost. */
import type { Clock } from '../../src/clock.ts';
import { type AfterClose, afterClose, afterStatus, backoffMs } from './closing.ts';
import { type ClientFrame, parseFrame, type ServerFrame } from './protocol.ts';
import { CallFailure } from './session.ts';

/** The part of `WebSocket` that is used. */
export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** How the connection stands. `stopped` is for good, until `start` is called again. */
export type ConnectionState = 'idle' | 'connecting' | 'online' | 'waiting' | 'stopped';

/** What the connection needs, and whom it tells. */
export interface ConnectionDeps {
  clock: Pick<Clock, 'now' | 'after'>;
  /** At least 0, below 1. */
  random: () => number;
  /** @throws CallFailure */
  ticket: () => Promise<string>;
  openSocket: (ticket: string) => Socket;
  /** The `seq` to resume after. */
  cursor: () => number;
  onState: (state: ConnectionState) => void;
  onFrame: (frame: ServerFrame) => void;
  /** The socket is gone, or a call before it failed. */
  onLost: (after: AfterClose) => void;
}

/** The connection of one conversation. */
export interface Connection {
  readonly state: ConnectionState;
  start(): void;
  /** Closes and stays closed. */
  stop(): void;
  /** The network or the person is back: tries now, or makes sure that the open socket still answers. */
  wake(): void;
  /** Gives up the socket and opens another at once. */
  reopen(): void;
  /** Sends when online; false means that nothing was sent. */
  send(frame: ClientFrame): boolean;
}

const pingEveryMs = 25_000;
const answerWithinMs = 10_000;
const wokenAnswerWithinMs = 3_000;
const openWithinMs = 20_000;

/** Nothing happens before `start`. */
export function createConnection(deps: ConnectionDeps): Connection {
  let state: ConnectionState = 'idle';
  let socket: Socket | null = null;
  let attempt = 0;
  // Each try has its number, so that what an abandoned one still says is not heard.
  let current = 0;
  let cancelTimer = () => {};
  let awaitsAnswer = false;

  function enter(next: ConnectionState): void {
    state = next;
    deps.onState(next);
  }

  function setTimer(ms: number, call: () => void): void {
    cancelTimer();
    cancelTimer = deps.clock.after(ms, call);
  }

  async function connect(): Promise<void> {
    release();
    const mine = current;
    enter('connecting');
    try {
      const ticket = await deps.ticket();
      if (mine === current) open(deps.openSocket(ticket), mine);
    } catch (failure) {
      if (mine !== current) return;
      // What is no answer of the server (a blocked socket, a bug of a browser) is tried again like a lost network.
      const known = failure instanceof CallFailure ? failure : new CallFailure(0, 0);
      lost(afterStatus(known.status), known.retryAfterMs);
    }
  }

  function open(opened: Socket, mine: number): void {
    socket = opened;
    setTimer(openWithinMs, () => lost(afterClose(1006), 0));
    opened.onopen = () => {
      if (mine === current) write({ type: 'hello', after: deps.cursor() });
    };
    opened.onmessage = (event) => {
      const frame = mine === current ? parseFrame(event.data) : null;
      if (frame !== null) hear(frame);
    };
    opened.onclose = (event) => {
      if (mine === current) lost(afterClose(event.code), 0);
    };
  }

  function hear(frame: ServerFrame): void {
    if (frame.type === 'welcome') attempt = 0;
    // Only the answer to a ping restarts the clock: the server closes a socket that hears nothing from its client, however much it says.
    if (frame.type === 'welcome' || awaitsAnswer) {
      awaitsAnswer = false;
      setTimer(pingEveryMs, () => ping());
    }
    deps.onFrame(frame);
    if (frame.type === 'welcome') enter('online');
    if (frame.type === 'closing') lost(afterClose(1012), frame.retry_after_ms);
  }

  function ping(withinMs = answerWithinMs): void {
    awaitsAnswer = true;
    write({ type: 'ping' });
    setTimer(withinMs, () => lost(afterClose(1006), 0));
  }

  function write(frame: ClientFrame): void {
    socket?.send(JSON.stringify(frame));
  }

  /** Lets go of the socket and of every timer; whatever they still do belongs to an earlier try. */
  function release(): void {
    current += 1;
    awaitsAnswer = false;
    cancelTimer();
    const old = socket;
    socket = null;
    old?.close(1000);
  }

  function lost(after: AfterClose, serverWaitMs: number): void {
    release();
    enter(after.next === 'stop' ? 'stopped' : 'waiting');
    deps.onLost(after);
    if (after.next === 'stop') return;
    // A server that restarts gives all its clients the same wait: the jitter on top keeps them from coming at once.
    const waitMs = Math.max(backoffMs(attempt, deps.random()), after.minimumMs, serverWaitMs * (1 + deps.random() / 2));
    attempt += 1;
    setTimer(waitMs, () => void connect());
  }

  return {
    get state() {
      return state;
    },
    start() {
      if (state === 'idle' || state === 'stopped') void connect();
    },
    stop() {
      release();
      enter('idle');
    },
    wake() {
      if (state === 'waiting') void connect();
      // What slept in a pocket has often lost its socket without being told.
      else if (state === 'online') ping(wokenAnswerWithinMs);
    },
    reopen() {
      deps.onLost(afterClose(1006));
      void connect();
    },
    send(frame) {
      if (state !== 'online') return false;
      write(frame);
      return true;
    },
  };
}
