/** A WebSocket client of few microseconds a frame, so that the load leaves the machine to the server. Text frames only, no fragments. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface RawSocket {
  send(text: string): void;
  /** Hears every text frame; to be set before the first one is expected. */
  onText: (text: string) => void;
  /** Hears once that the connection has ended, with the server's close code where it said one. */
  onEnd: (code: number | null) => void;
  close(): void;
}

/** Opens a socket. @throws Error when the server answers anything but an upgrade */
export function openRawSocket(url: string, protocols: readonly string[] = []): Promise<RawSocket> {
  const { hostname, port, host, pathname } = new URL(url);
  const tcp = connect({ host: hostname, port: Number(port), noDelay: true });
  const lines = [
    `GET ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    'Sec-WebSocket-Version: 13',
    ...(protocols.length > 0 ? [`Sec-WebSocket-Protocol: ${protocols.join(', ')}`] : []),
  ];
  tcp.write(`${lines.join('\r\n')}\r\n\r\n`);
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    tcp.once('error', reject);
    tcp.on('data', function upgrade(chunk: Buffer) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      tcp.off('data', upgrade).off('error', reject);
      if (!head.subarray(0, end).toString().startsWith('HTTP/1.1 101')) {
        tcp.destroy();
        return reject(new Error(`Cannot open ${url}: ${head.toString().slice(0, 500)}`));
      }
      resolve(framesOver(tcp, head.subarray(end + 4)));
    });
  });
}

function framesOver(tcp: Socket, first: Buffer): RawSocket {
  let rest: Buffer = Buffer.alloc(0);
  let closeCode: number | null = null;

  function read(chunk: Buffer): void {
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let frame = frameAt(data); frame !== null; frame = frameAt(data)) {
      const payload = data.subarray(frame.start, frame.end);
      if (frame.opcode === 1) socket.onText(payload.toString('utf8'));
      else if (frame.opcode === 8 && payload.length >= 2) closeCode = payload.readUInt16BE();
      data = data.subarray(frame.end);
    }
    rest = data;
  }

  const socket: RawSocket = {
    send: (text) => tcp.write(masked(text)),
    onText: () => undefined,
    onEnd: () => undefined,
    close: () => tcp.destroy(),
  };
  tcp.on('data', read);
  tcp.on('error', () => tcp.destroy());
  tcp.on('close', () => socket.onEnd(closeCode));
  // Whoever opened the socket sets its listeners first.
  setImmediate(read, first);
  return socket;
}

/** Where the first whole frame of the data lies; null while it is not all there. A server's frames are not masked. */
function frameAt(data: Buffer): { opcode: number; start: number; end: number } | null {
  if (data.length < 2) return null;
  const short = (data[1] as number) & 127;
  if (short === 127) throw new Error('Cannot read a frame of 64 KiB or more');
  const start = short === 126 ? 4 : 2;
  if (data.length < start) return null;
  const end = start + (short === 126 ? data.readUInt16BE(2) : short);
  return data.length < end ? null : { opcode: (data[0] as number) & 15, start, end };
}

/** A text frame under the mask zero, which RFC 6455 allows and which leaves the text as it is. */
function masked(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const start = length < 126 ? 6 : 8;
  const frame = Buffer.alloc(start + length);
  frame[0] = 0x81;
  frame[1] = 0x80 | Math.min(length, 126);
  if (length >= 126) frame.writeUInt16BE(length, 2);
  frame.write(text, start);
  return frame;
}
