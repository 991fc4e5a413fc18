/** Upgrades requests to sockets, the same under every runtime, and keeps the open ones so that a shutdown can say goodbye. */
import type { MiddlewareHandler } from 'hono';
import type { UpgradeWebSocket } from 'hono/ws';
import * as v from 'valibot';
import type { Connection, ServedSocket } from '../channels/connection.ts';
import { liveSubprotocol } from '../channels/live.ts';
import { maxFrameBytes, subprotocol } from '../channels/widget-frames.ts';
import { AppError } from '../errors.ts';
import { readSessionNews } from '../shared/fan-out.ts';

/** The part of a runtime's socket beyond what Hono offers: the standard's `bufferedAmount`. */
export interface BufferedSocket {
  readonly bufferedAmount: number;
}

export interface SocketsDeps {
  /** The runtime's own upgrade. */
  upgradeWebSocket: UpgradeWebSocket<BufferedSocket>;
  /** At least 0, below 1: spreads reconnecting clients over time. */
  random: () => number;
  /** Open sockets above which an upgrade is answered 503. Default 20 000. */
  maxSockets?: number;
}

/** Whose socket it is: a contact's names its conversation, a member's the sign-in. */
export interface SocketOwner {
  creatorId: string;
  conversationId?: string;
  sid?: string;
}

/** Every socket of this process. */
export interface Sockets {
  /** Subprotocols we speak, best first. */
  readonly protocols: readonly string[];
  /** The cap of one incoming message, in bytes. */
  readonly maxFrameBytes: number;
  /** Refuses what cannot become a socket now. @throws AppError INVALID_INPUT not an upgrade · OVERLOADED too many sockets, or leaving */
  admit(upgradeHeader: string | undefined): void;
  /** Answers the request with an upgrade and serves the socket with what `open` makes. */
  serve(owner: SocketOwner, open: (connection: Connection) => ServedSocket): MiddlewareHandler;
  /** Takes SessionNews, as heard on `sessionsTopic`, and closes at once whatever it names with 4401. */
  hearSessions(news: unknown): void;
  /** Takes what is heard on `widgetsTopic` and tells the creator's sockets. */
  hearWidgets(news: unknown): void;
  /** Asks every client to come back after half to one and a half times `retryAfterMs`, and takes no new ones. */
  closeAll(retryAfterMs: number): void;
  /** How many are open. */
  size(): number;
}

/** The sockets of this process, upgraded by its runtime. */
export function createSockets(deps: SocketsDeps): Sockets {
  const { upgradeWebSocket, random, maxSockets = 20_000 } = deps;
  const open = new Map<ServedSocket, SocketOwner>();
  let leaving = false;

  return {
    protocols: [subprotocol, liveSubprotocol],
    maxFrameBytes,
    admit(upgradeHeader) {
      if (upgradeHeader?.toLowerCase() !== 'websocket') throw new AppError('INVALID_INPUT', 'Open this address as a WebSocket');
      if (leaving || open.size >= maxSockets) {
        throw new AppError('OVERLOADED', 'Cannot take another socket now', {
          details: { retry_after_ms: Math.round(1000 + random() * 4000) },
        });
      }
    },
    serve: (owner, make) =>
      upgradeWebSocket(() => {
        let socket: ServedSocket | undefined;
        return {
          onOpen(_event, context) {
            socket = make({
              send: (text) => context.send(text),
              close: (code, reason) => context.close(code, reason),
              bufferedAmount: () => context.raw?.bufferedAmount ?? 0,
            });
            open.set(socket, owner);
            if (leaving) socket.leave(0);
          },
          onMessage({ data }) {
            if (typeof data === 'string') socket?.onText(data);
            else socket?.onBinary();
          },
          onClose() {
            if (socket === undefined) return;
            open.delete(socket);
            socket.onClose();
          },
        };
      }),
    hearSessions(heard) {
      const news = readSessionNews(heard);
      if (news === null) return;
      for (const [socket, owner] of open) if (isNamed(owner, news)) socket.endSession();
    },
    hearWidgets(heard) {
      const news = v.safeParse(Changed, heard);
      if (!news.success) return;
      for (const [socket, { creatorId }] of open) if (creatorId === news.output.creator_id) socket.configChanged(news.output.version);
    },
    closeAll(retryAfterMs) {
      leaving = true;
      for (const socket of open.keys()) socket.leave(Math.round(retryAfterMs * (0.5 + random())));
    },
    size: () => open.size,
  };
}

const Changed = v.object({ creator_id: v.string(), version: v.number() });

function isNamed({ creatorId, conversationId, sid }: SocketOwner, news: NonNullable<ReturnType<typeof readSessionNews>>): boolean {
  if (creatorId !== news.creator_id) return false;
  return (
    news.all ||
    (sid !== undefined && news.sids.includes(sid)) ||
    (conversationId !== undefined && news.conversation_ids.includes(conversationId))
  );
}
