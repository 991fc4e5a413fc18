/** The whole answer to an upgrade that the app refuses: the adapter would send its status and headers alone. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** Headers that speak of this connection, which is written by hand here. */
const ofTheConnection = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);

/** Writes the answer and closes the connection. The adapter leaves a closed one alone. */
export async function refuseUpgrade(socket: Socket, response: Response): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  const headers = [...response.headers].filter(([name]) => !ofTheConnection.has(name)).map(([name, value]) => `${name}: ${value}`);
  const status = `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}`;
  const head = [status, ...headers, `content-length: ${body.byteLength}`, 'connection: close', '', ''].join('\r\n');
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    if (socket.destroyed) resolve();
    else socket.end(Buffer.concat([Buffer.from(head, 'latin1'), body]), () => resolve());
  });
  socket.destroy();
}
