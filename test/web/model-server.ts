/** The smallest server a tab can talk to: a list of messages that takes each id once, and loses what it is told to lose. */
import { settle, type Tab, type TestSocket } from './harness.ts';

/** The server's side of one tab. */
export interface ModelServer {
  /** Everything on record, in order of `seq`. */
  readonly log: readonly { id: string; role: string; text: string }[];
  /** Welcomes a socket that is new and replays what it has not seen. */
  greet(): Promise<void>;
  /** The coach says something; a socket that is open hears it. */
  coach(): void;
  /** Takes in what the socket carried. Answers may be lost, or come twice. */
  take(how: { answers: boolean; twice: boolean }): void;
  /** Sends a message on record once more. */
  repeat(index: number): void;
}

/** A server without messages. */
export function createModelServer(tab: Tab): ModelServer {
  const log: { id: string; role: string; text: string }[] = [];
  const read = new Map<TestSocket, number>();

  function open(): TestSocket | null {
    const socket = tab.sockets.at(-1);
    return socket !== undefined && !socket.isClosed && read.has(socket) ? socket : null;
  }

  function say(index: number): void {
    const message = log[index];
    if (message !== undefined) open()?.hears({ type: 'message', seq: index + 1, at: '2026-01-05T09:00:00Z', ...message });
  }

  function record(id: string, text: string): number {
    const known = log.findIndex((message) => message.id === id);
    return known === -1 ? log.push({ id, text, role: 'contact' }) - 1 : known;
  }

  return {
    log,
    async greet() {
      const socket = tab.sockets.at(-1);
      if (socket === undefined || socket.isClosed || read.has(socket)) return;
      read.set(socket, 0);
      await tab.welcome(log.length);
      const hello = socket.sent[0];
      for (let index = hello?.type === 'hello' ? hello.after : 0; index < log.length; index += 1) say(index);
    },
    coach: () => say(log.push({ id: `coach-${log.length}`, text: `c${log.length}`, role: 'coach' }) - 1),
    take({ answers, twice }) {
      const socket = open();
      if (socket === null) return;
      const frames = socket.sent.slice(read.get(socket));
      read.set(socket, socket.sent.length);
      if (frames.some((frame) => frame.type === 'ping')) socket.hears({ type: 'pong' });
      for (const frame of frames.filter((sent) => sent.type === 'message')) {
        const index = record(frame.id, frame.text);
        if (!answers) continue;
        socket.hears({ type: 'ack', id: frame.id, seq: index + 1 });
        if (twice) socket.hears({ type: 'ack', id: frame.id, seq: index + 1 });
        say(index);
      }
    },
    repeat: say,
  };
}

/** Lets the network hold until the tab and the server agree, or no progress is made. */
export async function letItHold(tab: Tab, server: ModelServer): Promise<void> {
  for (let round = 0; round < 200; round += 1) {
    if (tab.chat.waiting.length === 0 && tab.chat.record.messages.length === server.log.length) return;
    await tab.clock.advance(2_000);
    await server.greet();
    server.take({ answers: true, twice: false });
    await settle();
  }
}
