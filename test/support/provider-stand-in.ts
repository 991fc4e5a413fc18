/** What the stand-ins of providers share: a loopback server that reads JSON, and faults that are used up one by one. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An answer of a stand-in. `lost`: the connection is cut instead. */
export interface StandInAnswer {
  status: number;
  body: unknown;
  lost?: boolean;
  /** Bytes in place of `body`. */
  file?: Uint8Array;
}

/** A running stand-in server. */
export interface StandInServer {
  /** Base address without a trailing slash. */
  url: string;
  close(): Promise<void>;
}

/** Serves JSON and forms on a loopback port, a free one unless told. */
export async function serveJson(
  answer: (request: IncomingMessage, path: string, body: Record<string, unknown>) => Promise<StandInAnswer> | StandInAnswer,
  port = 0,
): Promise<StandInServer> {
  const server = createServer((request, response) => {
    readBody(request)
      .then((body) => answer(request, request.url ?? '/', body))
      .then(({ status, body, lost, file }) => {
        if (lost) response.destroy();
        else if (file) response.writeHead(status, { 'Content-Type': 'application/octet-stream' }).end(file);
        else response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** JSON, or the fields of a form: texts and files. */
async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/')) return bytes.byteLength === 0 ? {} : JSON.parse(bytes.toString('utf8'));
  return Object.fromEntries((await new Response(bytes, { headers: { 'Content-Type': type } }).formData()).entries());
}

/** Code points of a text, as providers count. */
export function pointsOf(value: unknown): number {
  return typeof value === 'string' ? [...value].length : Number.POSITIVE_INFINITY;
}
