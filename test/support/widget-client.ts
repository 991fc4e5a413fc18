/** A widget's socket from the outside: connects over loopback, remembers every frame, and tells how it ended. */
import { type RawData, WebSocket } from 'ws';

export interface ServerFrame {
  type: string;
  [key: string]: unknown;
}

export interface WidgetClient {
  socket: WebSocket;
  /** Frames heard so far. */
  frames: ServerFrame[];
  send(frame: unknown): void;
  /** The first frame, heard or still to come, that fits. */
  next(fits: (frame: ServerFrame) => boolean): Promise<ServerFrame>;
  /** The code the socket closed with. */
  closed: Promise<number>;
}

export interface ConnectOptions {
  protocols?: string[];
  origin?: string;
}

/** Resolves when the socket is open. Rejects with the HTTP status when the server refused the upgrade. */
export function connectWidget(url: string, { protocols, origin }: ConnectOptions = {}): Promise<WidgetClient> {
  const socket = new WebSocket(url, protocols ?? [], origin === undefined ? {} : { origin });
  const frames: ServerFrame[] = [];
  const waiting = new Set<() => void>();
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  socket.on('message', (data: RawData) => {
    frames.push(JSON.parse(data.toString()));
    for (const look of [...waiting]) look();
  });
  const client: WidgetClient = {
    socket,
    frames,
    closed,
    send: (frame) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    next: (fits) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = frames.find(fits);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        void closed.then((code) => reject(new Error(`Socket closed with ${code} after ${JSON.stringify(frames).slice(0, 500)}`)));
        look();
      }),
  };
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(client));
    socket.once('unexpected-response', (request, response) => {
      let body = '';
      response.on('data', (piece: Buffer) => {
        body += piece.toString();
      });
      response.on('close', () => {
        request.destroy();
        reject(new RefusedUpgrade(response.statusCode ?? 0, body));
      });
    });
    socket.on('error', reject);
  });
}

/** The server answered the upgrade with an HTTP status. */
export class RefusedUpgrade extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`Upgrade refused with ${status}`);
    this.status = status;
    this.body = body;
  }
}
