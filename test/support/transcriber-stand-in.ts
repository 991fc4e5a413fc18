/** A speech recogniser for tests: OpenAI's `POST /v1/audio/transcriptions` on a loopback port, with its faults on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What goes wrong. A number is the status of the refusal. */
export type TranscriberFault =
  | number
  | 'silent' // accepts and never answers
  | 'html' // a proxy's page with status 200
  | 'no-text' // JSON of another kind
  | 'too-large' // an answer without end
  | 'cut-off' // the connection ends in the middle
  | null;

/** A request as it arrived. */
export interface TranscriberCall {
  authorization: string | null;
  fields: Record<string, string>;
  file: { name: string; type: string; bytes: Uint8Array };
}

/** The running stand-in. */
export interface TranscriberStandIn {
  url: string;
  calls: TranscriberCall[];
  /** What goes wrong, one after the other; the last one goes on. Nothing when empty. */
  faults: TranscriberFault[];
  /** What is heard in a recording. */
  hear: (bytes: Uint8Array) => string;
  close(): Promise<void>;
}

/** Starts it. Hears what the bytes after the mark of the format say as text, unless told. */
export async function startTranscriber(port = 0): Promise<TranscriberStandIn> {
  const server = createServer((request, response) => {
    take(request).then(
      (call) => {
        standIn.calls.push(call);
        const fault = standIn.faults.length > 1 ? standIn.faults.shift() : standIn.faults[0];
        if (!fail(response, fault ?? null)) json(response, 200, { text: standIn.hear(call.file.bytes) });
      },
      (error: Error) => json(response, 400, { error: { message: error.message } }),
    );
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const standIn: TranscriberStandIn = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    faults: [],
    hear: (bytes) => new TextDecoder().decode(bytes.slice(4)),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return standIn;
}

/** A recording by its content, in which the stand-in hears the words. */
export function recordingOf(words: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`OggS${words}`);
}

async function take(request: IncomingMessage): Promise<TranscriberCall> {
  if (request.method !== 'POST' || request.url !== '/v1/audio/transcriptions') throw new Error(`No ${request.method} ${request.url}`);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers = { 'content-type': request.headers['content-type'] ?? '' };
  const form = await new Response(Buffer.concat(chunks), { headers }).formData();
  const file = form.get('file');
  if (!(file instanceof File) || !form.has('model')) throw new Error('file and model are required');
  const fields = Object.fromEntries([...form].filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  const bytes = new Uint8Array(await file.arrayBuffer());
  return { authorization: request.headers.authorization ?? null, fields, file: { name: file.name, type: file.type, bytes } };
}

function fail(response: ServerResponse, fault: TranscriberFault): boolean {
  if (fault === null) return false;
  if (fault === 'silent') return true;
  if (fault === 'html') response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html><body>Gateway</body></html>\n');
  else if (fault === 'no-text') json(response, 200, { segments: [] });
  else if (fault === 'too-large') json(response, 200, { text: 'word '.repeat(100_000) });
  else if (fault === 'cut-off') response.writeHead(200, { 'Content-Length': '1000' }).write('{"te', () => response.destroy());
  else json(response, fault, { error: { message: 'no' } });
  return true;
}

function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}
