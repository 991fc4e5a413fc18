/** Serves the app and its sockets over Node's HTTP server. */
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createAdaptorServer, upgradeWebSocket as upgrade, type WebSocketServerLike } from '@hono/node-server';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';
import type { GetConnInfo } from 'hono/conninfo';
import type { UpgradeWebSocket, WSEvents } from 'hono/ws';
import { type ServerOptions, WebSocket, WebSocketServer } from 'ws';
import type { Log } from '../log.ts';
import { refuseUpgrade } from './refuse-upgrade.ts';

export interface ServeOptions {
  app: { fetch(request: Request, env?: unknown): Response | Promise<Response> };
  sockets: {
    /** Subprotocols we speak, best first. */
    readonly protocols: readonly string[];
    /** The cap of one incoming message; more closes with 1009. */
    readonly maxFrameBytes: number;
    closeAll(retryAfterMs: number): void;
    size(): number;
  };
  /** Address to listen on. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  log: Log;
}

export interface Serving {
  /** The port that was bound. */
  port: number;
  /** Takes nothing new, says goodbye to the sockets, and gives requests under way up to 10 s. The same promise however often it is called. */
  close(): Promise<void>;
}

/** All times in milliseconds. Node's request time runs until the request has been received; answers may stream for as long as they need. */
const limits = {
  headersMs: 10_000,
  requestMs: 60_000,
  keepAliveMs: 10_000,
  headerBytes: 16 * 1024,
  /** How long a peer may take to answer a closing handshake before it is cut off. */
  closeHandshakeMs: 5_000,
  /** Around when clients shall come back after a restart. */
  retryAfterMs: 2_000,
  goodbyeMs: 10_000,
  sweepMs: 100,
} as const;

/** What the adapter reads of a request that it upgrades. */
interface Upgraded {
  req: { url: string; header(): string };
  env: { incoming: IncomingMessage | undefined };
}

/** Requests that are becoming sockets. */
const upgrading = new WeakSet<IncomingMessage>();

/**
 * The upgrade for `createSockets`. The adapter keeps all it is given for as long as the socket lives, so it is given no more of the
 * request than it reads: measured, a third of what an idle socket weighs. The sockets are those of `ws`, which have
 * `bufferedAmount`, though the adapter's type does not say so.
 */
export const upgradeWebSocket = ((open: (c: Context) => WSEvents) => (c: Context) => {
  const events = open(c);
  upgrading.add(c.env.incoming);
  const request: Upgraded = { req: { url: c.req.url, header: () => 'websocket' }, env: c.env };
  const { onMessage, ...others } = events;
  return upgrade(request as unknown as Context, {
    ...others,
    onOpen(event, socket) {
      request.env.incoming = undefined;
      // Straight from the socket: the adapter makes an event like a browser's of each frame.
      (socket.raw as WebSocket).on('message', (data, isBinary) => {
        try {
          onMessage?.({ data: isBinary ? data : String(data) } as MessageEvent, socket);
        } catch {
          // Handlers answer what they are given. Whatever escapes one ends its socket, not the server.
          socket.close(1011, 'failed');
        }
      });
      events.onOpen?.(event, socket);
    },
  });
}) as unknown as UpgradeWebSocket<{ readonly bufferedAmount: number }>;

/** Frames of fewer characters wait for the others of their moment; a large one is worth a write of its own. */
const gatherBelow = 4_096;

/** A socket that gives the system in one write what was said at one moment: a write costs as much as many small frames. */
class GatheringWebSocket extends WebSocket {
  #gathering = false;

  override send(...args: [data: string]): void {
    // Where `ws` keeps its stream, which its types do not tell.
    const stream = (this as unknown as { _socket: Socket })._socket;
    if (!this.#gathering && args[0].length < gatherBelow && this.readyState === WebSocket.OPEN) {
      this.#gathering = true;
      stream.cork();
      process.nextTick(() => {
        this.#gathering = false;
        stream.uncork();
      });
    }
    super.send(...args);
  }
}

/** The address of a request's other end. */
export const connInfo: GetConnInfo = getConnInfo;

/**
 * Listens until closed.
 *
 * @throws Error with `code` EADDRINUSE, EACCES, … when the address cannot be bound
 */
export async function serve({ app, sockets, host, port, log }: ServeOptions): Promise<Serving> {
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    WebSocket: GatheringWebSocket,
    clientTracking: false,
    maxPayload: sockets.maxFrameBytes,
    perMessageDeflate: false,
    // The ticket is offered as a subprotocol too and must not come back.
    handleProtocols: (offered) => sockets.protocols.find((ours) => offered.has(ours)) ?? false,
    // An option of ws 8.19 that its types do not know yet.
    closeTimeout: limits.closeHandshakeMs,
  };
  const webSockets = new WebSocketServer(options);
  const server = createAdaptorServer({
    async fetch(request, env) {
      const response = await app.fetch(request, env);
      const { incoming, outgoing } = env as { incoming: IncomingMessage; outgoing?: unknown };
      if (outgoing === undefined && !upgrading.has(incoming)) await refuseUpgrade(incoming.socket, response);
      return response;
    },
    // The types differ only in how they write optional properties.
    websocket: { server: webSockets as unknown as WebSocketServerLike },
    // The globals stay the runtime's own: other code of the process must not meet the adapter's Request.
    overrideGlobalObjects: false,
    serverOptions: {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
    },
  });
  if (!('closeIdleConnections' in server)) throw new Error('Cannot serve without an HTTP/1.1 server');
  const http = server;

  await listen(http, port, host);
  http.on('error', (error) => log.error('http.server_failed', error));

  let closing: Promise<void> | undefined;

  async function end(): Promise<void> {
    const ended = new Promise<void>((resolve) => http.close(() => resolve()));
    const open = sockets.size();
    sockets.closeAll(limits.retryAfterMs);
    http.closeIdleConnections();
    // A connection whose answer ends from now on is kept alive by the client; nobody else would close it in time.
    const sweep = setInterval(() => http.closeIdleConnections(), limits.sweepMs);
    const overdue = setTimeout(() => http.closeAllConnections(), limits.goodbyeMs);
    await ended;
    clearInterval(sweep);
    clearTimeout(overdue);
    log.info('http.closed', { sockets: open });
  }

  return {
    port: (http.address() as AddressInfo).port,
    close: () => (closing ??= end()),
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
